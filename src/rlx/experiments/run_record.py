"""Gathers what is known of a run, finished or not, for its diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlx.algorithms import known_algorithm, vocabulary
from rlx.config import COMMON, Metric
from rlx.diagnosis import HeldOutEpisodes, RunRecord, SeedFailure, SeedRecord, TaskFacts
from rlx.errors import Missing
from rlx.experiments.run_metrics import SeedMetrics, read_metrics, training_times
from rlx.records import BENCH, RANDOM, Clock, RunFolder, read_episodes, read_facts, read_metadata, read_summary

NO_METRICS = SeedMetrics(np.array([], dtype=int), {})


def record_of(root: Path, folder: RunFolder) -> RunRecord:
    """Return what is known of a run.

    Args:
        root: The project.
        folder: Any run that :func:`rlx.experiments.references.find_run` gives; one in training or stopped is read from the bench.

    Raises:
        ConfigError: Its snapshot cannot be read.
        Missing: What is in its folder is of another configuration.
        DataDamaged: One of its other files cannot be read.
    """
    snapshot = folder.snapshot
    folder.check_own_training()
    metadata = read_metadata(folder.path) if (folder.path / "metadata.json").exists() else {}
    metrics, clocks = _metrics(root, folder), _clocks(root, folder)
    played, random = _episodes(folder)
    still = read_summary(folder.path / "eval").still if folder.is_evaluated else None
    if still is not None:
        played = {seed: replace(found, effort=still.efforts.get(seed)) for seed, found in played.items()}
    told = {int(seed["seed"]): seed for seed in metadata.get("seeds") or []}
    status = folder.state
    known = [seed for seed in snapshot.seeds if seed in metrics or seed in told]
    seeds = tuple(
        _seed(
            seed,
            metrics.get(seed, NO_METRICS),
            clocks.get(seed),
            played.get(seed),
            {"status": status, "traceback": _traceback(root, folder, seed), **told.get(seed, {})},
        )
        for seed in known
    )
    row = known_algorithm(snapshot.config.algo.name)
    return RunRecord(
        run=folder.name,
        config=snapshot.config,
        status=status,
        seeds=seeds,
        random=random,
        task=_task(folder),
        seeds_wanted=len(snapshot.seeds),
        stale=status == "stopped" and metadata.get("status") == "running",
        still_return=still.return_mean if still else None,
        family=str(metadata.get("family") or (row.family if row else "on-policy")),
        metrics=_documented(snapshot.config.algo.name, folder.documented),
    )


def _documented(algorithm: str, recorded: Mapping[str, Metric]) -> dict[str, Metric] | None:
    """Return the metrics that a run's algorithm documents: as it was trained with, else as the algorithm has them now."""
    row = known_algorithm(algorithm)
    known = vocabulary(algorithm, recorded, alone=True)
    names = recorded or (row.metrics if row else {})
    return {name: metric for name, metric in known.items() if name in names or name in COMMON} if names else None


def _metrics(root: Path, folder: RunFolder) -> dict[int, SeedMetrics]:
    try:
        return read_metrics(root, folder)
    except Missing:
        return {}


def _clocks(root: Path, folder: RunFolder) -> dict[int, Clock]:
    try:
        return training_times(root, folder)
    except Missing:
        return {}


def _episodes(folder: RunFolder) -> tuple[dict[int, HeldOutEpisodes], HeldOutEpisodes | None]:
    """Return the held-out episodes of each seed's final policy, and those of random actions."""
    if not folder.is_evaluated:
        return {}, None
    table = read_episodes(folder.path / "eval")
    final, random = table[table["checkpoint"] == "latest"], table[table["checkpoint"] == RANDOM]
    played = {int(str(seed)): _as_episodes(rows) for seed, rows in final.groupby("seed")}
    return played, _as_episodes(random) if len(random) else None


def _as_episodes(rows: Any) -> HeldOutEpisodes:
    return HeldOutEpisodes(rows["return"].to_numpy(dtype=float), rows["length"].to_numpy(dtype=float))


def _seed(
    seed: int,
    metrics: SeedMetrics,
    times: Clock | None,
    played: HeldOutEpisodes | None,
    told: Mapping[str, Any],
) -> SeedRecord:
    seconds_U, update_seconds_U = None, None
    if times:
        seconds_U, update_seconds_U = (
            np.array([found.get(int(step), np.nan) for step in metrics.steps_U]) if found else None for found in times
        )
    failure = None
    if told["status"] == "failed":
        facts = told.get("failure") or {}
        failure = SeedFailure(
            kind=str(facts.get("kind", "other")),
            message=str(told.get("error") or "its cause was not recorded"),
            what=str(facts.get("what") or ""),
            step=facts.get("step"),
            traceback=str(told["traceback"]),
        )
    return SeedRecord(
        seed, metrics.steps_U, metrics.values, str(told["status"]), seconds_U, played, failure, update_seconds_U
    )


def _traceback(root: Path, folder: RunFolder, seed: int) -> str:
    """Return the path of a failed seed's traceback, as a person at the project would type it; empty if there is none."""
    for place in ("logs", BENCH):
        path = folder.path / place / f"seed_{seed}" / "error.txt"
        if path.is_file():
            return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else str(path)
    return ""


def _task(folder: RunFolder) -> TaskFacts | None:
    """Return what `resolve` found out about the environment; None for a run of an older rlx, which noted nothing."""
    facts = read_facts(folder.path)
    return facts.task if facts else None
