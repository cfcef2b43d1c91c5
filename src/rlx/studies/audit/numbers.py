"""The statistics of the audit, written apart from :mod:`rlx.stats` and agreeing with it to 1e-9 (tests hold them together).

More is better everywhere: whoever calls has turned the sign of what is minimised.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

TOLERANCE = 1e-9
"""Two numbers that differ by less, relative to the larger where that is above 1, are one."""
INVERSE_TOLERANCE = 1e-6
"""Likewise, of what SciPy finds by inverting the noncentral t: its two ways agree to about 1e-8."""
EXACT = 200_000
"""So many rearrangements are all made; of more, some are drawn."""
DRAWN = 50_000
"""So many are drawn then, by NumPy's default generator from seed 0, beside the observed one."""
TIE = 1e-12
"""Of t² / (1 + t²), on scores of range 1: what differs by less is equal."""
ONE_SIDED = 0.9
"""Level of the bounds of early looks."""
Scores = Sequence[float]


def agree(one: Any, other: Any, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two numbers are one, but for rounding."""
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return bool(abs(one - other) <= tolerance * max(1.0, abs(one), abs(other)))


def mean(scores: Scores) -> float:
    """Return the mean, summed exactly."""
    return math.fsum(scores) / len(scores)


def variance(scores: Scores) -> float:
    """Return the variance with n − 1, in two passes."""
    centre = mean(scores)
    return math.fsum((each - centre) ** 2 for each in scores) / (len(scores) - 1)


@lru_cache(maxsize=4)
def _rearrangements(total: int, size: int) -> tuple[Any, Any]:
    """Return which scores stand on the first side and which on the other, of all rearrangements or of the drawn ones.

    The observed one is the first. With two sides of one size every rearrangement stands there both ways round.
    """
    if math.comb(total, size) <= EXACT:
        chosen = np.array(list(itertools.combinations(range(total), size)))
    else:
        generator = np.random.default_rng(0)
        chosen = np.vstack([np.arange(size), *(generator.permutation(total)[:size] for _ in range(DRAWN))])
    left = np.ones((len(chosen), total), dtype=bool)
    np.put_along_axis(left, chosen, values=False, axis=1)
    return chosen, np.nonzero(left)[1].reshape(len(chosen), total - size)


def permutation_p(one: Scores, other: Scores) -> float:
    """Return the two-sided p-value of the permutation test of Welch's t."""
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    pooled = np.array([*few, *many], dtype=float)
    spread = float(pooled.max() - pooled.min())
    if spread == 0:
        return 1.0
    scaled = (pooled - np.median(pooled)) / spread
    sides = [scaled[places] for places in _rearrangements(len(scaled), len(few))]
    gap = sides[0].mean(axis=1) - sides[1].mean(axis=1)
    error = sum(side.var(axis=1, ddof=1) / side.shape[1] for side in sides)
    square = gap * gap
    extreme = np.divide(square, square + error, out=np.zeros_like(square), where=square + error > 0)
    return float(np.mean(extreme >= extreme[0] - TIE))


def welch(one: Scores, other: Scores, level: float) -> tuple[float, float]:
    """Return Welch's two-sided interval of the difference of means."""
    from scipy.stats import t

    if min(one) == max(one) and min(other) == max(other):
        return one[0] - other[0], one[0] - other[0]
    parts = [variance(side) / len(side) for side in (one, other)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (one, other), strict=True))
    half = float(t.isf((1 - level) / 2, freedom)) * math.sqrt(sum(parts))
    gap = mean(one) - mean(other)
    return gap - half, gap + half


