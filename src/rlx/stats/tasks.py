"""Several tasks together: normalised scores, their interquartile mean, profiles, and tests within the tasks.

A list ``_K`` has one array of seed scores per task, so that tasks may have different numbers of seeds; every interval
and test is stratified: seeds are resampled or rearranged within their task only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from rlx.stats.arrays import Array
from rlx.stats.estimates import NO_SPREAD, Estimate, Interval
from rlx.stats.permutation import ALIKE, Test, extremeness, gap_and_variance, sums

RESAMPLES = 5_000


@dataclass(frozen=True)
class Profile:
    """A performance profile: what share of trainings scores above each threshold (Agarwal et al. 2021, §4.3).

    Attributes:
        thresholds_L: Normalised scores.
        share_L: Share of trainings above, each task weighing the same.
        low_L: Lower end of the pointwise stratified bootstrap band.
        high_L: Upper end.
    """

    thresholds_L: Array
    share_L: Array
    low_L: Array
    high_L: Array


def interquartile_mean_across_tasks(scores_K: Sequence[Array], level: float = 0.95) -> Estimate:
    """Return the IQM over all seeds of all tasks, with a stratified bootstrap interval (Agarwal et al. 2021).

    Every task weighs the same; where the quarters cut through a score, the part of it inside counts.

    Args:
        scores_K: Normalised scores of each task's seeds.
        level: Of the interval.

    Returns:
        ``n`` is the number of trainings. The interval is None where a task has one seed, and too narrow with few seeds
        and tasks (``docs/statistics.md``).
    """
    weights, together = _weights(scores_K), np.concatenate(scores_K)
    mean, n = float(_middle_mean(together[None], weights)[0]), len(together)
    if min(len(scores) for scores in scores_K) < 2:
        return Estimate(mean, None, None, n)
    low, high = np.quantile(_middle_mean(_resampled(scores_K), weights), [(1 - level) / 2, (1 + level) / 2])
    interval = Interval(float(low), float(high), level, "stratified bootstrap", n)
    return Estimate(mean, interval, float(together.std(ddof=1)), n)


def _weights(scores_K: Sequence[Array]) -> Array:
    """Return the weight of each score, side by side: every task weighs the same, whatever its number of seeds."""
    return np.concatenate([np.full(len(scores), 1 / (len(scores) * len(scores_K))) for scores in scores_K])


def _middle_mean(scores_RS: Array, weights_S: Array) -> Array:
    """Return the mean over the middle half of the weight of each row's scores."""
    order = np.argsort(scores_RS, axis=1)
    upper = np.cumsum(weights_S[order], axis=1)
    lower = upper - weights_S[order]
    inside = np.clip(np.minimum(upper, 0.75) - np.maximum(lower, 0.25), 0, None)
    means: Array = (np.take_along_axis(scores_RS, order, axis=1) * inside).sum(axis=1) / inside.sum(axis=1)
    return means


def performance_profile(scores_K: Sequence[Array], thresholds_L: Array, level: float = 0.95) -> Profile:
    """Return the share of trainings that score above each threshold, with its band; see :class:`Profile`."""
    weights, together, drawn = _weights(scores_K), np.concatenate(scores_K), _resampled(scores_K)
    shares = np.array([(together > threshold) @ weights for threshold in thresholds_L])
    bands = [
        np.quantile((drawn > threshold) @ weights, [(1 - level) / 2, (1 + level) / 2]) for threshold in thresholds_L
    ]
    low, high = np.array(bands).T
    return Profile(np.asarray(thresholds_L), shares, low, high)


def _resampled(scores_K: Sequence[Array]) -> Array:
    """Return seeds drawn with replacement within each task: a row per resample, all tasks side by side."""
    rng = np.random.default_rng(0)
    parts = [np.asarray(scores)[rng.integers(0, len(scores), (RESAMPLES, len(scores)))] for scores in scores_K]
    return np.concatenate(parts, axis=1)


def difference_across_tasks(candidate_K: Sequence[Array], baseline_K: Sequence[Array], level: float = 0.95) -> Estimate:
    """Estimate the mean over the tasks of mean(candidate) − mean(baseline), in normalised scores.

    Returns:
        With a Welch–Satterthwaite t interval over all the tasks' variances (Satterthwaite 1946); None where a task has
        one seed. ``std`` is the root mean square over tasks and runs.
    """
    gaps = [float(np.mean(one) - np.mean(other)) for one, other in zip(candidate_K, baseline_K, strict=True)]
    sides = [np.asarray(side, dtype=float) for side in (*candidate_K, *baseline_K)]
    n, mean = min(len(side) for side in sides), float(np.mean(gaps))
    if n < 2:
        return Estimate(mean, None, None, n)
    parts = np.array([side.var(ddof=1) / len(side) for side in sides]) / len(gaps) ** 2
    std = math.sqrt(float(np.mean([side.var(ddof=1) for side in sides])))
    if parts.sum() == 0:
        return Estimate(mean, Interval(mean, mean, level, NO_SPREAD, n), 0.0, n)
    freedom = parts.sum() ** 2 / np.sum(parts**2 / np.array([len(side) - 1 for side in sides]))
    half = float(scipy.special.stdtrit(freedom, (1 + level) / 2)) * math.sqrt(parts.sum())
    return Estimate(mean, Interval(mean - half, mean + half, level, "stratified Welch's t", n), std, n)


