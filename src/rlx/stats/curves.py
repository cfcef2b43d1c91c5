"""How fast a run learns: area under the curve, and steps to a threshold where not every seed gets there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import integrate, stats

from rlx.stats.estimates import Array, Interval, success_interval


@dataclass(frozen=True)
class Reaching:
    """How many seeds reached a threshold, and when.

    Attributes:
        reached: How many did.
        n: Of how many.
        share: Wilson's interval of the share that does.
        median_steps: The steps after which half of all trainings are there; None where fewer than half got there.
        low: Lower end of the median's interval; None where it is not known.
        high: Upper end; None where it lies beyond the budget.
    """

    reached: int
    n: int
    share: Interval
    median_steps: float | None
    low: float | None
    high: float | None


def area_under_curve(steps_T: Array, values_T: Array) -> float:
    """Return the area under a learning curve by trapezoids, divided by its length: the mean return while training.

    Args:
        steps_T: Environment steps, increasing.
        values_T: Returns there; NaN (no episode ended) is bridged by a straight line.
    """
    known = np.isfinite(values_T)
    steps_T, values_T = np.asarray(steps_T, dtype=float)[known], np.asarray(values_T, dtype=float)[known]
    if len(steps_T) == 0:
        return float("nan")
    if len(steps_T) == 1:
        return float(values_T[0])
    return float(integrate.trapezoid(values_T, steps_T) / (steps_T[-1] - steps_T[0]))


def steps_to_threshold(steps_T: Array, values_T: Array, threshold: float) -> float | None:
    """Return the first step at which a curve is at or above ``threshold``; None where it never is."""
    there = np.flatnonzero(np.asarray(values_T, dtype=float) >= threshold)
    return float(np.asarray(steps_T)[there[0]]) if len(there) else None


def time_to_threshold(steps_S: Sequence[float | None], budget_S: Sequence[float], level: float = 0.95) -> Reaching:
    """Summarise when seeds reached a threshold, some of them never.

    A seed that did not get there within its budget is censored there, not dropped: the median comes from the
    Kaplan–Meier curve (1958), its interval from the curve's log-log band (Brookmeyer & Crowley 1982).

    Args:
        steps_S: Steps at which each seed got there; None for those that did not.
        budget_S: Steps for which each seed was trained.
        level: Of the intervals.
    """
    times = [found for found in steps_S if found is not None]
    late = [budget for found, budget in zip(steps_S, budget_S, strict=True) if found is None]
    n, share = len(steps_S), success_interval(len(times), len(steps_S), level)
    if not times:
        return Reaching(0, n, share, None, None, None)
    survival = stats.ecdf(stats.CensoredData(uncensored=times, right=late)).sf
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # after the last event the band is undefined, which is told
        band = survival.confidence_interval(level, method="log-log")

    def crossing(curve: Array) -> float | None:
        below = np.flatnonzero(np.nan_to_num(curve, nan=1.0) <= 0.5)
        return float(survival.quantiles[below[0]]) if len(below) else None

    return Reaching(
        len(times),
        n,
        share,
        crossing(survival.probabilities),
        crossing(band.low.probabilities),
        crossing(band.high.probabilities),
    )
