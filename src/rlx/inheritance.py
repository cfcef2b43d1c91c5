"""A training that continues a finished one: each seed takes its policy, its best policy and its metrics over."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlx import checkpoints
from rlx.atomic import replacing
from rlx.config.checks import cannot_go_on
from rlx.config.snapshot import Snapshot, carried_snapshot
from rlx.dvc_cache import cached, member
from rlx.errors import Missing, TrainingFailed
from rlx.metrics import iterate_rows, write_rows


def take_over(root: Path, snapshot: Snapshot, seed: int, folder: Path) -> None:
    """Put what ``checkpoint.start`` names into a seed's bench folder, where it has not begun yet.

    Training then goes on from there as from a checkpoint of its own.

    Args:
        root: The project, whose DVC cache holds the earlier training.
        snapshot: The configuration of the training to come.
        seed: The training seed.
        folder: Its folder on the bench.

    Raises:
        Missing: The cache does not hold it; the message says what to fetch.
        TrainingFailed: The earlier training is as long already, had no such seed, or another network or scaling.
    """
    start = snapshot.config.checkpoint.start
    if start is None or checkpoints.numbered(folder / "checkpoints"):
        return
    listing, metrics = cached(root, start.checkpoints), cached(root, start.metrics)
    if listing is None or metrics is None:
        raise Missing(
            f"checkpoint.start: the checkpoints of {start.run} are not in this clone's DVC cache; "
            f"`dvc fetch --all-commits` (or `dvc exp pull origin {start.run}`) fetches them"
        )
    latest, best = (member(root, start.checkpoints, f"seed_{seed}/{name}.zip") for name in ("latest", "best"))
    if latest is None:
        raise TrainingFailed(f"checkpoint.start: {start.run} has no seed {seed} to go on from")
    earlier = checkpoints.load(latest)
    state, before = earlier.state, carried_snapshot(earlier.config, latest)
    if different := cannot_go_on(before.config, snapshot.config):
        raise TrainingFailed(f"checkpoint.start: cannot go on from {start.run}: {'; '.join(different)}")
    if state.step >= snapshot.config.algo.total_timesteps:
        raise TrainingFailed(
            f"algo.total_timesteps: {start.run} has {state.step:,} steps behind it already; ask for more than that"
        )
    if best is not None and state.best is not None:
        _copy(best, folder / "checkpoints" / f"best_{state.best.step}.zip")
    write_rows(folder / "metrics.jsonl", (row for row in iterate_rows(metrics) if row["seed"] == seed))
    _copy(latest, folder / "checkpoints" / f"step_{state.step}.zip")


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
