"""What a kind of run in the benchmark is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Settings = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One kind of run.

    Attributes:
        name: What it is called.
        settings: Its configuration, as ``section.key: value``.
        expected: Ids of findings that name its fault; the first finding must be one of them. Empty: healthy.
        blind_seed: Whether every fifth seed is taken from a training that sees nothing (`one failing seed of five`).
        improvable: Whether some configuration of rlx could mend it.
        tried: Whether its first suggestion is tried on fresh seeds; that costs as much again.
        seeds: How many seeds a run of it has.
    """

    name: str
    settings: Settings
    expected: tuple[str, ...] = ()
    blind_seed: bool = False
    improvable: bool = True
    tried: bool = True
    seeds: int = 5
