"""How fast runs learn, seed by seed: area under the learning curve, and steps to a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx import stats
from rlx.comparison.runs import RunScores


@dataclass(frozen=True)
class Learning:
    """Sample efficiency of a run.

    Attributes:
        run: Its name.
        area: Mean return of the training episodes (of a run whose training has another environment: of the validation episodes) over
            the whole budget (area under the curve over its length).
        difference: Of the area to the baseline's; None for the baseline, and where budgets, tasks or kinds of episodes differ.
        reaching: When seeds first reached the threshold; None without a threshold.
        solved: Seeds whose held-out score is at or above the threshold, of how many; None without a threshold.
        solved_interval: Wilson's interval of that share.
        threshold: That threshold.
    """

    run: str
    area: stats.Estimate | None
    difference: stats.Estimate | None
    reaching: stats.Reaching | None
    solved: tuple[int, int] | None
    solved_interval: stats.Interval | None
    threshold: float | None = None


def learning_of(run: RunScores, baseline: RunScores | None, threshold: float | None) -> Learning:
    """Summarise how fast a run learns, and compare it with a baseline's (None: with nothing)."""
    area_S, difference = _areas(run), None
    if (
        baseline is not None
        and baseline.run != run.run
        and baseline.environment_steps == run.environment_steps
        and trains_elsewhere(baseline) == trains_elsewhere(run)
        and len(area_S)
        and len(base_S := _areas(baseline))
    ):
        difference = stats.difference_of_means(area_S, base_S)
    area = stats.mean_with_interval(area_S) if len(area_S) else None
    if threshold is None:
        return Learning(run.run, area, difference, None, None, None)
    reaching = None
    if run.curves:
        reaching = stats.time_to_threshold(
            [stats.steps_to_threshold(curve.x_T, curve.values_T, threshold) for curve in run.curves.values()],
            [float(curve.x_T[-1]) for curve in run.curves.values()],
        )
    solved, n = int(np.sum(run.scores_S >= threshold)), len(run.scores)
    return Learning(run.run, area, difference, reaching, (solved, n), stats.success_interval(solved, n), threshold)


def trains_elsewhere(run: RunScores) -> bool:
    """Tell whether a run's training episodes are of another environment than the task (``env.training``)."""
    return any(key.startswith("env.training.") and value for key, value in run.config.items())


def _areas(run: RunScores) -> stats.Array:
    curves = [run.curves[seed] for seed in sorted(run.curves)]
    return np.array([stats.area_under_curve(curve.x_T, curve.values_T) for curve in curves])