@dataclass(frozen=True)
class Rail:
    """A guardrail with the two arms' scores.

    Attributes:
        name: As its contract calls it.
        one: The candidate's scores.
        other: The incumbent's.
        margin: How far it may fall behind; None where it is a bound.
        bound: The least that its mean may be; None where it is a margin.
    """

    name: str
    one: Scores
    other: Scores
    margin: float | None
    bound: float | None

    @property
    def estimate(self) -> float:
        """How far the point estimate lies on the right side."""
        if self.margin is not None:
            return mean(self.one) - mean(self.other) + self.margin
        return mean(self.one) - float(self.bound or 0.0)

    def upper(self, one_sided: float) -> float:
        """Return the one-sided upper bound of that."""
        from scipy.stats import t

        if self.margin is not None:
            return welch(self.one, self.other, 2 * one_sided - 1)[1] + self.margin
        n = len(self.one)
        return self.estimate + float(t.isf(1 - one_sided, n - 1)) * math.sqrt(variance(self.one) / n)

    @property
    def p(self) -> float:
        """The one-sided p-value of "it does not hold"."""
        from scipy.stats import t

        if self.margin is not None:
            raised = [score + self.margin for score in self.one]
            half = permutation_p(raised, self.other) / 2
            return half if np.mean(raised) > np.mean(self.other) else 1 - half
        n, spread = len(self.one), variance(self.one)
        if min(self.one) == max(self.one):
            return 0.0 if self.estimate >= 0 else 1.0
        return float(t.sf(self.estimate / math.sqrt(spread / n), n - 1))


@dataclass(frozen=True)
class Verdict:
    """What all seeds of a slot say of a candidate."""

    status: str
    gain: float
    low: float
    high: float
    p: float
    rails: Mapping[str, float]


def verdict(one: Scores, other: Scores, rails: Sequence[Rail], effect: float, alphas: tuple[float, float]) -> Verdict:
    """Return what all seeds of a slot decide.

    Args:
        one: The candidate's scores.
        other: The incumbent's.
        rails: Guardrails.
        effect: The minimum effect.
        alphas: Of the slot (two-sided), and of a guardrail (one-sided).
    """
    alpha, rail_alpha = alphas
    low, high = welch(one, other, 1 - alpha)
    shifted = [score - effect for score in one]
    p = permutation_p(shifted, other)
    is_above = np.mean(shifted) > np.mean(other)
    values = {rail.name: rail.p for rail in rails}
    beyond = p <= alpha and is_above and low > effect
    shown = all(value <= rail_alpha for value in values.values())
    if beyond and shown:
        status = "accepted"
    elif high < effect or any(rail.upper(1 - rail_alpha) < 0 for rail in rails):
        status = "rejected"
    else:
        status = "inconclusive"
    return Verdict(status, mean(one) - mean(other), low, high, p, values)


def gives_up(one: Scores, other: Scores, rails: Sequence[Rail], effect: float) -> tuple[bool, float, dict[str, float]]:
    """Return whether an early look ends a slot, the upper bound of the gain, and those of guardrails."""
    upper = welch(one, other, 2 * ONE_SIDED - 1)[1]
    uppers = {rail.name: rail.upper(ONE_SIDED) for rail in rails}
    ends = mean(one) - mean(other) <= 0 or upper < effect or any(value < 0 for value in uppers.values())
    return ends, upper, uppers


@dataclass(frozen=True)
class FloorSeen:
    """A noise floor computed again."""

    mean: float
    sd: float
    low: float
    high: float
    detectable: float


def floor(scores: Scores, seeds: int, alpha: float, effect: float) -> FloorSeen:
    """Return mean, standard deviation with its χ² interval, and what a slot shows four times in five (noncentral t).

    Args:
        scores: The baseline's.
        seeds: Of each arm of a slot.
        alpha: Of a slot, two-sided.
        effect: The minimum effect.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2, nct, t

    n, sd = len(scores), math.sqrt(variance(scores))
    low, high = (sd * math.sqrt((n - 1) / float(chi2.isf(share, n - 1))) for share in (0.025, 0.975))
    freedom = 2 * seeds - 2
    critical = float(t.isf(alpha / 2, freedom))
    shift = float(brentq(lambda nc: nct.sf(critical, freedom, nc) - 0.8, 0.0, critical + 10.0, xtol=1e-12))
    return FloorSeen(mean(scores), sd, low, high, effect + sd * shift * math.sqrt(2 / seeds))
