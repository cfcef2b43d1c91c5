"""How curves are laid out: a panel for each metric of each environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlx import stats
from rlx.config import COMMON
from rlx.report.metric_curves import RETURNS, CurveSheet, MetricCurve
from rlx.stats import Array

WHY_EMPTY = {"rollout/return_mean": "no training episode ended"}
WIDEST = 3


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        row: Where it stands, from the top.
        column: And from the left.
        title: The metric, and the environment.
        curves: By run.
        random_return: What random actions score; None where that is not known or not of this metric.
        empty: What to say where there are no curves.
        task: The environment.
        metric: The metric.
    """

    row: int
    column: int
    title: str
    curves: Mapping[str, MetricCurve]
    random_return: float | None
    empty: str
    task: str = ""
    metric: str = ""

    @property
    def shown_values(self) -> list[Array]:
        """The values that must be in sight: of every seed of every run, and of random actions."""
        values = [seed.values_T for curve in self.curves.values() for seed in curve.seeds.values()]
        return values + ([np.array([self.random_return])] if values and self.random_return is not None else [])

    @property
    def bands(self) -> list[stats.Band]:
        """The intervals that are drawn."""
        return list(self.curves.values())


def panels(sheet: CurveSheet) -> list[Panel]:
    """Lay out a sheet: the environments below each other, at most three metrics beside each other."""
    across = min(WIDEST, len(sheet.metrics)) if len(sheet.metrics) != 4 else 2
    down = -(-len(sheet.metrics) // across)
    found = []
    for block, task in enumerate(sheet.tasks):
        for index, metric in enumerate(sheet.metrics):
            curves = {
                run.run: run.metrics[metric] for run in sheet.runs if run.environment == task and metric in run.metrics
            }
            name = COMMON[metric].title if metric in RETURNS else metric
            title = f"{task}: {name}" if len(sheet.tasks) > 1 or index == 0 else name
            row, column = block * down + index // across, index % across
            empty = WHY_EMPTY.get(metric, f"no {metric}")
            found.append(Panel(row, column, title, curves, sheet.random_return(task, metric), empty, task, metric))
    return found
