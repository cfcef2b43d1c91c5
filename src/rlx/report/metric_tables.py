"""The points of curves, as JSON and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.experiments import Array
from rlx.report.comparison_files import plain
from rlx.report.metric_curves import CurveSheet, MetricCurve

FORMAT = 1
UNITS = {"steps": "environment steps", "time": "seconds of training"}
COLUMNS = ("run", "environment", "metric", "seed", "x", "value", "low", "high", "n")


def metric_data(sheet: CurveSheet) -> dict[str, Any]:
    """Return the points drawn, as plain values; what does not exist is null."""

    def curve(found: MetricCurve) -> dict[str, Any]:
        band = found.band
        return {
            "x": found.x_T,
            "mean": band.mean_T,
            "low": band.low_T,
            "high": band.high_T,
            "n": band.n_T,
            "seeds": {seed: {"x": one.x_T, "values": one.values_T} for seed, one in found.seeds.items()},
        }

    runs = [
        {
            "run": run.run,
            "environment": run.task,
            "seeds_wanted": run.seeds_wanted,
            "random_return": run.random_return,
            "metrics": {metric: curve(run.metrics[metric]) for metric in sheet.metrics if metric in run.metrics},
        }
        for run in sheet.runs
    ]
    content: dict[str, Any] = plain({"format": FORMAT, "x": UNITS[sheet.x], "runs": runs, "notes": list(sheet.notes)})
    return content


def to_rows(sheet: CurveSheet) -> list[dict[str, Any]]:
    """Return the points drawn, a row each with :data:`COLUMNS`; rows of the mean over seeds have no seed."""
    rows = []
    for run in sheet.runs:
        for metric in (metric for metric in sheet.metrics if metric in run.metrics):
            found = run.metrics[metric]
            head = {"run": run.run, "environment": run.task, "metric": metric}
            for seed, one in found.seeds.items():
                rows += _points(head | {"seed": seed}, {"x": one.x_T, "value": one.values_T})
            band = found.band
            mean = {"x": found.x_T, "value": band.mean_T, "low": band.low_T, "high": band.high_T, "n": band.n_T}
            rows += _points(head, mean)
    return rows


def _points(head: dict[str, Any], columns: dict[str, Array]) -> list[dict[str, Any]]:
    """Return a row for each point that has a value; what else is not finite stays empty."""
    rows = []
    for point in np.flatnonzero(np.isfinite(columns["value"])):
        cells = {name: column[point].item() for name, column in columns.items() if np.isfinite(column[point])}
        rows.append(head | cells)
    return rows
