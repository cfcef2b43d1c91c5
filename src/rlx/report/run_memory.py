"""What was made of runs before, kept while their files are the same: a page that is made again reads only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from rlx.config import Stamps, stamps
from rlx.records import RunFolder, metrics_files

Made = TypeVar("Made")
LOOKED_AT = (
    "config_snapshot.yaml",
    "judging.yaml",
    "task.json",
    "metadata.json",
    "experiment.json",
    "eval/summary.json",
    "eval/episodes.csv",
    "analysis.json",
    "videos/median.json",
    "videos/median.mp4",
)
"""The files of a run by which it is known that something of it changed, beside its metrics and labels."""


def stamp_of(folder: RunFolder) -> Stamps:
    """Return size and time of each file of a run by which a change of it is seen; those that are not there are left out."""
    path = folder.path
    try:
        metrics = metrics_files(path)
    except OSError:
        metrics = []
    labels = path.with_name(f"{path.name}.yaml")
    return stamps([*(path / name for name in LOOKED_AT), *metrics, labels])


@dataclass(frozen=True)
class _Known:
    stamp: Any
    when: float
    made: Any


class RunMemory:
    """Keeps what was made last of each run under each name, until a file of it changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Path, str], _Known] = {}
        self._things: dict[str, tuple[object, Any]] = {}

    def of(
        self, name: str, folder: RunFolder, make: Callable[[], Made], also: Any = None, patience: float = 0.0
    ) -> Made:
        """Return what is made of a run: as it was made before, where nothing changed since.

        Args:
            name: What is made.
            folder: The run.
            make: Makes it.
            also: What else it depends on; compared by value.
            patience: Seconds for which what was made serves although the run has changed.
        """
        key, stamp, now = (name, folder.path, folder.name), (stamp_of(folder), also), time.monotonic()
        known = self._known.get(key)
        if known is None or (known.stamp != stamp and now - known.when >= patience):
            known = self._known[key] = _Known(stamp, now, make())
        return cast("Made", known.made)

    def same(self, name: str, thing: object, make: Callable[[], Made]) -> Made:
        """Return what is made of a thing that never changes: as it was made before, where it is the very same thing."""
        known = self._things.get(name)
        if known is None or known[0] is not thing:
            known = self._things[name] = (thing, make())
        return cast("Made", known[1])

    def keep(self, folders: Sequence[RunFolder]) -> None:
        """Forget all runs but these."""
        kept = {(folder.path, folder.name) for folder in folders}
        self._known = {key: made for key, made in self._known.items() if key[1:] in kept}
