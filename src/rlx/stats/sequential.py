"""Looking more than once: a permutation test whose error rate holds although seeds are added between the looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import scipy

from rlx.stats.arrays import Array
from rlx.stats.estimates import NO_SPREAD, Estimate, Interval
from rlx.stats.permutation import ALIKE, Sums, extremeness, gap_and_variance, t_of
from rlx.stats.tasks import difference_across_tasks

DRAWS = 20_000


class _NullIsInfinite:
    """How pydantic, where it reads a document, takes a number that JSON cannot hold: null is infinity."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema as schema

        known = schema.nullable_schema(handler(source))
        return schema.no_info_after_validator_function(lambda found: math.inf if found is None else found, known)


@dataclass(frozen=True)
class Look:
    """One look at a growing comparison.

    Attributes:
        n: Seeds of each run that it sees.
        statistic: Absolute value of Welch's t; infinite where neither run has any spread.
        boundary: What the statistic must exceed to end the sequence here; infinite where the error that may be spent
            by now is too small for any result of so few seeds.
        spent: Share of alpha that the looks up to here may use.
        crossed: Whether the statistic exceeds the boundary.
        difference: Candidate − baseline, with the repeated confidence interval that belongs to the boundary
            (Jennison & Turnbull 1989): it may be read at every look. None without a finite boundary.
    """

    n: int
    statistic: Annotated[float, _NullIsInfinite()]
    boundary: Annotated[float, _NullIsInfinite()]
    spent: float
    crossed: bool
    difference: Estimate


def group_sequential_test(candidate_S: Array, baseline_S: Array, looks: Sequence[int], alpha: float) -> list[Look]:
    """Test after every group of seeds, so that the chance of any false alarm over all looks is at most ``alpha``.

    Scores are rearranged within the groups of seeds added together, which keeps every look of a rearrangement
    consistent; the boundaries spend alpha as O'Brien & Fleming's do (:func:`spent_by`; with permutations: AdaStop, Mathieu et
    al. 2023). Exact, up to the error of 20,000 fixed draws, where the runs do not
    differ, for any distribution. The first look whose boundary is crossed decides; later ones are for the curious.

    Args:
        candidate_S: Scores in the order of the seeds.
        baseline_S: The same of the baseline.
        looks: Seeds of each run at each look, increasing. Looks that the scores do not reach yet are not taken.
        alpha: Error rate over all the looks planned.

    Returns:
        The looks taken, all that the scores reach.
    """
    return group_sequential_test_across_tasks([candidate_S], [baseline_S], looks, alpha)


def group_sequential_test_across_tasks(
    candidate_K: Sequence[Array], baseline_K: Sequence[Array], looks: Sequence[int], alpha: float
) -> list[Look]:
    """Test the mean difference over several tasks after every group of seeds; see :func:`group_sequential_test`.

    Args:
        candidate_K: Normalised scores of each task's seeds, in their order.
        baseline_K: The same of the baseline.
        looks: Seeds of each run on each task at each look.
        alpha: Error rate over all the looks planned.
    """
    candidate_K, baseline_K = ([np.asarray(side, dtype=float) for side in sides] for sides in (candidate_K, baseline_K))
    most = min(len(side) for side in (*candidate_K, *baseline_K))
    tasks = [_Task(index, *pair) for index, pair in enumerate(zip(candidate_K, baseline_K, strict=True))]
    taken: list[Look] = []
    out = np.zeros(DRAWS + 1, dtype=bool)  # rearrangements that ended at an earlier look; the observed one comes first
    for n in (n for n in looks if n <= most):
        parts = [task.add(n) for task in tasks]
        extreme = extremeness(np.sum([gap for gap, _ in parts], axis=0), np.sum([error for _, error in parts], axis=0))
        spent = spent_by(n / looks[-1], alpha)
        critical = _critical(extreme, out, spent)
        out |= extreme > critical + ALIKE
        estimate = _estimate([side[:n] for side in candidate_K], [side[:n] for side in baseline_K], critical, alpha)
        crossed = bool(extreme[0] > critical + ALIKE)
        taken.append(Look(n, t_of(float(extreme[0])), t_of(critical), spent, crossed, estimate))
    return taken


def spent_by(fraction: float, alpha: float) -> float:
    """Return the part of alpha that may be spent when a fraction of the planned seeds is there (Lan & DeMets 1983).

    It goes as O'Brien & Fleming's boundaries do: little at early looks, so that the last one has nearly the power of a
    comparison without looks. Any schedule will do, since it depends on the seeds alone, not on how often was looked.
    """
    quantile = float(scipy.special.ndtri(1 - alpha / 2))
    return float(2 * scipy.special.ndtr(-quantile / math.sqrt(min(1.0, fraction))))


class _Task:
    """All rearrangements of one task at once: sums of the candidate's side, grown group by group."""

    def __init__(self, index: int, candidate_S: Array, baseline_S: Array) -> None:
        self._index, self._candidate_S, self._baseline_S = index, candidate_S, baseline_S
        self._seen, self._total, self._total_squares, self._centre = 0, 0.0, 0.0, 0.0
        self._sums, self._squares = np.zeros(DRAWS + 1), np.zeros(DRAWS + 1)

    def add(self, n: int) -> tuple[Array, Array]:
        """Take in the seeds up to the n-th of each run; return gap and variance of each rearrangement, the real first."""
        fresh = slice(self._seen, n)
        group = np.concatenate([self._candidate_S[fresh], self._baseline_S[fresh]])
        if not self._seen:
            self._centre = float(np.median(group))  # of the first group alone: later seeds change no earlier look
        group = group - self._centre
        sides = _rearrangements(n - self._seen, self._seen, self._index)
        self._sums += sides @ group
        self._squares += sides @ group**2
        self._total += float(group.sum())
        self._total_squares += float((group**2).sum())
        self._seen = n
        whole = Sums(self._total, self._total_squares, 2 * n)
        return gap_and_variance(Sums(self._sums, self._squares, n), whole)


@lru_cache(maxsize=32)
def _rearrangements(size: int, after: int, task: int) -> Array:
    """Return which of the ``2 size`` scores of a group go to the candidate's side: ones and zeros, a row each."""
    rng = np.random.default_rng([size, after, task])
    sides = np.zeros((DRAWS + 1, 2 * size))
    sides[:, :size] = 1.0
    sides[1:] = rng.permuted(sides[1:], axis=1)
    return sides


def _critical(extreme: Array, out: Array, spent: float) -> float:
    """Return the largest extremeness that may not end here, so that the share that has ended stays within ``spent``."""
    allowed = math.floor(spent * len(extreme) + 1e-9) - int(out.sum())
    left = np.sort(extreme[~out])[::-1]
    if allowed <= 0:
        return 1.0
    return max(0.0, float(left[min(allowed, len(left) - 1)]))


def _estimate(candidate_K: list[Array], baseline_K: list[Array], critical: float, alpha: float) -> Estimate:
    plain, boundary = difference_across_tasks(candidate_K, baseline_K), t_of(critical)
    if plain.std is None or not math.isfinite(boundary):
        return Estimate(plain.mean, None, plain.std, plain.n)
    error = math.sqrt(sum(side.var(ddof=1) / len(side) for side in (*candidate_K, *baseline_K))) / len(candidate_K)
    half, method = boundary * error, "repeated interval" if plain.std else NO_SPREAD
    return Estimate(
        plain.mean, Interval(plain.mean - half, plain.mean + half, 1 - alpha, method, plain.n), plain.std, plain.n
    )
