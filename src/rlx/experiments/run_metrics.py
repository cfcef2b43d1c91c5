"""The metrics of any run that can be named: finished, in training, stopped, or kept at a Git revision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlx.algorithms import vocabulary
from rlx.config import Metric, from_dvc, is_component
from rlx.errors import DataDamaged, Missing
from rlx.experiments.revisions import add_to_view
from rlx.records import (
    BENCH,
    Clock,
    RunFolder,
    entry_for,
    iterate_rows,
    logs_of,
    metrics_files,
    read_clock,
    read_metadata,
)
from rlx.stats import Array


@dataclass(frozen=True)
class SeedMetrics:
    """What one seed logged.

    Attributes:
        steps_U: Environment steps at each update, increasing.
        values: By metric, its value at each update; NaN where it is absent. Only metrics that occur.
    """

    steps_U: Array
    values: dict[str, Array]


def metrics_rows(root: Path, folder: RunFolder) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run's metrics; of a run that is not finished, those on the bench.

    Args:
        root: The project.
        folder: Any run that :func:`rlx.experiments.references.find_run` gives.

    Raises:
        Missing: There are none here.
        DataDamaged: A line is not a row (the unfinished last line of a stopped training is passed over).
    """
    folder.check_own_training()
    paths = _metrics_paths(root, folder)
    if not paths:
        raise Missing(
            f"{folder.name}: there are no metrics of it here (yet, if it has just begun); `dvc pull` fetches those of a trained run, "
            f"`dvc repro` trains what is not"
        )
    for path in paths:
        yield from iterate_rows(path, tolerate_tail=path.parent != folder.path)


def read_metrics(root: Path, folder: RunFolder) -> dict[int, SeedMetrics]:
    """Return a run's metrics by seed; raises as :func:`metrics_rows`."""
    known = vocabulary(folder.snapshot.config.algo.name, folder.documented, alone=True)
    return {seed: _columns(rows, known) for seed, rows in rows_by_seed(root, folder).items()}


def rows_by_seed(root: Path, folder: RunFolder) -> dict[int, list[dict[str, Any]]]:
    """Return the rows of each seed in order of their steps, one for each; raises as :func:`metrics_rows`."""
    rows: dict[int, dict[int, dict[str, Any]]] = {}
    for row in metrics_rows(root, folder):
        rows.setdefault(int(row["seed"]), {})[int(row["step"])] = row
    found = {seed: [rows[seed][step] for step in sorted(rows[seed])] for seed in sorted(rows)}
    _check_whole(folder, found)
    return found


def _check_whole(folder: RunFolder, found: dict[int, list[dict[str, Any]]]) -> None:
    """Refuse the metrics of finished seeds that end before the training did: their file was cut between two rows."""
    if not (folder.path / "metadata.json").exists():
        return
    for seed in read_metadata(folder.path)["seeds"]:
        steps = seed.get("steps") if seed["status"] == "finished" else None
        last = int(found[seed["seed"]][-1]["step"]) if seed["seed"] in found else 0
        if steps and last < steps:
            raise DataDamaged(
                f"{folder.name}: metrics.jsonl ends at step {last:,} of seed {seed['seed']}, which was trained for {steps:,}: it "
                f"is cut; {from_dvc(folder.path / 'metrics.jsonl', folder.path.name)}"
            )


def training_clocks(root: Path, folder: RunFolder) -> dict[int, dict[int, float]]:
    """Return by seed, and by environment step, the seconds of training until then; only of seeds that have a clock.

    Raises:
        Missing: The run was read through Git, and this clone lacks its logs.
    """
    return {seed: clock.seconds for seed, clock in training_times(root, folder).items()}


def training_times(root: Path, folder: RunFolder) -> dict[int, Clock]:
    """Return the clock of each seed that has one.

    Raises:
        Missing: As :func:`training_clocks`.
    """
    clocks = {seed: read_clock(path) for seed, path in _log_folders(root, folder).items()}
    return {seed: clock for seed, clock in clocks.items() if clock.seconds}


def _columns(rows: list[dict[str, Any]], vocabulary: Mapping[str, Metric]) -> SeedMetrics:
    present = {key for row in rows for key in row}
    known = [key for key, metric in vocabulary.items() if not metric.is_counter and key in present]
    rest = sorted(key for key in present - {*known} if "/" in key)
    keys = known + sorted(rest, key=is_component)  # an algorithm that is not here names its own
    values = {key: np.array([row.get(key, np.nan) for row in rows], dtype=float) for key in keys}
    return SeedMetrics(np.array([row["step"] for row in rows]), values)


def _metrics_paths(root: Path, folder: RunFolder) -> list[Path]:
    if folder.origin is not None:
        return [add_to_view(root, folder.origin, "metrics.jsonl")]
    if found := metrics_files(folder.path):
        return found
    return [path for seed in _bench(root, folder).values() if (path := seed / "metrics.jsonl").is_file()]


def _log_folders(root: Path, folder: RunFolder) -> dict[int, Path]:
    if folder.origin is not None:
        logs = add_to_view(root, folder.origin, "logs")
    elif (folder.path / "metrics.jsonl").exists():
        logs = folder.path / "logs"
    else:
        return {seed: logs_of(path) for seed, path in _bench(root, folder).items()}
    return _by_seed(logs)


def _bench(root: Path, folder: RunFolder) -> dict[int, Path]:
    """Return where a run's seeds are in training: as its folder shows, or else where its configuration puts them."""
    if shown := _by_seed(folder.path / BENCH):
        return shown
    if folder.path.parent != root.resolve() / "runs":
        return {}
    snapshot = folder.snapshot
    entries = {seed: entry_for(root, snapshot, seed).folder for seed in snapshot.seeds}
    return {seed: path for seed, path in entries.items() if path.is_dir()}


def _by_seed(folder: Path) -> dict[int, Path]:
    found = {path.name.removeprefix("seed_"): path for path in folder.glob("seed_*") if path.is_dir()}
    return {int(seed): found[seed] for seed in sorted(found) if re.fullmatch(r"[0-9]{1,18}", seed)}
