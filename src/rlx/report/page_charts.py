"""What the page's charts draw, as plain values: curves of every metric, every seed's score, differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rlx import stats
from rlx.comparison import StudyComparison, task_name
from rlx.config import Metric
from rlx.errors import Missing
from rlx.records import RunFolder
from rlx.report.metric_choice import INTERNALS, known_metrics, vocabulary_of
from rlx.report.metric_curves import RETURNS, CurveSheet, MetricCurve, RunCurves, Wanted, curve_sheet
from rlx.report.metric_pictures import MOST_RUNS, look_of
from rlx.report.plots import COLOURS, sight
from rlx.report.run_memory import RunMemory
from rlx.stats import Array, interval, number

DARK_COLOURS = ("#5AA9F0", "#FF8A4C", "#2BC79A", "#E79CC8", "#F2BC3D", "#A6DBFF", "#F0F3F6")
"""The colours of :data:`rlx.report.plots.COLOURS`, in their order, as they stand out on a dark ground."""
ORDER = (*RETURNS, *INTERNALS)
"""What most people look at first; other metrics come after."""


@dataclass(frozen=True)
class Charts:
    """What the charts draw.

    Attributes:
        data: As plain values, ready for JSON.
        looks: By run, its colours and dash.
        seeds: Every seed that any chart shows.
        notes: What a reader must know: what is missing.
    """

    data: Mapping[str, Any]
    looks: Mapping[str, Mapping[str, str]]
    seeds: Sequence[int]
    notes: Sequence[str] = field(default=())


def charts_of(root: Path, folders: Sequence[RunFolder], study: StudyComparison | None, memory: RunMemory) -> Charts:
    """Gather what the charts draw.

    Args:
        root: The project.
        folders: All runs that are to be seen, in the order of their importance.
        study: The scores, where there are any.
        memory: What was read of runs before.
    """
    shown, notes = list(folders[:MOST_RUNS]), []
    if len(folders) > MOST_RUNS:
        names = ", ".join(folder.name for folder in folders[MOST_RUNS:])
        notes.append(
            f"More than {MOST_RUNS} runs cannot be told apart in one chart; the tables have them all: {names}."
        )
    sheet = _sheet(root, shown, notes, memory)
    curves = [_task_curves(sheet, task) for task in sheet.tasks] if sheet else []
    looks = {folder.name: _look(index) for index, folder in enumerate(shown)}
    scores = list(_scores(study, looks)) if study else []
    seeds = {int(seed) for panel in (*curves, *scores) for run in panel["runs"] for seed in run["names"]}
    data = {
        "looks": looks,
        "metrics": _metrics(sheet, vocabulary_of(shown)) if sheet else [],
        "curves": curves,
        "scores": scores,
        "differences": _differences(study, looks) if study else None,
    }
    return Charts(data, looks, sorted(seeds), notes)


def _look(index: int) -> dict[str, str]:
    look = look_of(index)
    dark = DARK_COLOURS[index % len(COLOURS)]
    return {"light": look.colour, "dark": dark, "dash": "solid" if look.dash == "-" else "dash"}


def _plain(value: float) -> float | None:
    """Return a value with five digits, which no screen shows more of; None where there is none."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _row(values_T: Array) -> list[float | None]:
    return [_plain(float(value)) for value in values_T]


# --- Learning curves --------------------------------------------------------------------------------------------------


def _sheet(root: Path, folders: Sequence[RunFolder], notes: list[str], memory: RunMemory) -> CurveSheet | None:
    """Return the curves of all runs, each read where it changed; what is missing goes into the notes."""
    known = tuple(known_metrics(folders))
    runs: list[RunCurves] = []
    for folder in folders:
        found = memory.of("curves", folder, partial(_alone, root, folder, known), known)
        runs += found.runs
        notes += found.notes
    present = {metric for run in runs for metric in run.metrics}
    return CurveSheet("steps", [metric for metric in known if metric in present], runs) if present else None


