"""The command that makes a run like a given one, with something changed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.comparison import flatten
from rlx.config import Snapshot, as_setting, compose_run, find_root, is_schedule
from rlx.errors import RlxError
from rlx.experiments import find_origin, read_record
from rlx.records import RunFolder

NOT_SETTINGS = ("format", "run_name", "checkpoint.start")


@dataclass(frozen=True)
class Remaking:
    """How a run is made again.

    Attributes:
        config: The config that ``rlx train`` takes.
        settings: What the run sets otherwise than that config does now, by key.
    """

    config: str
    settings: Mapping[str, Any]

    def command(self, overrides: Mapping[str, Any]) -> str:
        """Return the command line that makes the run with these settings changed, ready for a shell."""
        settings = {**self.settings, **overrides}
        words = ["rlx", "train", self.config]
        for key, value in settings.items():
            words += ["-S", as_setting(key, value)]
        return shlex.join(words)


def seeds_command(folder: RunFolder, seeds: Mapping[str, int]) -> str | None:
    """Return the command that trains a run with these seeds; None where its project does not know how it is made."""
    try:
        root = find_root(folder.path)
    except RlxError:
        return None
    again = remaking(root, folder)
    if not (root / "configs" / f"{again.config}.yaml").is_file():
        return None
    return again.command(seeds)


def remaking(root: Path, folder: RunFolder) -> Remaking:
    """Return how a run is made again: its config, and what an experiment had changed in it."""
    try:
        origin, record = folder.origin or find_origin(root, folder), read_record(folder.path)
    except RlxError:  # outside Git, or what an experiment was asked to be is damaged
        origin, record = folder.origin, None
    name = origin.run if origin else record.run if record else folder.path.name
    if not (root / "configs" / f"{name}.yaml").is_file():
        stem = name.rpartition("_")[0]
        name = stem if (root / "configs" / f"{stem}.yaml").is_file() else name
    try:
        now = flatten(Snapshot(compose_run(root, name).config).to_data(), keep=is_schedule)
    except RlxError:
        return Remaking(name, {})
    then = flatten(Snapshot(folder.snapshot.config).to_data(), keep=is_schedule)
    changed = {key: value for key, value in then.items() if key in now and now[key] != value}
    added = {key: value for key, value in then.items() if key not in now and not key.startswith("code")}
    settings = {**changed, **added}
    return Remaking(name, {key: value for key, value in settings.items() if not key.startswith(NOT_SETTINGS)})
