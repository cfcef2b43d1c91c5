"""The permutation test on seed scores, and its correction over several candidates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rlx.stats.arrays import Array

EXACT_LIMIT = 200_000
"""Up to this many rearrangements (10 against 10 seeds have 184,756) the test is exact; beyond, some are drawn."""
DRAWS = 50_000
"""How many are drawn beyond that: the standard error of a p-value of 0.05 is then 0.001."""
CHUNK = 2**22
"""Numbers held in memory at once (32 MiB)."""
ALIKE = 1e-12
"""Rearrangements whose extremeness differs by less are ties: the difference is rounding."""


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


def permutation_test(candidate_S: Array, baseline_S: Array) -> Test:
    """Test whether two sets of scores could be one, by rearranging them (Fisher 1935; Pitman 1937).

    The statistic is Welch's t. So the error rate is exact, for any distribution, where the two distributions are
    equal, and stays close to it where only their means are and the spreads or numbers of seeds are not (Janssen 1997;
    Chung & Romano 2013). With equal numbers of seeds it orders the rearrangements as the difference of means does.

    Args:
        candidate_S: Scores of one run.
        baseline_S: Scores of the other.

    Returns:
        Two-sided p-value; exact up to :data:`EXACT_LIMIT` rearrangements, else from :data:`DRAWS` random ones, which
        are the same ones every time.
    """
    candidate_S, baseline_S = np.asarray(candidate_S, dtype=float), np.asarray(baseline_S, dtype=float)
    n, m = len(candidate_S), len(baseline_S)
    exact = math.comb(n + m, n) <= EXACT_LIMIT
    method = "exact permutation" if exact else f"permutation, {DRAWS:,} draws"
    pooled = np.concatenate([candidate_S, baseline_S])
    scale = float(np.ptp(pooled))
    if scale == 0:
        return Test(1.0, smallest_p(n, m), method)
    pooled = (pooled - np.median(pooled)) / scale
    if n > m:
        pooled = np.concatenate([pooled[n:], pooled[:n]])  # the smaller side first, as in the rearrangements
    whole, as_extreme, rows, observed = sums(pooled), 0, 0, None
    for side in _sums_of_sides(pooled, min(n, m)):
        found = extremeness(*gap_and_variance(side, whole))
        observed = found[0] if observed is None else observed  # the first rearrangement is the observed one
        as_extreme += int(np.count_nonzero(found >= observed - ALIKE))
        rows += len(found)
    return Test(as_extreme / rows, smallest_p(n, m), method)


def smallest_p(n: int, m: int) -> float:
    """Return the smallest two-sided p-value that a permutation test of n against m scores can give."""
    rearrangements = math.comb(n + m, n)
    if rearrangements > EXACT_LIMIT:
        return 1 / (DRAWS + 1)
    return min(1.0, (2 if n == m else 1) / rearrangements)


class Sums(NamedTuple):
    """Sums and sums of squares of scores, one or many at once.

    Attributes:
        sum: Sum of the scores, which are expected to be centred, with a range of about 1.
        squares: Sum of their squares.
        n: How many scores each sum has.
    """

    sum: Array | float
    squares: Array | float
    n: int


def gap_and_variance(side: Sums, whole: Sums) -> tuple[Array, Array]:
    """Return the difference of means between one side and the rest, and its squared standard error (elementwise).

    Where a side is one score, its spread is not known and the error is 0.
    """
    n, m, rest, rest_squares = side.n, whole.n - side.n, whole.sum - side.sum, whole.squares - side.squares
    gap = np.asarray(side.sum / n - rest / m)
    if min(n, m) < 2:
        return gap, np.zeros_like(gap)
    variance = np.maximum(side.squares - side.sum**2 / n, 0.0) / (n - 1)
    other = np.maximum(rest_squares - rest**2 / m, 0.0) / (m - 1)
    return gap, np.asarray(variance / n + other / m)


def extremeness(gap: Array, variance: Array) -> Array:
    """Return t² / (1 + t²) for Welch's t = gap / √variance: it orders as |t| does, and is 1 without any spread.

    Bounded, so that it is compared with an absolute tolerance, :data:`ALIKE`, whatever the units. Where no spread is
    known at all, the size of the gap, in units of the largest, orders instead.
    """
    if not np.any(variance):
        largest = float(np.max(np.abs(gap)))
        return np.abs(gap) / largest if largest else np.zeros_like(gap)
    square = gap**2
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Array = np.nan_to_num(square / (square + variance), nan=0.0)
    return share


def t_of(extreme: float) -> float:
    """Return |t| for an extremeness; infinite at 1."""
    return math.sqrt(extreme / (1 - extreme)) if extreme < 1 - ALIKE else math.inf


def sums(scores: Array) -> Sums:
    """Return the sums over the last axis."""
    return Sums(scores.sum(axis=-1), (scores**2).sum(axis=-1), scores.shape[-1])


def _sums_of_sides(pooled: Array, size: int) -> Iterator[Sums]:
    """Yield the sums, and sums of squares, of the scores on the smaller side of each rearrangement, block by block."""
    chosen = _chosen(len(pooled), size)
    if len(chosen) * len(pooled) <= CHUNK:
        sides = _sides(len(pooled), size)
        yield Sums(sides @ pooled, sides @ pooled**2, size)
        return
    block = max(1, CHUNK // size)
    for start in range(0, len(chosen), block):
        taken = pooled[chosen[start : start + block]]
        yield sums(taken)


@lru_cache(maxsize=4)
def _chosen(total: int, size: int) -> Array:
    """Return all choices of ``size`` out of ``total``, or random ones where they are too many; the first ones first.

    Two sides of one size are the same rearrangement either way round, so only the choices with the first score count.
    """
    kind, rearrangements = np.min_scalar_type(total), math.comb(total, size)
    if rearrangements <= EXACT_LIMIT:
        if 2 * size == total:
            fixed = ((0, *rest) for rest in itertools.combinations(range(1, total), size - 1))
            rearrangements //= 2
            flat = itertools.chain.from_iterable(fixed)
        else:
            flat = itertools.chain.from_iterable(itertools.combinations(range(total), size))
        return np.fromiter(flat, dtype=kind, count=rearrangements * size).reshape(-1, size)
    rng, rows = np.random.default_rng(0), np.empty((DRAWS + 1, size), dtype=kind)
    rows[0] = np.arange(size)
    for row in rows[1:]:
        row[:] = rng.permutation(total)[:size]
    return rows


@lru_cache(maxsize=4)
def _sides(total: int, size: int) -> Array:
    """Return the same choices as a matrix of ones and zeros, whose product with scores is their sums."""
    chosen = _chosen(total, size)
    sides = np.zeros((len(chosen), total))
    np.put_along_axis(sides, chosen.astype(np.intp), 1.0, axis=1)
    return sides


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, step-down (Holm 1979): reject where adjusted ≤ alpha."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted
