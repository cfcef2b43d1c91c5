"""The bench: where seeds train, out of DVC's sight, one disposable folder per (configuration, code, seed).

A finished seed is taken from here when ``num_seeds`` grows; an interrupted one goes on here. The key of a folder is a
fingerprint of everything that can change its result, so a stale seed is never found.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import rlx
from rlx.config import Snapshot, libraries_of, read_json, sha256_of, write_json
from rlx.errors import DataDamaged
from rlx.launch import main_root, versions_of

LIBRARIES = ("torch", "stable-baselines3", "gymnasium", "numpy", "numba", "scipy")
STAGES = "stages.json"
"""Which train stage counts as which older one on the bench, by SHA-256: `rlx upgrade` notes it where it changed no result."""
SIZE_LIMIT = 4 * 2**30
"""Bytes of finished and abandoned seeds to keep; the oldest go first."""


@dataclass(frozen=True)
class Entry:
    """One seed's folder on the bench."""

    folder: Path
    seed: int

    @property
    def done(self) -> dict[str, Any] | None:
        """What was noted when the seed finished; None before."""
        try:
            content = read_json(self.folder / "done.json")
        except (OSError, ValueError, DataDamaged):
            return None
        return content if isinstance(content, dict) else None

    def finish(self, note: dict[str, Any]) -> None:
        """Mark the seed as finished."""
        write_json(self.folder / "done.json", note)

    def touch(self) -> None:
        """Mark the seed as used just now, so that it is pruned last."""
        (self.folder / "done.json").touch()

    @contextmanager
    def locked(self, on_wait: Any = lambda: None) -> Iterator[None]:
        """Hold the folder alone; calls ``on_wait`` once if another training holds it, then waits for it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
        try:
            self.folder.mkdir(exist_ok=True)
            yield
        finally:
            lock.release()


def logs_of(folder: Path) -> Path:
    """Return where a seed's bench folder holds what becomes its ``logs/``; an older rlx called it otherwise."""
    older = folder / "tensorboard"
    return older if older.is_dir() else folder / "logs"


def bench_folder(root: Path) -> Path:
    """Return the bench of a project: in the project itself, also from a temporary copy of it."""
    return main_root(root) / ".dvc" / "tmp" / "rlx"


def entry_for(root: Path, snapshot: Snapshot, seed: int) -> Entry:
    """Return the bench folder of one seed of a run."""
    return Entry(bench_folder(root) / fingerprint(root, snapshot, seed), seed)


def fingerprint(root: Path, snapshot: Snapshot, seed: int) -> str:
    """Hash everything that can change what training a seed gives: settings, code, engine and library versions."""
    stage = root / "stages" / "train.py"
    facts = {
        "config": snapshot.training_part(),
        "seed": seed,
        "stage": _stage_of_seeds(root, sha256_of(stage)) if stage.is_file() else None,
        "engine": rlx.STAGE_VERSIONS["train"],
        "libraries": versions_of((*LIBRARIES, *libraries_of(snapshot.config.algo))),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def count_stage_as(root: Path, new: str, old: str) -> None:
    """Let seeds that an older train stage trained be found with a new one, which trains them alike.

    Args:
        root: The project.
        new: SHA-256 of the new stage's file.
        old: Of the older one.
    """
    if _stage_of_seeds(root, new) != _stage_of_seeds(root, old):
        write_json(bench_folder(root) / STAGES, {**_stages(root), new: _stage_of_seeds(root, old)})


def _stage_of_seeds(root: Path, stage: str) -> str:
    """Return the hash by which the bench knows seeds that a stage trains."""
    return _stages(root).get(stage, stage)


def _stages(root: Path) -> dict[str, str]:
    try:
        content = read_json(bench_folder(root) / STAGES)
    except (OSError, ValueError, DataDamaged):
        return {}
    return {str(new): str(old) for new, old in content.items()} if isinstance(content, dict) else {}


def prune(root: Path, limit: int = SIZE_LIMIT) -> list[Path]:
    """Delete the least recently used folders until the bench fits ``limit`` bytes; those in use stay.

    Returns:
        The folders deleted.
    """
    there = (path for path in bench_folder(root).glob("*") if path.is_dir() and not path.name.startswith("."))
    folders = sorted(there, key=_last_used)
    sizes = {folder: bytes_below(folder) for folder in folders}
    excess, deleted = sum(sizes.values()) - limit, []
    for folder in folders:
        if excess <= 0:
            break
        try:
            with FileLock(folder.with_suffix(".lock"), timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except Timeout:
            continue
        excess -= sizes[folder]
        deleted.append(folder)
    return deleted


def bytes_below(folder: Path) -> int:
    """Return the bytes below a folder; files that vanish meanwhile (it may be in use) count nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total


def _last_used(folder: Path) -> float:
    for path in (folder / "done.json", folder):
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            continue
    return 0.0