def improvement_across_tasks(
    candidate_K: Sequence[Array], baseline_K: Sequence[Array], level: float = 0.95
) -> Estimate:
    """Estimate the chance that a candidate's seed beats one of the baseline's, mean over the tasks; it needs no scale.

    Returns:
        With a t interval from the placements of each task (Brunner & Munzel 2000), their variances added as Welch's are
        (Satterthwaite 1946), cut at 0 and 1; None where a task has one seed.
    """
    sides = [_placements(one, other) for one, other in zip(candidate_K, baseline_K, strict=True)]
    found = difference_across_tasks([one for one, _ in sides], [other for _, other in sides], level)
    if found.interval is None:
        return Estimate(found.mean + 0.5, None, found.std, found.n)
    low, high = (min(1.0, max(0.0, end + 0.5)) for end in (found.interval.low, found.interval.high))
    interval = Interval(low, high, level, "stratified placements", found.n)
    return Estimate(found.mean + 0.5, interval, found.std, found.n)


def _placements(candidate_S: Array, baseline_S: Array) -> tuple[Array, Array]:
    """Return the placements of both sides: which share of the other side each seed beats, or is beaten by.

    They are centred such that their means differ by P − ½; their variances add up to that of P.
    """
    beats = np.greater.outer(candidate_S, baseline_S) + 0.5 * np.equal.outer(candidate_S, baseline_S)
    return beats.mean(axis=1) - 0.5, beats.mean(axis=0) - beats.mean()


def average_ranks(scores_MK: Sequence[Sequence[Array]], level: float = 0.95) -> list[Estimate]:
    """Return each method's rank by its mean score, 1 the best, mean over the tasks, with a stratified bootstrap interval.

    Args:
        scores_MK: For each method the scores of each task's seeds.
        level: Of the intervals.
    """
    drawn, plain = [], []
    for task in range(len(scores_MK[0])):
        columns = [np.asarray(scores_K[task], dtype=float) for scores_K in scores_MK]
        rng = np.random.default_rng(task)
        picked = [side[rng.integers(0, len(side), (RESAMPLES, len(side)))].mean(axis=1) for side in columns]
        drawn.append(scipy.stats.rankdata(-np.stack(picked, axis=1), axis=1))
        plain.append(scipy.stats.rankdata([-side.mean() for side in columns]))
    means, spread = np.mean(plain, axis=0), np.mean(drawn, axis=0)
    ends = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
    n = min(len(side) for scores_K in scores_MK for side in scores_K)
    return [
        Estimate(float(mean), Interval(float(low), float(high), level, "stratified bootstrap", n), None, n)
        for mean, low, high in zip(means, *ends, strict=True)
    ]


def rank_test_across_tasks(candidate_K: Sequence[Array], baseline_K: Sequence[Array]) -> Test:
    """Test whether two methods could be one on every task, by rearranging seeds within each task; it needs no scale.

    The statistic is the studentised chance of :func:`improvement_across_tasks` (Neubert & Brunner 2007).
    """
    return _rearranged(candidate_K, baseline_K, _placed)


def _placed(sides_RS: Array, n: int) -> tuple[Array, Array]:
    """Return the gap in placements of each row, and its squared standard error; the candidate's scores come first."""
    one, other = sides_RS[:, :n], sides_RS[:, n:]
    beats = (one[:, :, None] > other[:, None, :]) + 0.5 * (one[:, :, None] == other[:, None, :])
    gap = beats.mean(axis=(1, 2)) - 0.5
    if min(one.shape[1], other.shape[1]) < 2:
        return gap, np.zeros_like(gap)
    errors = [beats.mean(axis=axis).var(axis=1, ddof=1) / beats.shape[3 - axis] for axis in (2, 1)]
    return gap, errors[0] + errors[1]


def permutation_test_across_tasks(candidate_K: Sequence[Array], baseline_K: Sequence[Array]) -> Test:
    """Test whether two methods could be one on every task, by rearranging seeds within each task.

    The statistic is the studentised mean over the tasks of the difference in normalised scores, so the test and the
    interval of :func:`difference_across_tasks` speak of the same quantity. Two-sided, from :data:`RESAMPLES` fixed
    random rearrangements.
    """

    def meaned(sides_RS: Array, n: int) -> tuple[Array, Array]:
        return gap_and_variance(sums(sides_RS[:, :n]), sums(sides_RS[0]))

    return _rearranged(candidate_K, baseline_K, meaned)


def _rearranged(
    candidate_K: Sequence[Array], baseline_K: Sequence[Array], statistic: Callable[[Array, int], tuple[Array, Array]]
) -> Test:
    """Test by rearranging seeds within each task; the statistic gives each row's gap and its squared standard error."""
    sizes = []
    gap, variance = np.zeros(RESAMPLES + 1), np.zeros(RESAMPLES + 1)
    for index, (candidate, baseline) in enumerate(zip(candidate_K, baseline_K, strict=True)):
        pooled, n = np.concatenate([candidate, baseline]).astype(float), len(candidate)
        pooled = pooled - np.median(pooled)
        order = np.tile(np.arange(len(pooled)), (RESAMPLES + 1, 1))
        order[1:] = np.random.default_rng([index, len(pooled)]).permuted(order[1:], axis=1)
        one, error = statistic(pooled[order], n)
        gap, variance = gap + one, variance + error
        sizes.append((n, len(pooled) - n))
    extreme = extremeness(gap, variance)
    p = int(np.count_nonzero(extreme >= extreme[0] - ALIKE)) / (RESAMPLES + 1)
    ways = math.prod(math.comb(n + m, n) for n, m in sizes)
    least = max(1 / (RESAMPLES + 1), (2 if all(n == m for n, m in sizes) else 1) / ways)
    return Test(p, least, f"permutation within tasks, {RESAMPLES:,} draws")
