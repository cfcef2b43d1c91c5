"""The training of a seed as a task: what its ``spec.json`` says, and who does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlx.config import Snapshot, check_unchanged, libraries_of, recorded_snapshot, write_text
from rlx.launch import Progress, Task, software_of
from rlx.records import LIBRARIES, SPENT, TRAINING, Entry, read_spent
from rlx.training.inheritance import take_over


def training_task(root: Path, snapshot: Snapshot, entry: Entry, step_timeout: float) -> Task:
    """Return the training of a seed in its bench folder as a task.

    Args:
        root: The project.
        snapshot: The run's effective configuration.
        entry: The seed on the bench, not finished.
        step_timeout: Seconds that one call of the environment may take.
    """
    arguments = {"root": str(root), "snapshot": snapshot.to_yaml(), "seed": entry.seed}
    portable = snapshot.config.portable
    wanted = software_of((*LIBRARIES, *libraries_of(snapshot.config.algo)))
    return Task(
        f"seed {entry.seed}",
        entry.folder,
        __name__,
        arguments,
        lambda: entry.done,
        step_timeout,
        portable,
        software=wanted,
    )


def work(folder: Path, arguments: Mapping[str, Any], emit: Callable[[Any], None]) -> None:
    """Train a seed in its bench folder, in a worker process; ``done.json`` holds what there is to know of it then."""
    from rlx.training.one_seed import train_seed  # imports torch, which whoever only names the task has no use for

    root, entry = Path(arguments["root"]), Entry(folder, arguments["seed"])
    snapshot = recorded_snapshot(arguments["snapshot"], "spec.json", "run the same command again")
    with entry.locked(lambda: emit(f"seed {entry.seed} is being trained by another process; waiting for it")):
        if entry.done:
            return
        check_unchanged(root, snapshot.code.everything)
        (folder / "error.txt").unlink(missing_ok=True)
        take_over(root, snapshot, entry.seed, folder)
        started = time.monotonic()
        sessions = folder / "seconds.txt"
        before = _seconds_before(sessions)
        engines: list[dict[str, str]] = []

        def report(progress: Progress) -> None:
            if progress.engine:
                engines.append(progress.engine)
            write_text(sessions, str(before + time.monotonic() - started))
            emit(progress)

        state = train_seed(root, snapshot, entry.seed, folder, report, emit)
        check_unchanged(root, snapshot.code.everything)
        entry.finish(
            {
                "steps": state.step,
                "seconds": before + time.monotonic() - started,
                "state": asdict(state),
                "engine": engines[0],
                "planned": snapshot.config.num_seeds,
                "spent": read_spent(folder / SPENT, TRAINING),
            }
        )


def _seconds_before(path: Path) -> float:
    """Return the time that earlier sessions took, 0 where that is not known."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return 0.0
