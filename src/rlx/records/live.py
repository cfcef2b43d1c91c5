"""The live folder of an experiment: what a person can look at in ``runs/<name>/`` of the project while it is being made.

An experiment is made in a copy of the project. ``rlx`` names the folder for the stages (:class:`StageCall`); whoever trains
there shows in it how far things are: the snapshot, ``metadata.json``, and links to the seeds on the bench.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from rlx.config import write_bytes
from rlx.launch import current_call, main_root

RECORD = "experiment.json"
"""What an experiment was asked to be; in its folder until it is kept."""
ORIGIN = ".origin.json"
"""Which commit the browsable folder of a kept experiment shows."""
BENCH = "bench"
"""The folder's links to seeds in training: ``bench/seed_<s>``."""
TAIL = 16_384
"""Bytes from the end of a file of metrics that hold its last rows."""
LAYOUT = frozenset(
    {
        ".gitignore", "config_snapshot.yaml", "task.json", "judging.yaml", "metadata.json", "metrics.jsonl",
        "checkpoints", "eval", "videos", "plots", "analysis.json", "analysis.md", "logs", "experiment.json", BENCH, ORIGIN,
    }
)  # fmt: skip
"""All that rlx puts into, and reads from, the folder of a run; whatever else is in it is its owner's."""


def lock_of(root: Path, name: str) -> FileLock:
    """Return the lock of a name, which no two processes that work on a project hold at once."""
    folder = main_root(root) / ".dvc" / "tmp" / "rlx-locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / name)


def is_locked(root: Path, name: str) -> bool:
    """Tell whether a process holds a lock of a project just now; see :func:`lock_of`."""
    lock = lock_of(root, name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def live_folder() -> Path | None:
    """Return the live folder of the experiment that this process makes a stage of, if there is one."""
    named = current_call().live
    return Path(named) if named and Path(named).is_dir() else None


def show_bench(snapshot: Path, seeds: Mapping[int, Path]) -> None:
    """Put the snapshot, and links to the bench folders of the seeds, into the live folder; without one, nothing."""
    folder = live_folder()
    if folder is None:
        return
    write_bytes(folder / "config_snapshot.yaml", snapshot.read_bytes())
    shutil.rmtree(folder / BENCH, ignore_errors=True)
    (folder / BENCH).mkdir()
    for seed, target in seeds.items():
        (folder / BENCH / f"seed_{seed}").symlink_to(target)


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last whole lines of a file that grows, without their ends; of which only the end is read, 16 KiB.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().split(b"\n")[:-1][-count:]


def metrics_files(folder: Path) -> list[Path]:
    """Return the files of a run's metrics: ``metrics.jsonl``, or, while it trains, those on the bench."""
    finished = folder / "metrics.jsonl"
    if finished.exists():
        return [finished]
    return sorted(path for path in (folder / BENCH).glob("seed_*/metrics.jsonl") if path.is_file())
