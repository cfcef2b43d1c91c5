"""The points of curves, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from rlx.report.metric_curves import CurveSheet, RunCurves
from rlx.stats import Array

X_UNITS = {"steps": "environment steps", "time": "seconds of training"}
COLUMNS = ("run", "environment", "metric", "seed", "x", "value", "low", "high", "n")


@dataclass(frozen=True)
class Plotted:
    """`rlx plot RUN... --json`.

    Attributes:
        format: Version of this schema.
        x: What the horizontal axis is.
        runs: In the order asked for.
        notes: What is missing, and why.
    """

    format: Literal[1]
    x: str
    runs: Sequence[RunCurves]
    notes: Sequence[str]


def plotted(sheet: CurveSheet) -> Plotted:
    """Return the points drawn."""
    runs = [
        replace(run, metrics={metric: run.metrics[metric] for metric in sheet.metrics if metric in run.metrics})
        for run in sheet.runs
    ]
    return Plotted(1, X_UNITS[sheet.x], runs, sheet.notes)


def to_rows(sheet: CurveSheet) -> list[dict[str, Any]]:
    """Return the points drawn, a row each with :data:`COLUMNS`; rows of the mean over seeds have no seed."""
    rows = []
    for run in sheet.runs:
        for metric in (metric for metric in sheet.metrics if metric in run.metrics):
            found = run.metrics[metric]
            head = {"run": run.run, "environment": run.environment, "metric": metric}
            for seed, one in found.seeds.items():
                rows += _points(head | {"seed": seed}, {"x": one.x_T, "value": one.values_T})
            mean = {"x": found.x_T, "value": found.mean_T, "low": found.low_T, "high": found.high_T, "n": found.n_T}
            rows += _points(head, mean)
    return rows


def _points(head: dict[str, Any], columns: dict[str, Array]) -> list[dict[str, Any]]:
    """Return a row for each point that has a value; what else is not finite stays empty."""
    rows = []
    for point in np.flatnonzero(np.isfinite(columns["value"])):
        cells = {name: column[point].item() for name, column in columns.items() if np.isfinite(column[point])}
        rows.append(head | cells)
    return rows
