"""How fast a run learns: area under the curve, and steps to a threshold where not every seed gets there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from rlx.stats.arrays import Array
from rlx.stats.estimates import Interval, success_interval


@dataclass(frozen=True)
class SeedCurve:
    """A number of one seed along its training; NaN where it has no value.

    Attributes:
        x_T: Environment steps, or seconds of training.
        values_T: The number there.
    """

    x_T: Array
    values_T: Array


@dataclass(frozen=True)
class Band:
    """The mean of several seeds along a learning curve, with its pointwise t interval.

    Attributes:
        mean_T: NaN where too few seeds have a value.
        low_T: Lower end; NaN where fewer than two seeds have one.
        high_T: Upper end.
        n_T: How many seeds the mean is of; 0 where there is none.
    """

    mean_T: Array
    low_T: Array
    high_T: Array
    n_T: Array

    @property
    def telling_T(self) -> Array:
        """Where the interval is worth drawing: that of two seeds, 13 standard errors to each side, covers everything."""
        return np.isfinite(self.low_T) & (self.n_T > 2)


def seeds_for_mean(seeds: int) -> int:
    """Return how many of the seeds must have come to a point of a curve for a mean there: half, and of several, two."""
    return max(min(2, seeds), -(-seeds // 2))


def mean_band(values_ST: Array, level: float = 0.95) -> Band:
    """Return the mean over seeds at each point, with its t interval (as :func:`mean_with_interval` makes it).

    There is a mean from where every seed has had a value, to where :func:`seeds_for_mean` of them still
    have one: seeds that have come further than the others go on alone.

    Args:
        values_ST: One row per seed; NaN before its first value and after its last.
        level: Of the intervals.
    """
    seeds, points = values_ST.shape
    mean_T, low_T, high_T = (np.full(points, np.nan) for _ in range(3))
    known_ST = np.isfinite(values_ST)
    n_T = known_ST.sum(axis=0)
    begun_T = np.logical_or.accumulate(known_ST, axis=1).all(axis=0)
    n_T[~begun_T | (n_T < seeds_for_mean(seeds))] = 0
    some = n_T >= 1
    mean_T[some] = np.nanmean(values_ST[:, some], axis=0)
    several, n = n_T >= 2, n_T[n_T >= 2]
    half = scipy.special.stdtrit(n - 1, (1 + level) / 2) * np.nanstd(values_ST[:, several], axis=0, ddof=1) / np.sqrt(n)
    low_T[several], high_T[several] = mean_T[several] - half, mean_T[several] + half
    return Band(mean_T, low_T, high_T, n_T)


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
    area = np.sum(np.diff(steps_T) * (values_T[1:] + values_T[:-1]) / 2.0)
    return float(area / (steps_T[-1] - steps_T[0]))


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
    events_E, curve_E, low_E, high_E = survival(times, late, level)

    def crossing(curve_E: Array) -> float | None:
        below = np.flatnonzero(np.nan_to_num(curve_E, nan=1.0) <= 0.5)
        return float(events_E[below[0]]) if len(below) else None

    return Reaching(len(times), n, share, crossing(curve_E), crossing(low_E), crossing(high_E))


def survival(times: Sequence[float], late: Sequence[float], level: float) -> tuple[Array, Array, Array, Array]:
    """Return the Kaplan–Meier curve S (1958) with its log-log band: times E, S just after each, lower and upper ends.

    With d events at a time and r that were still at risk, S is the product of 1 − d/r; Greenwood's sum G of d/(r (r − d)) gives the band
    S^exp(± z √G / log S). After the last event, where nobody is left, it is undefined (NaN). ``scipy.stats.ecdf`` gives the same (a
    test compares them), and takes half a second to import.

    Args:
        times: When it happened.
        late: Until when those were watched to whom it did not.
        level: Of the band.
    """
    ends = np.concatenate([np.asarray(times, dtype=float), np.asarray(late, dtype=float)])
    events_E, count_E = np.unique(np.asarray(times, dtype=float), return_counts=True)
    risk_E = np.array([(ends >= event).sum() for event in events_E])
    curve_E = np.cumprod(1.0 - count_E / risk_E)
    z = float(scipy.special.ndtri((1 + level) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation_E = np.sqrt(np.cumsum(count_E / (risk_E * (risk_E - count_E)))) / np.log(curve_E)
        low_E, high_E = (curve_E ** np.exp(sign * z * deviation_E) for sign in (-1, 1))
    over_E = curve_E == 0.0
    low_E[over_E], high_E[over_E] = np.nan, np.nan
    return events_E, curve_E, low_E, high_E
