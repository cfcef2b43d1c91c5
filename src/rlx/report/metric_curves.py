"""Metrics as curves: over environment steps or over seconds of training, per seed, with the mean and its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rlx import stats
from rlx.algorithms import vocabulary
from rlx.config import Metric, is_component, metric_of
from rlx.diagnosis import windowed
from rlx.errors import Missing, RlxError
from rlx.experiments import SeedMetrics, find_run, read_metrics, training_clocks
from rlx.records import RunFolder
from rlx.stats import Array, SeedCurve, number

RETURNS = ("rollout/return_mean", "validation/return_mean")
"""Metrics that the random policy's mean return can be drawn beside."""
SETTINGS = ("train/learning_rate", "train/clip_range", "train/clip_range_vf", "train/n_updates")
"""Metrics that are set, not measured: averaging them would only shift them."""
ROLLOUT_WINDOWS, TRAIN_WINDOWS = 25, 100
TIME_POINTS = 100


@dataclass(frozen=True)
class _Along:
    """Points of a curve.

    Attributes:
        x_T: Environment steps or seconds of training, where the mean was taken.
    """

    x_T: Array


@dataclass(frozen=True)
class MetricCurve(stats.Band, _Along):
    """One metric of one run: the mean over seeds with its interval, and each seed's own curve.

    Attributes:
        seeds: By seed, those that have values.
    """

    seeds: Mapping[int, SeedCurve]


@dataclass(frozen=True)
class RunCurves:
    """The curves of one run.

    Attributes:
        run: Its name.
        environment: Its environment, with arguments and wrappers.
        seeds_wanted: How many the run is to have.
        random_return: What random actions score there; None where that is not known.
        metrics: By name, only those that have values.
        seeds: How many seeds have metrics.
    """

    run: str
    environment: str
    seeds_wanted: int
    random_return: float | None
    metrics: Mapping[str, MetricCurve]
    seeds: int = field(default=0, metadata={"document": False})

    @property
    def label(self) -> str:
        """The run's entry in a legend."""
        if self.seeds == self.seeds_wanted:
            return f"{self.run} ({self.seeds} {'seed' if self.seeds == 1 else 'seeds'})"
        return f"{self.run} ({self.seeds} of {self.seeds_wanted} seeds)"


@dataclass(frozen=True)
class CurveSheet:
    """All that one figure shows.

    Attributes:
        x: ``steps`` or ``time``.
        metrics: The panels, in order.
        runs: The runs that have something to show, in order.
        notes: What a reader must know: what is missing.
    """

    x: str
    metrics: Sequence[str]
    runs: Sequence[RunCurves]
    notes: Sequence[str] = field(default=())

    @property
    def tasks(self) -> list[str]:
        """The environments: each has panels of its own."""
        return list(dict.fromkeys(run.environment for run in self.runs))

    def random_return(self, task: str, metric: str) -> float | None:
        """Return what random actions score in a panel; None where that is not known, or not a return."""
        known = [run.random_return for run in self.runs if run.environment == task and run.random_return is not None]
        return known[0] if known and metric in RETURNS else None


@dataclass(frozen=True)
class Wanted:
    """What to draw.

    Attributes:
        metrics: Named metrics, each a panel.
        optional: Further metrics, each a panel where any run has it.
        x: ``steps`` or ``time``.
        windows: Into how many windows of training values are averaged; 0: none; None: as suits the metric.
        components: Whether each part of the reward that any run reports gets a panel too.
    """

    metrics: Sequence[str]
    optional: Sequence[str] = ()
    x: str = "steps"
    windows: int | None = None
    components: bool = False


def curve_sheet(root: Path, folders: Sequence[RunFolder], wanted: Wanted) -> CurveSheet:
    """Gather the curves of runs. What one run lacks is told in the notes, and hides no other.

    Raises:
        Missing: No run has anything to show.
    """
    notes: list[str] = []
    found = [run for folder in folders if (run := _run(root, folder, wanted, notes)) is not None]
    present = {metric for run in found for metric in run.metrics}
    metrics = [*wanted.metrics, *(metric for metric in wanted.optional if metric in present)]
    metrics += sorted(present.difference(metrics))  # parts of the reward
    notes += [
        f"{run.run}: {_lacking(metric)}" for run in found for metric in wanted.metrics if metric not in run.metrics
    ]
    if not present:
        notes = notes or [_none_of(found, wanted)]
        raise Missing("\n".join(["there is nothing to draw:", *(f"  {note}" for note in notes)]))
    return CurveSheet(wanted.x, metrics, found, notes)


