"""Estimates, intervals, tests and power: arrays in, frozen dataclasses out.

The unit of replication is the training seed: every array here has one score per seed (suffix ``_S``), each the mean
over that seed's episodes. SciPy computes whatever it has a method for.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

Array = np.ndarray[Any, Any]
EXACT_LIMIT = 100_000
"""Up to this many rearrangements a permutation test is exact; beyond, that many are drawn at random."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval, with what it takes to read it.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Nominal coverage, such as 0.95.
        method: How it was made.
        n: How many independent scores it rests on.
    """

    low: float
    high: float
    level: float
    method: str
    n: int


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval (None below two scores: one seed has no spread to judge by)."""

    mean: float
    interval: Interval | None
    std: float | None
    n: int


@dataclass(frozen=True)
class Test:
    """A p-value and how it was made.

    Attributes:
        p: Two-sided p-value.
        smallest_p: The smallest p-value these sample sizes can give at all.
        method: ``exact permutation`` or ``permutation, N draws``.
    """

    p: float
    smallest_p: float
    method: str


def mean_with_interval(scores_S: Array, level: float = 0.95) -> Estimate:
    """Estimate a mean with Student's t interval.

    The percentile bootstrap covers only 0.75–0.90 at 3–10 seeds where it claims 0.95 (``docs/concepts.md``);
    t holds for normal scores at any n ≥ 2, and is too short for scores that are mostly equal with rare failures.
    """
    scores_S = np.asarray(scores_S, dtype=float)
    n = len(scores_S)
    if n < 2:
        return Estimate(float(scores_S.mean()), None, None, n)
    mean, std = float(scores_S.mean()), float(scores_S.std(ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * std / math.sqrt(n)
    return Estimate(mean, Interval(mean - half, mean + half, level, "Student's t", n), std, n)


def difference_of_means(candidate_S: Array, baseline_S: Array, level: float = 0.95) -> Estimate:
    """Estimate mean(candidate) − mean(baseline) with Welch's t interval (unequal variances; Welch 1947)."""
    candidate_S, baseline_S = np.asarray(candidate_S, dtype=float), np.asarray(baseline_S, dtype=float)
    difference = float(candidate_S.mean() - baseline_S.mean())
    n = min(len(candidate_S), len(baseline_S))
    if n < 2:
        return Estimate(difference, None, None, n)
    spread = math.sqrt((candidate_S.var(ddof=1) + baseline_S.var(ddof=1)) / 2)
    if spread == 0:
        return Estimate(difference, Interval(difference, difference, level, "Welch's t (no spread)", n), 0.0, n)
    with warnings.catch_warnings():  # SciPy warns where one side has no spread; the other side's carries the interval
        warnings.simplefilter("ignore", RuntimeWarning)
        result = stats.ttest_ind(candidate_S, baseline_S, equal_var=False).confidence_interval(level)
    return Estimate(difference, Interval(float(result.low), float(result.high), level, "Welch's t", n), spread, n)


def permutation_test(candidate_S: Array, baseline_S: Array, seed: int = 0) -> Test:
    """Test whether two sets of scores could be one, by rearranging them (Fisher 1935; Pitman 1937).

    Args:
        candidate_S: Scores of one run.
        baseline_S: Scores of the other.
        seed: Of the random rearrangements, when there are too many for all.

    Returns:
        Two-sided p-value of the difference of means; exact up to :data:`EXACT_LIMIT` rearrangements.
    """
    candidate_S, baseline_S = np.asarray(candidate_S, dtype=float), np.asarray(baseline_S, dtype=float)
    rearrangements = math.comb(len(candidate_S) + len(baseline_S), len(candidate_S))
    exact = rearrangements <= EXACT_LIMIT
    symmetric = len(candidate_S) == len(baseline_S)
    smallest = min(1.0, (2 if symmetric else 1) / rearrangements) if exact else 2 / (EXACT_LIMIT + 1)
    method = "exact permutation" if exact else f"permutation, {EXACT_LIMIT:,} draws"
    if np.ptp(np.concatenate([candidate_S, baseline_S])) == 0:
        return Test(1.0, smallest, method)
    if exact:
        return Test(_exact_p(candidate_S, baseline_S), smallest, method)
    result = stats.permutation_test(
        (candidate_S, baseline_S),
        lambda x, y, axis: np.abs(np.mean(x, axis=axis) - np.mean(y, axis=axis)),
        n_resamples=EXACT_LIMIT,
        alternative="greater",
        vectorized=True,
        batch=2_000,
        rng=np.random.default_rng(seed),
    )
    return Test(float(result.pvalue), smallest, method)


def _exact_p(candidate_S: Array, baseline_S: Array) -> float:
    """Share of all rearrangements whose means differ at least as much, either way, as the observed ones."""
    pooled = np.concatenate([candidate_S, baseline_S])
    n, m = len(candidate_S), len(baseline_S)
    chosen = np.array(list(itertools.combinations(range(n + m), n)))
    sums = pooled[chosen].sum(axis=1)
    gaps = np.abs(sums / n - (pooled.sum() - sums) / m)
    observed = abs(candidate_S.mean() - baseline_S.mean())
    return float(np.mean(gaps >= observed - 1e-9 * max(1.0, float(np.ptp(pooled)))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, step-down (Holm 1979): reject where adjusted ≤ alpha."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def probability_of_improvement(candidate_S: Array, baseline_S: Array) -> float:
    """Return the share of pairs in which the candidate's seed beats the baseline's, ties one half (Mann–Whitney)."""
    candidate_S, baseline_S = np.asarray(candidate_S), np.asarray(baseline_S)
    u = stats.mannwhitneyu(candidate_S, baseline_S, method="asymptotic").statistic if len(candidate_S) else 0.0
    return float(u) / (len(candidate_S) * len(baseline_S))


def interquartile_mean(scores_S: Array) -> float | None:
    """Return the mean of the middle half (IQM); None below four scores, where nothing would be trimmed."""
    return float(stats.trim_mean(scores_S, 0.25)) if len(scores_S) >= 4 else None


def success_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Return Wilson's interval for a success rate (Wilson 1927)."""
    found = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high), level, "Wilson", trials)


def power_of_welch(effect: float, std: float, n: int, alpha: float = 0.05) -> float:
    """Return the chance to detect a true difference with n seeds each (noncentral t; Cohen 1988, §2)."""
    if n < 2:
        return 0.0
    if std == 0:
        return 1.0 if effect else 0.0
    noncentrality, freedom = abs(effect) / std * math.sqrt(n / 2), 2 * n - 2
    critical = float(stats.t.ppf(1 - alpha / 2, freedom))
    upper, lower = stats.nct.sf(critical, freedom, noncentrality), stats.nct.cdf(-critical, freedom, noncentrality)
    return float(upper + np.nan_to_num(lower, nan=0.0))  # SciPy gives NaN where the far tail is below its precision


def seeds_needed(effect: float, std: float, alpha: float = 0.05, power: float = 0.8, limit: int = 1000) -> int | None:
    """Return how many seeds each would detect ``effect`` with the given power; None beyond ``limit``.

    Args:
        effect: The true difference of means to detect.
        std: Standard deviation of the scores between seeds.
        alpha: Two-sided error rate of the test.
        power: The chance wanted.
        limit: Where to stop looking.
    """
    if effect == 0 or power_of_welch(effect, std, limit, alpha) < power:
        return None
    low, high = 2, limit
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of_welch(effect, std, middle, alpha) >= power else (middle + 1, high)
    return low


def seeds_for_equivalence(margin: float, std: float, alpha: float = 0.05, limit: int = 1000) -> int | None:
    """Return how many seeds each make the interval's expected half-width smaller than ``margin``; None beyond ``limit``.

    Args:
        margin: How far the difference seen lies inside the minimum effect.
        std: Standard deviation of the scores between seeds.
        alpha: One minus the level of the interval.
        limit: Where to stop looking.
    """
    for n in range(2, limit + 1):
        if float(stats.t.ppf(1 - alpha / 2, 2 * n - 2)) * std * math.sqrt(2 / n) < margin:
            return n
    return None


def minimum_detectable_effect(std: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return the smallest true difference that n seeds each detect with the given power (None below two seeds)."""
    if n < 2:
        return None
    return std * float(
        optimize.brentq(lambda effect: power_of_welch(effect, 1.0, n, alpha) - power, 0.0, 200.0, xtol=1e-6)
    )