def _alone(root: Path, folder: RunFolder, known: Sequence[str]) -> CurveSheet:
    try:
        return curve_sheet(root, [folder], Wanted([], known))
    except Missing as error:
        return CurveSheet("steps", [], [], [line.strip() for line in str(error).splitlines()[1:]])


def _metrics(sheet: CurveSheet, known: Mapping[str, Metric]) -> list[dict[str, Any]]:
    found = sorted(sheet.metrics, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))
    return [
        {
            "key": key,
            "title": known[key].title or key if key in known else key,
            "meaning": known[key].summary if key in known else "",
            "is_return": key in RETURNS,
        }
        for key in found
    ]


def _task_curves(sheet: CurveSheet, task: str) -> dict[str, Any]:
    runs = [run for run in sheet.runs if run.environment == task]
    lowest = sheet.random_return(task, RETURNS[0])
    return {
        "task": task,
        "random": None if lowest is None else _plain(lowest),
        "ranges": {key: _range(runs, key, lowest) for key in sheet.metrics},
        "runs": [_run_curves(run) for run in runs],
    }


def _range(runs: Sequence[RunCurves], metric: str, random_return: float | None) -> list[float]:
    values = [seed.values_T for run in runs if metric in run.metrics for seed in run.metrics[metric].seeds.values()]
    if metric in RETURNS and random_return is not None:
        values.append(np.array([random_return]))
    return list(sight(values, [run.metrics[metric] for run in runs if metric in run.metrics])) if values else [0.0, 1.0]


def _run_curves(run: RunCurves) -> dict[str, Any]:
    seeds = {seed for curve in run.metrics.values() for seed in curve.seeds}
    curves = {key: _curve(curve) for key, curve in run.metrics.items()}
    return {"run": run.run, "label": run.label, "names": sorted(seeds), "metrics": curves}


def _curve(curve: MetricCurve) -> dict[str, Any]:
    return {
        "x": [int(x) for x in curve.x_T],
        "seeds": {str(seed): _row(one.values_T) for seed, one in curve.seeds.items()},
        "mean": _row(np.where(curve.n_T > 0, curve.mean_T, np.nan)),
        "low": _row(curve.low_T),
        "high": _row(curve.high_T),
        "n": [int(n) for n in curve.n_T],
    }


# --- Scores and differences -------------------------------------------------------------------------------------------


def _scores(study: StudyComparison, shown: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a chart for each task: scores of different tasks have no common scale."""
    for task in dict.fromkeys(task_name(run) for run in study.scores):
        runs, random = [], None
        for run in study.scores:
            if task_name(run) != task or run.run not in shown:
                continue
            estimate = stats.mean_with_interval(run.scores_S)
            random = run.random_return if random is None else random
            runs.append(
                {
                    "run": run.run,
                    "names": sorted(run.scores),
                    "seeds": {str(seed): _plain(value) for seed, value in sorted(run.scores.items())},
                    **_estimate(estimate),
                }
            )
        if runs:
            yield {"task": task, "random": None if random is None else _plain(random), "runs": runs}


def _differences(study: StudyComparison, shown: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = [
        {
            "run": found.run,
            "verdict": found.verdict,
            "baseline": found.baseline,
            **_estimate(found.difference, sign=True),
        }
        for found in study.comparisons
        if found.difference is not None and found.run in shown
    ]
    effects = {
        found.minimum_effect for found in study.comparisons if found.difference is not None and found.run in shown
    }
    common = effects.pop() if len(effects) == 1 else None  # there is one band for all rows, or none
    return {"minimum_effect": common, "runs": rows} if rows else None


def _estimate(estimate: stats.Estimate, *, sign: bool = False) -> dict[str, Any]:
    found = estimate.interval
    return {
        "mean": _plain(estimate.mean),
        "low": _plain(found.low) if found else None,
        "high": _plain(found.high) if found else None,
        "words": f"{number(estimate.mean, sign=sign)} {interval(found, sign=sign)}" if found else number(estimate.mean),
    }