def _none_of(found: Sequence[RunCurves], wanted: Wanted) -> str:
    """Return what to tell where no run has any of the metrics that a group's name stands for."""
    names = ", ".join(run.run for run in found)
    return f"{names}: logged none of {stats.listed(wanted.optional, 4)}; `--metric all` draws what there is"


def named_folders(root: Path, names: Sequence[str]) -> list[RunFolder]:
    """Return the runs that people named, each once; those of equal names are called what was typed.

    Raises:
        Missing: There is no such run.
        UsageError: A name means several.
    """
    found: dict[Path, RunFolder] = {}
    for name in dict.fromkeys(names):
        folder = find_run(root, name)
        if folder.path not in found and any(folder.name == other.name for other in found.values()):
            folder = replace(folder, label=name)
        found.setdefault(folder.path, folder)
    return list(found.values())


def without_constants(sheet: CurveSheet) -> CurveSheet:
    """Return a sheet without the metrics that have one value everywhere; a note names them and the value."""
    constant = {}
    for metric in sheet.metrics:
        curves = [run.metrics[metric] for run in sheet.runs if metric in run.metrics]
        values = [seed.values_T for curve in curves for seed in curve.seeds.values()]
        known = np.unique(np.concatenate(values)) if values else np.array([])
        known = known[np.isfinite(known)]
        if len(known) == 1:
            constant[metric] = number(float(known[0]))
    kept = [metric for metric in sheet.metrics if metric not in constant]
    if not constant or not kept:
        return sheet
    note = f"left out, since constant: {', '.join(f'{metric} ({value})' for metric, value in constant.items())}"
    return replace(sheet, metrics=kept, notes=[*sheet.notes, note])


def _lacking(metric: str) -> str:
    if metric == "rollout/return_mean":
        return "no training episode has ended, so there is no rollout/return_mean"
    if metric.startswith("validation/"):
        return f"no validation episodes were played that give {metric}"
    if is_component(metric):
        return f"its environment reports no reward_{metric.partition('/')[2]} in info, so there is no {metric}"
    return f"its metrics have no {metric}"


def _run(root: Path, folder: RunFolder, wanted: Wanted, notes: list[str]) -> RunCurves | None:
    try:
        metrics = read_metrics(root, folder)
        clocks = _clocks(root, folder, metrics, notes) if wanted.x == "time" else None
    except RlxError as error:
        notes.append(str(error))
        return None
    if not metrics:
        notes.append(f"{folder.name}: has not finished its first update")
        return None
    snapshot = folder.snapshot
    known = vocabulary(snapshot.config.algo.name, folder.documented)
    parts = {name for found in metrics.values() for name in found.values if wanted.components and is_component(name)}
    curves = {
        metric: curve
        for metric in dict.fromkeys([*wanted.metrics, *wanted.optional, *sorted(parts)])
        if (curve := _curve(metric_of(metric, known) or Metric(metric, ""), metrics, wanted.windows, clocks))
        is not None
    }
    return RunCurves(
        folder.name, _task(folder), len(snapshot.seeds), _random_return(folder, notes), curves, len(metrics)
    )


def _clocks(
    root: Path, folder: RunFolder, metrics: Mapping[int, SeedMetrics], notes: list[str]
) -> dict[int, dict[int, float]]:
    """Return the clock of each seed.

    Raises:
        Missing: No seed has one.
    """
    clocks = training_clocks(root, folder)
    if metrics and not clocks:
        raise Missing(
            f"{folder.name}: its logs/ are not here, and only they know times; `dvc pull` fetches them, "
            f"or leave out `--x time`"
        )
    if without := [str(seed) for seed in metrics if seed not in clocks]:
        notes.append(
            f"{folder.name}: no logs, so no times, of {'seed' if len(without) == 1 else 'seeds'} {', '.join(without)}"
        )
    begun = min((min(clocks[seed]) for seed in clocks), default=0)
    if any(seed in clocks and metrics[seed].steps_U[0] < min(clocks[seed]) for seed in metrics):
        notes.append(
            f"{folder.name}: its logs, and so its time, begin at step {begun:,}: it goes on from another training"
        )
    return clocks


def _random_return(folder: RunFolder, notes: list[str]) -> float | None:
    try:
        return folder.evaluation.random_return if folder.is_evaluated else None
    except RlxError as error:
        notes.append(str(error))
        return None


def _task(folder: RunFolder) -> str:
    env = folder.snapshot.config.env
    names = [next(iter(wrapper)) if isinstance(wrapper, dict) else str(wrapper) for wrapper in env.wrappers]
    arguments = f" {env.kwargs}" if env.kwargs else ""
    return f"{env.id}{arguments}" + (f" in {', '.join(names)}" if names else "")


