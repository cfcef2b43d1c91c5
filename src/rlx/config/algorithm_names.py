"""Names of algorithms and of their settings, as configs and rl-zoo's entries write them."""

from __future__ import annotations

from typing import Any

from rlx.config.algorithm_config import BUILT_IN, ZOO_NAMES, AlgorithmConfig, own_settings
from rlx.config.ppo_config import PPOConfig

SHOWN = 5
"""How many algorithms a complaint names."""


def algorithm_in(section: Any) -> str | None:
    """Return the algorithm that a section ``algo`` names, or that stands in its place; None where it names none.

    rl-zoo writes its names in any case (``algo: PPO``), and has its own for some (:data:`ZOO_NAMES`).
    """
    name = section.get("name") if isinstance(section, dict) else section
    if not isinstance(name, str):
        return None
    known = ZOO_NAMES.get(name.lower(), name.lower())
    return known if known in BUILT_IN else name


def is_library(settings: type[AlgorithmConfig]) -> bool:
    """Tell whether settings are of an algorithm whose entries rl-zoo has: one of a library's."""
    return issubclass(settings, PPOConfig) or algorithm_name(settings) in BUILT_IN


def algorithm_name(settings: type[AlgorithmConfig]) -> str:
    """Return the algorithm whose settings these are; an empty word where they do not say."""
    name = settings.model_fields["name"].default
    return name if isinstance(name, str) else ""


def all_settings() -> dict[str, type[AlgorithmConfig]]:
    """Return the settings of all of rlx's own algorithms by name."""
    found = {name: own_settings(name) for name in BUILT_IN}
    return {name: settings for name, settings in found.items() if settings is not None}


def owners_of(key: str) -> list[str]:
    """Return which of rlx's own algorithms have a setting, by its name or by the one that their library has for it."""
    return [
        name
        for name, settings in all_settings().items()
        if key != "name" and settings.other_names.get(key, key) in settings.model_fields
    ]


def told_owners(names: list[str]) -> str:
    """Return a few of several algorithms, in words: ``ppo (and trpo, …)``."""
    rest = ", ".join([*names[1:SHOWN], *(["…"] if len(names) > SHOWN else [])])
    return f"{names[0]} (and {rest})" if rest else names[0]
