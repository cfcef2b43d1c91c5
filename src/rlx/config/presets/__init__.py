"""Settings that are known to work, by algorithm and environment: data with their source, a file for each algorithm.

``<algorithm>.yaml`` says under ``entries`` what is tuned, by an environment's id without its version; under ``otherwise`` with what
an environment is started that has no entry: ``images``, ``continuous`` (actions and observations), or any (``default``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from rlx.config.algorithm_config import BUILT_IN
from rlx.config.document import parse_document

Settings = dict[str, Any]
SECTIONS = ("env", "algo", "policy")


@dataclass(frozen=True)
class Entry:
    """What is said of ``env``, ``algo`` and ``policy``; what it leaves out has the library's defaults.

    Attributes:
        env: Of the environment, but for its id.
        algo: Of the algorithm, but for its name.
        policy: Of the network.
        told: Where it comes from, in words, where that is not what its file says of all.
    """

    env: Settings
    algo: Settings
    policy: Settings
    told: str = ""


@dataclass(frozen=True)
class Presets:
    """What is known of one algorithm.

    Attributes:
        source: Where the entries come from, in words.
        entries: What is tuned, by an environment's id without its version.
        otherwise: What others are started with: of ``images``, ``continuous``, and ``default``, which is always there.
    """

    source: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    otherwise: Mapping[str, Entry] = field(default_factory=dict)


@cache
def presets_of(algorithm: str) -> Presets:
    """Return what is known of an algorithm, one of rlx's own or a project's; of one without a file, that it has defaults."""
    file = files("rlx.config").joinpath("presets", f"{algorithm}.yaml")
    if algorithm not in BUILT_IN:
        own = Entry({"num_envs": 1}, {"total_timesteps": 100_000}, {}, f"{algorithm}'s own defaults")
        return Presets("", {}, {"default": own})
    if not file.is_file():
        library = "SBX" if algorithm.startswith("sbx_") else "sb3-contrib"
        return Presets(
            "", {}, {"default": Entry({"num_envs": 1}, {"total_timesteps": 1_000_000}, {}, f"{library}'s defaults")}
        )
    data = parse_document(file.read_text(encoding="utf-8"), f"{algorithm}.yaml").data
    entries, otherwise = (
        {name: Entry(**said) for name, said in data[part].items()} for part in ("entries", "otherwise")
    )
    return Presets(data["source"], entries, otherwise)


def all_presets() -> dict[str, Presets]:
    """Return what is known of all algorithms of which something is tuned."""
    found = {algorithm: presets_of(algorithm) for algorithm in BUILT_IN}
    return {algorithm: presets for algorithm, presets in found.items() if presets.entries}