def _curve(
    metric: Metric,
    metrics: Mapping[int, SeedMetrics],
    windows: int | None,
    clocks: Mapping[int, Mapping[int, float]] | None,
) -> MetricCurve | None:
    """Return a metric's curve; None where no seed has a value."""
    logged = {
        seed: found
        for seed, found in metrics.items()
        if np.isfinite(found.values.get(metric.name, np.nan)).any() and (clocks is None or seed in clocks)
    }
    if not logged:
        return None
    steps_T, values_ST, here_ST = _on_one_grid(metric, logged, windows)
    if clocks is None:
        seeds = {seed: SeedCurve(steps_T, row) for seed, row in zip(logged, values_ST, strict=True)}
        return _meaned(seeds, steps_T, _filled(values_ST, here_ST))
    seeds = {
        seed: _timed(SeedCurve(steps_T[here], row[here]), clocks[seed], int(found.steps_U[-1]))
        for (seed, found), row, here in zip(logged.items(), values_ST, here_ST, strict=True)
    }
    seeds = {seed: curve for seed, curve in seeds.items() if np.isfinite(curve.values_T).any()}
    return _over_time(seeds) if seeds else None


def _meaned(seeds: Mapping[int, SeedCurve], x_T: Array, values_ST: Array) -> MetricCurve:
    return MetricCurve(x_T=x_T, **vars(stats.mean_band(values_ST)), seeds=seeds)


def _on_one_grid(metric: Metric, logged: Mapping[int, SeedMetrics], windows: int | None) -> tuple[Array, Array, Array]:
    """Return steps, values per seed there, and whether each seed has come that far."""
    steps_U = np.unique(np.concatenate([found.steps_U for found in logged.values()]))
    last_S = np.array([found.steps_U[-1] for found in logged.values()])[:, None]
    values_SU, weights_SU = (np.full((len(logged), len(steps_U)), fill) for fill in (np.nan, 0.0))
    for row, found in enumerate(logged.values()):
        at = np.searchsorted(steps_U, found.steps_U)
        values_SU[row, at] = found.values[metric.name]
        weights_SU[row, at] = found.values.get("rollout/episodes", 1.0) if metric.per_episode else 1.0
    known_U = np.isfinite(values_SU).any(axis=0)
    measured = metric.per_episode or metric.name.startswith(("rollout/", "train/"))
    if metric.name in SETTINGS or not measured or windows == 0:
        return steps_U[known_U], values_SU[:, known_U], steps_U[known_U] <= last_S
    count = windows or (ROLLOUT_WINDOWS if not metric.name.startswith("train/") else TRAIN_WINDOWS)
    steps_W, values_SW = windowed(steps_U, values_SU, weights_SU, count)
    first_W = np.array([part[0] for part in np.array_split(steps_U, len(steps_W))])
    return steps_W, values_SW, first_W <= last_S


def _filled(values_ST: Array, here_ST: Array) -> Array:
    """Carry values forward over points without one, as far as each seed has come."""
    filled = values_ST.copy()
    for point in range(1, filled.shape[1]):
        empty = np.isnan(filled[:, point]) & here_ST[:, point]
        filled[empty, point] = filled[empty, point - 1]
    return filled


def _timed(curve: SeedCurve, clock: Mapping[int, float], last: int) -> SeedCurve:
    """Put a seed's curve over its seconds of training; points whose time is not known are left out."""
    steps_C = np.array(sorted(clock))
    seconds_C = np.maximum.accumulate([clock[step] for step in steps_C.tolist()])
    seconds_T = np.interp(np.minimum(curve.x_T, last), steps_C, seconds_C, left=np.nan, right=np.nan)
    known = np.isfinite(seconds_T)
    return SeedCurve(seconds_T[known], curve.values_T[known])


def _over_time(seeds: Mapping[int, SeedCurve]) -> MetricCurve:
    """Take the mean over seeds at common times, between which each seed's curve is a straight line."""
    known = {seed: np.isfinite(curve.values_T) for seed, curve in seeds.items()}
    points = max(TIME_POINTS, *(len(curve.x_T) for curve in seeds.values()))
    ends = [curve.x_T[known[seed]][[0, -1]] for seed, curve in seeds.items()]
    latest = sorted((float(last) for _, last in ends), reverse=True)
    begin, end = max(first for first, _ in ends), latest[stats.seeds_for_mean(len(ends)) - 1]
    x_T = np.linspace(begin, end, points) if end > begin else np.array([begin])
    values_ST = np.array(
        [
            np.interp(x_T, curve.x_T[known[seed]], curve.values_T[known[seed]], left=np.nan, right=np.nan)
            for seed, curve in seeds.items()
        ]
    )
    return _meaned(seeds, x_T, values_ST)
