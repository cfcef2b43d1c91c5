"""Registers environments of this folder in whichever process imports it."""

import gymnasium as gym

ENTRIES = {
    "BigBox": "wide_actions:BigBox",
    "Broken": "broken:Broken",
    "Costly": "costly:Costly",
    "DictStart": "dict_start:DictStart",
    "Dtype": "dtypes:Dtype",
    "Growing": "spaces:Growing",
    "Image": "images:Image",
    "LastReset": "shared_world:LastReset",
    "Masked": "masked:Masked",
    "NeverEnding": "endless:NeverEnding",
    "Noisy": "noisy:Noisy",
    "OldApi": "old_api:OldApi",
    "OldRender": "old_api:OldRender",
    "OldReset": "old_api:OldReset",
    "OldStep": "old_api:OldStep",
    "Paying": "paying:Paying",
    "Prices": "prices:Prices",
    "Reseeding": "reseeding:Reseeding",
    "Reused": "reused_buffer:Reused",
    "Settings": "settings:Settings",
    "SharedWorld": "shared_world:SharedWorld",
    "Spaces": "spaces:Spaces",
    "Unseeded": "unseeded:Unseeded",
    "Won": "won:Won",
}
for name, entry in ENTRIES.items():
    gym.register(f"{name}-v0", entry_point=f"tests.cases.{entry}")
