"""Several candidates against baselines, tested together: a closed procedure on permutations, which keeps its power.

Correcting each candidate for the number of all of them (Bonferroni, Holm) treats every family as if only one candidate could
be better. A closed procedure (Marcus, Peritz & Gabriel 1976) rejects "candidate j is no better" where every hypothesis "none of
this set is", for every set that j is in, is rejected by a test of its own. These tests rearrange the seeds of the set's runs
and of their baseline, so that what the comparisons share is accounted for (Westfall & Young 1993). Their statistic is the
harmonic mean of the candidates' p-values (Wilson 2019): it sees one large difference nearly as well as the largest t does, and
several moderate ones better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from rlx.stats.arrays import Array
from rlx.stats.permutation import ALIKE, holm, permutation_test

DRAWS = 3_999
"""Rearrangements of a set; the standard error of a p-value of 0.05 is then 0.003."""
SMALLEST = 1e-12
"""p-values below are alike."""
MOST_TOGETHER = 10
"""Larger families are corrected by Holm's step-down: sets grow with the square of their number."""


@dataclass(frozen=True)
class Pair:
    """A candidate and what it is compared with.

    Attributes:
        candidate_S: Scores of one run.
        baseline_S: Scores of the other.
        block: Pairs of one block have one baseline.
        margin: The largest difference that does not matter.
    """

    candidate_S: Array
    baseline_S: Array
    block: object
    margin: float = 0.0

    @property
    def moved_S(self) -> Array:
        """The candidate's scores, moved towards the baseline's by what does not matter, and not beyond them."""
        candidate_S = np.asarray(self.candidate_S, dtype=float)
        gap = float(candidate_S.mean() - np.mean(self.baseline_S))
        return candidate_S - float(np.clip(gap, -self.margin, self.margin))


def closed_test(pairs: Sequence[Pair]) -> list[float]:
    """Return p-values of "differs by no more than its margin", adjusted for all the pairs together.

    Reject where the adjusted p-value is at most alpha: then the chance that any rejection is wrong is at most alpha where
    the runs of every true hypothesis have one distribution, and close to it where only their means are equal
    (``docs/statistics.md``).

    Args:
        pairs: Candidates and their baselines.

    Returns:
        Two-sided p-values in their order. With one pair, that of :func:`rlx.stats.permutation_test`.
    """
    alone = [permutation_test(pair.moved_S, pair.baseline_S).p if _is_beyond(pair) else 1.0 for pair in pairs]
    if len(pairs) == 1:
        return alone
    if len(pairs) > MOST_TOGETHER:
        return holm(alone)
    # The least significant first, equal ones by their scores: in which order the pairs are given changes nothing.
    order = sorted(range(len(pairs)), key=lambda index: (-alone[index], tuple(pairs[index].candidate_S)))
    rank = {index: place for place, index in enumerate(order)}
    adjusted = list(alone)
    for size in range(2, len(pairs) + 1):
        joint: dict[tuple[int, ...], float] = {}
        for index in order:  # the hardest set of this size that it is in: with the least significant others
            chosen = tuple(order[:size] if rank[index] < size else [*order[: size - 1], index])
            if chosen not in joint:
                joint[chosen] = _p_of_set([pairs[each] for each in chosen])
            adjusted[index] = max(adjusted[index], joint[chosen])
    return _in_order(adjusted, order)


def _is_beyond(pair: Pair) -> bool:
    return pair.margin == 0 or abs(float(np.mean(pair.candidate_S) - np.mean(pair.baseline_S))) > pair.margin


def _in_order(adjusted: Sequence[float], order: Sequence[int]) -> list[float]:
    """Return p-values that are no smaller than those of more significant candidates."""
    found, largest = list(adjusted), 0.0
    for index in reversed(order):
        largest = max(largest, found[index])
        found[index] = largest
    return found


def _p_of_set(pairs: Sequence[Pair]) -> float:
    """Return the p-value of "no candidate of this set differs", by rearranging all runs of each block together."""
    blocks: dict[object, list[Pair]] = {}
    for pair in pairs:
        blocks.setdefault(pair.block, []).append(pair)
    p_RJ = np.concatenate([_p_values(list(block), index) for index, block in enumerate(blocks.values())], axis=1)
    evidence_R = (1 / np.maximum(p_RJ, SMALLEST)).sum(axis=1)
    return float(np.count_nonzero(evidence_R >= evidence_R[0] * (1 - ALIKE)) / len(evidence_R))


def _p_values(block: Sequence[Pair], seed: int) -> Array:
    """Return the p-values of Welch's t of each candidate (columns) under each rearrangement (rows), the real one first."""
    sides = [np.asarray(block[0].baseline_S, dtype=float), *(pair.moved_S for pair in block)]
    pooled = np.concatenate(sides)
    pooled = pooled - np.median(pooled)
    scores_RS = np.tile(pooled, (DRAWS + 1, 1))
    scores_RS[1:] = np.random.default_rng([seed, len(pooled)]).permuted(scores_RS[1:], axis=1)
    ends = np.cumsum([len(side) for side in sides])
    groups = np.split(scores_RS, ends[:-1], axis=1)
    means = [group.mean(axis=1) for group in groups]
    errors = [_squared_error(group) for group in groups]
    columns = []
    for index in range(1, len(groups)):
        gap, error = means[index] - means[0], errors[index] + errors[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(error > 0, np.abs(gap) / np.sqrt(error), np.where(np.abs(gap) > ALIKE, np.inf, 0.0))
        columns.append(2 * scipy.special.stdtr(max(1, len(sides[index]) + len(sides[0]) - 2), -t))
    return np.stack(columns, axis=1)


def _squared_error(group_RS: Array) -> Array:
    n = group_RS.shape[1]
    return np.zeros(len(group_RS)) if n < 2 else np.asarray(group_RS.var(axis=1, ddof=1) / n)
