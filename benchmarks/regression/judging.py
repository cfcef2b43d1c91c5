"""Whether reference runs got worse, by rlx's own statistics: non-inferiority, over all of them together. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlx.stats import (
    Array,
    Pair,
    closed_test,
    difference_of_means,
    holm,
    minimum_detectable_effect,
    permutation_test,
)

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Scores:
    """The scores of a reference run, then and now.

    Attributes:
        stored: Mean held-out return of each seed in `baselines/`.
        fresh: The same of other seeds, trained now.
        margin: How much worse does not matter, in units of return.
    """

    stored: Sequence[float]
    fresh: Sequence[float]
    margin: float


@dataclass(frozen=True)
class Judged:
    """What is to be said of one reference run.

    Attributes:
        verdict: ``regressed`` (shown to be worse by more than the margin), ``not worse`` (shown not to be), or ``unclear``.
        stored_mean: Then.
        fresh_mean: Now.
        low: Lower end of the difference's interval (now − then), simultaneous over all reference runs (Bonferroni).
        high: Its upper end.
        margin: How much worse does not matter.
        p_regressed: Of "differs by no more than the margin", adjusted for all together.
        p_not_worse: Of "worse by the margin or more", adjusted likewise.
        noticed: The smallest loss that would have been called ``regressed`` with a probability of :data:`POWER`; None where
            no score has any spread, by which that could be told.
        seeds: How many were trained now, and how many are stored.
    """

    verdict: Literal["regressed", "not worse", "unclear"]
    stored_mean: float
    fresh_mean: float
    low: float
    high: float
    margin: float
    p_regressed: float
    p_not_worse: float
    noticed: float | None
    seeds: tuple[int, int]


def judge(scores: Mapping[str, Scores], alpha: float = ALPHA) -> dict[str, Judged]:
    """Judge reference runs together: the chance that any is called regressed, or not worse, wrongly is at most alpha each.

    A regression is what :func:`rlx.stats.closed_test` rejects as a difference within the margin, downwards. Not worse is
    what Holm's step-down rejects as a loss of the margin: permutation tests of the new scores, raised by it, against the stored
    ones (two-sided, so that one side errs at half of alpha, as is usual for non-inferiority: ICH E9, §3.3.2).
    """
    names = list(scores)
    pairs = [Pair(np.array(each.fresh), np.array(each.stored), name, each.margin) for name, each in scores.items()]
    worse = dict(zip(names, closed_test(pairs), strict=True))
    inferior = dict(zip(names, holm([_p_inferior(each) for each in scores.values()]), strict=True))
    return {name: _judged(each, worse[name], inferior[name], alpha, len(names)) for name, each in scores.items()}


def _p_inferior(scores: Scores) -> float:
    """Return the p-value of "worse by the margin or more"."""
    raised_S = np.array(scores.fresh, dtype=float) + scores.margin
    if raised_S.mean() <= np.mean(scores.stored):
        return 1.0
    return permutation_test(raised_S, np.array(scores.stored)).p


def _judged(scores: Scores, p_regressed: float, p_not_worse: float, alpha: float, family: int) -> Judged:
    fresh_S, stored_S = np.array(scores.fresh, dtype=float), np.array(scores.stored, dtype=float)
    found = difference_of_means(fresh_S, stored_S, 1 - alpha / family)
    assert found.interval is not None, "at least two seeds each"
    is_regressed = found.mean < -scores.margin and p_regressed <= alpha
    return Judged(
        "regressed" if is_regressed else "not worse" if p_not_worse <= alpha else "unclear",
        float(stored_S.mean()),
        float(fresh_S.mean()),
        found.interval.low,
        found.interval.high,
        scores.margin,
        p_regressed,
        p_not_worse,
        loss_noticed(fresh_S, stored_S, scores.margin, alpha / family),
        (len(fresh_S), len(stored_S)),
    )


def loss_noticed(fresh_S: Array, stored_S: Array, margin: float, alpha: float) -> float | None:
    """Return the smallest loss that is called a regression with a probability of :data:`POWER`; None where nothing spreads.

    The margin, and what :func:`rlx.stats.minimum_detectable_effect` says of the spread within both sides, for as many seeds each as
    are worth the two numbers together (their harmonic mean).
    """
    n, m = len(fresh_S), len(stored_S)
    spread = float(np.sqrt((fresh_S.var(ddof=1) * (n - 1) + stored_S.var(ddof=1) * (m - 1)) / (n + m - 2)))
    detectable = minimum_detectable_effect(spread, int(2 / (1 / n + 1 / m)), alpha, POWER)
    return margin + detectable if spread and detectable is not None else None
