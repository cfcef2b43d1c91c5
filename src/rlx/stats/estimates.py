"""What a set of scores says: means, medians and differences, each with an interval whose coverage was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from rlx.stats.arrays import Array

NO_SPREAD = "no spread"


@dataclass(frozen=True)
class Interval:
    """A confidence interval, with what it takes to read it.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Nominal coverage, such as 0.95.
        method: How it was made; ``no spread`` where all scores are equal, so that it says nothing about luck.
        n: How many independent scores it rests on (the smaller number, of a difference).
    """

    low: float
    high: float
    level: float
    method: str
    n: int


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval (None below two scores: one seed has no spread to judge by).

    Attributes:
        mean: The mean, or the difference of means.
        interval: Its confidence interval.
        std: Standard deviation between seeds (of a difference: root mean square of both runs').
        n: How many seeds (the smaller number, of a difference).
    """

    mean: float
    interval: Interval | None
    std: float | None
    n: int


@dataclass(frozen=True)
class Description:
    """The scores of one run in numbers.

    Attributes:
        mean: With its t interval.
        median: Of the seeds.
        median_interval: Distribution-free; None where so few seeds cannot give one at this level.
        iqm: Interquartile mean.
        iqm_trims: How many scores it leaves out at each end; 0 means that it is the mean.
        minimum: The worst seed's score.
        maximum: The best seed's score.
    """

    mean: Estimate
    median: float
    median_interval: Interval | None
    iqm: float
    iqm_trims: int
    minimum: float
    maximum: float


def describe(scores_S: Array, level: float = 0.95) -> Description:
    """Return the usual numbers of a run's scores."""
    scores_S = np.asarray(scores_S, dtype=float)
    iqm, trims = interquartile_mean(scores_S)
    return Description(
        mean_with_interval(scores_S, level),
        float(np.median(scores_S)),
        median_interval(scores_S, level),
        iqm,
        trims,
        float(scores_S.min()),
        float(scores_S.max()),
    )


def mean_with_interval(scores_S: Array, level: float = 0.95) -> Estimate:
    """Estimate a mean with Student's t interval (Student 1908).

    Chosen by measurement (``docs/statistics.md``): it holds its level on normal scores from two seeds on, where the
    percentile and BCa bootstraps do not; where one seed in five fails it covers about as much as any method that knows
    no bounds does below 20 seeds; and its width stays within reason, where the studentised bootstrap's does not.
    """
    scores_S = np.asarray(scores_S, dtype=float)
    n = len(scores_S)
    if n < 2:
        return Estimate(float(scores_S.mean()), None, None, n)
    mean, std = float(scores_S.mean()), float(scores_S.std(ddof=1))
    if np.ptp(scores_S) == 0:
        return Estimate(float(scores_S[0]), Interval(scores_S[0], scores_S[0], level, NO_SPREAD, n), 0.0, n)
    half = float(scipy.special.stdtrit(n - 1, (1 + level) / 2)) * std / math.sqrt(n)
    return Estimate(mean, Interval(mean - half, mean + half, level, "Student's t", n), std, n)


def mean_of_differences(one_S: Array, other_S: Array, level: float = 0.95) -> Estimate:
    """Estimate the mean of ``one − other`` where both were measured on the same seeds (paired t interval)."""
    return mean_with_interval(np.asarray(one_S, dtype=float) - np.asarray(other_S, dtype=float), level)


def difference_of_means(candidate_S: Array, baseline_S: Array, level: float = 0.95) -> Estimate:
    """Estimate mean(candidate) − mean(baseline) with Welch's t interval (unequal variances; Welch 1947).

    With v the squared standard error of each mean, its degrees of freedom are (v₁ + v₂)² / (v₁²/(n₁ − 1) + v₂²/(n₂ − 1)).
    """
    candidate_S, baseline_S = np.asarray(candidate_S, dtype=float), np.asarray(baseline_S, dtype=float)
    difference = float(candidate_S.mean() - baseline_S.mean())
    n = min(len(candidate_S), len(baseline_S))
    if n < 2:
        return Estimate(difference, None, None, n)
    if np.ptp(candidate_S) == 0 and np.ptp(baseline_S) == 0:
        difference = float(candidate_S[0] - baseline_S[0])
        return Estimate(difference, Interval(difference, difference, level, NO_SPREAD, n), 0.0, n)
    spread = math.sqrt((candidate_S.var(ddof=1) + baseline_S.var(ddof=1)) / 2)
    errors = [float(side_S.var(ddof=1)) / len(side_S) for side_S in (candidate_S, baseline_S)]
    shares = [v**2 / (len(side_S) - 1) for v, side_S in zip(errors, (candidate_S, baseline_S), strict=True)]
    half = float(scipy.special.stdtrit(sum(errors) ** 2 / sum(shares), (1 + level) / 2)) * math.sqrt(sum(errors))
    return Estimate(difference, Interval(difference - half, difference + half, level, "Welch's t", n), spread, n)


def welch_t(candidate_S: Array, baseline_S: Array) -> float:
    """Return Welch's t of a difference of means (Welch 1947); infinite where neither side has any spread."""
    gap = float(np.mean(candidate_S) - np.mean(baseline_S))
    error = math.sqrt(sum(float(np.var(side, ddof=1)) / len(side) for side in (candidate_S, baseline_S)))
    return gap / error if error else math.copysign(math.inf, gap) if gap else 0.0


def median_interval(scores_S: Array, level: float = 0.95) -> Interval | None:
    """Return the median's interval from order statistics (binomial, exact for any distribution; Thompson 1936).

    Returns:
        None where no two order statistics reach the level: below six seeds at 0.95.
    """
    found = scipy.stats.quantile_test(scores_S, p=0.5).confidence_interval(level)
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None
    return Interval(float(found.low), float(found.high), level, "order statistics", len(scores_S))


def interquartile_mean(scores_S: Array) -> tuple[float, int]:
    """Return the mean of the middle half (IQM; Agarwal et al. 2021), and how many scores it trimmed at each end.

    Below four scores it trims none and is the mean.
    """
    trimmed = len(scores_S) // 4
    return float(np.sort(scores_S)[trimmed : len(scores_S) - trimmed].mean()), trimmed


def probability_of_improvement(candidate_S: Array, baseline_S: Array) -> float:
    """Return the share of pairs in which the candidate's seed beats the baseline's, ties one half (Mann–Whitney)."""
    candidate_S1, baseline_1S = np.asarray(candidate_S)[:, None], np.asarray(baseline_S)[None, :]
    return float(np.mean((candidate_S1 > baseline_1S) + 0.5 * (candidate_S1 == baseline_1S)))


def success_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Return Wilson's interval for a success rate (Wilson 1927)."""
    z, share = float(scipy.special.ndtri((1 + level) / 2)), successes / trials
    centre = share + z**2 / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    low, high = ((centre + sign * half) / (1 + z**2 / trials) for sign in (-1, 1))
    return Interval(
        max(0.0, low) if successes else 0.0, min(1.0, high) if successes < trials else 1.0, level, "Wilson", trials
    )


def largest_unseen_share(n: int, level: float = 0.95) -> float:
    """Return how large a share of trainings may fail although none of ``n`` did (Clopper & Pearson 1934, one-sided).

    Close to the "rule of three", 3 / n.
    """
    return largest_share(0, n, level)


def largest_share(failed: int, n: int, level: float = 0.95) -> float:
    """Return how large a share of trainings may fail where ``failed`` of ``n`` did (Clopper & Pearson 1934, one-sided)."""
    return float(scipy.special.betaincinv(failed + 1, n - failed, level)) if failed < n else 1.0
