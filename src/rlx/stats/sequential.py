"""Looking more than once: a permutation test whose error rate holds although seeds are added between the looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rlx.stats.estimates import Array, Estimate, Interval, difference_of_means
from rlx.stats.permutation import ALIKE, Sums, studentised

DRAWS = 20_000
METHOD = "group-sequential permutation"


@dataclass(frozen=True)
class Look:
    """One look at a growing comparison.

    Attributes:
        n: Seeds of each run that it sees.
        statistic: Absolute value of Welch's t.
        boundary: The statistic that ends the sequence here; infinite where the error spent so far allows none.
        spent: Share of alpha that the looks up to here may use.
        crossed: Whether the statistic is at or beyond the boundary.
        difference: Candidate − baseline, with the repeated confidence interval that belongs to the boundary
            (Jennison & Turnbull 1989): it may be read at every look. None without a finite boundary.
    """

    n: int
    statistic: float
    boundary: float
    spent: float
    crossed: bool
    difference: Estimate


def group_sequential_test(candidate_S: Array, baseline_S: Array, looks: Sequence[int], alpha: float) -> list[Look]:
    """Test after every group of seeds, so that the chance of any false alarm over all looks is at most ``alpha``.

    Scores are rearranged within the groups of seeds added together, which keeps every look of a rearrangement
    consistent; the boundary of each look spends alpha in equal parts (error spending: Lan & DeMets 1983; with
    permutations: AdaStop, Mathieu et al. 2023). Exact, up to the error of 20,000 fixed draws, where the runs do not
    differ, for any distribution. The first look whose boundary is crossed decides; later ones are for the curious.

    Args:
        candidate_S: Scores in the order of the seeds.
        baseline_S: The same of the baseline.
        looks: Seeds of each run at each look, increasing. Looks that the scores do not reach yet are not taken.
        alpha: Error rate over all the looks planned.

    Returns:
        The looks taken, all that the scores reach.
    """
    candidate_S, baseline_S = np.asarray(candidate_S, dtype=float), np.asarray(baseline_S, dtype=float)
    reached = [n for n in looks if n <= min(len(candidate_S), len(baseline_S))]
    taken: list[Look] = []
    if not reached:
        return taken
    pooled = np.concatenate([candidate_S[: reached[-1]], baseline_S[: reached[-1]]])
    centre, scale = float(np.median(pooled)), float(np.ptp(pooled)) or 1.0
    groups = _Groups((candidate_S - centre) / scale, (baseline_S - centre) / scale)
    out = np.zeros(DRAWS + 1, dtype=bool)  # rearrangements that ended at an earlier look; the observed one comes first
    for index, n in enumerate(reached):
        statistics = groups.add(n)
        spent = alpha * (index + 1) / len(looks)
        boundary = _boundary(statistics, out, spent)
        out |= statistics >= boundary
        estimate = _estimate(candidate_S[:n], baseline_S[:n], boundary, alpha)
        taken.append(Look(n, float(statistics[0]), boundary, spent, bool(statistics[0] >= boundary), estimate))
    return taken


class _Groups:
    """All rearrangements at once: sums and sums of squares of the candidate's side, grown group by group."""

    def __init__(self, candidate_S: Array, baseline_S: Array) -> None:
        self._candidate_S, self._baseline_S = candidate_S, baseline_S
        self._seen, self._total, self._total_squares = 0, 0.0, 0.0
        self._sums, self._squares = np.zeros(DRAWS + 1), np.zeros(DRAWS + 1)

    def add(self, n: int) -> Array:
        """Take in the seeds up to the n-th of each run; return the statistic of each rearrangement, the real one first."""
        fresh = slice(self._seen, n)
        group = np.concatenate([self._candidate_S[fresh], self._baseline_S[fresh]])
        sides = _rearrangements(n - self._seen, self._seen)
        self._sums += sides @ group
        self._squares += sides @ group**2
        self._total += float(group.sum())
        self._total_squares += float((group**2).sum())
        self._seen = n
        side, whole = Sums(self._sums, self._squares, n), Sums(self._total, self._total_squares, 2 * n)
        return np.round(np.abs(studentised(side, whole)), 9)


@lru_cache(maxsize=16)
def _rearrangements(size: int, after: int) -> Array:
    """Return which of the ``2 size`` scores of a group go to the candidate's side: ones and zeros, a row each."""
    rng = np.random.default_rng([size, after])
    sides = np.zeros((DRAWS + 1, 2 * size))
    sides[:, :size] = 1.0
    sides[1:] = rng.permuted(sides[1:], axis=1)
    return sides


def _boundary(statistics: Array, out: Array, spent: float) -> float:
    """Return the smallest statistic at which no more than the share ``spent`` has ended by this look."""
    allowed = math.floor(spent * len(statistics) + ALIKE) - int(out.sum())
    left = np.sort(statistics[~out])[::-1]
    if allowed <= 0 or len(left) <= allowed:
        return math.inf
    above = left[left > left[allowed]]  # the next one would be one too many, and so would its equals
    return float(above[-1]) if len(above) and above[-1] > 0 else math.inf


def _estimate(candidate_S: Array, baseline_S: Array, boundary: float, alpha: float) -> Estimate:
    plain = difference_of_means(candidate_S, baseline_S)
    if plain.std is None or not math.isfinite(boundary):
        return Estimate(plain.mean, None, plain.std, plain.n)
    half = boundary * plain.std * math.sqrt(2 / plain.n)
    interval = Interval(plain.mean - half, plain.mean + half, 1 - alpha, "repeated interval", plain.n)
    return Estimate(plain.mean, interval, plain.std, plain.n)
