"""Confirmation: candidate and incumbent on fresh seeds, and what may be said of them.

Acceptance is as in `rlx compare`: a permutation test of Welch's t with the candidate shifted by the minimum effect, and
Welch's interval beyond it; and every guardrail shown to hold (all must, so they need no correction: an intersection–union
test, Berger 1982). Early looks can only end a slot, which cannot raise the chance of a false acceptance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlx.stats import difference_of_means, permutation_test

LOOK_LEVEL = 0.9
"""One-sided, of the bound by which an early look may give up."""
IMPROVED, REJECTED, INCONCLUSIVE = "accepted", "rejected", "inconclusive"


@dataclass(frozen=True)
class Arms:
    """Scores of the two arms on one metric; more is better.

    Attributes:
        candidate: By seed.
        incumbent: By seed.
    """

    candidate: Mapping[int, float]
    incumbent: Mapping[int, float]

    @property
    def candidate_S(self) -> Any:
        """The candidate's scores as an array, in the order of seeds."""
        return np.array([self.candidate[seed] for seed in sorted(self.candidate)], dtype=float)

    @property
    def incumbent_S(self) -> Any:
        """The incumbent's."""
        return np.array([self.incumbent[seed] for seed in sorted(self.incumbent)], dtype=float)

    @property
    def gain(self) -> float:
        """The difference of means."""
        return float(self.candidate_S.mean() - self.incumbent_S.mean())


@dataclass(frozen=True)
class Rail:
    """A guardrail and what was seen of it; more is better.

    Attributes:
        name: What must hold, in words.
        arms: Its metric's scores.
        margin: How far the candidate may fall behind; None where it is a bound.
        bound: The least that its mean may be; None where it is a margin.
    """

    name: str
    arms: Arms
    margin: float | None = None
    bound: float | None = None

    def upper(self, level: float) -> float:
        """Return the one-sided upper bound of how far it is on the right side (below 0: it fails)."""
        return self._interval(2 * level - 1)[1]

    def holds_by_point(self) -> bool:
        """Tell whether its point estimate holds."""
        return self._estimate() >= 0

    def _estimate(self) -> float:
        if self.margin is not None:
            return self.arms.gain + self.margin
        assert self.bound is not None
        return float(self.arms.candidate_S.mean()) - self.bound

    def _interval(self, level: float) -> tuple[float, float]:
        if self.margin is not None:
            found = difference_of_means(self.arms.candidate_S, self.arms.incumbent_S, level).interval
            assert found is not None
            return found.low + self.margin, found.high + self.margin
        from scipy.stats import t

        assert self.bound is not None
        scores_S = self.arms.candidate_S
        n, mean = len(scores_S), float(scores_S.mean()) - self.bound
        half = float(t.ppf((1 + level) / 2, n - 1)) * float(scores_S.std(ddof=1)) / math.sqrt(n)
        return mean - half, mean + half

    def p(self) -> float:
        """Return the one-sided p-value of "it does not hold".

        A margin: the permutation test with the candidate raised by it; a bound: Student's t.
        """
        if self.margin is not None:
            candidate_S = self.arms.candidate_S + self.margin
            two_sided = permutation_test(candidate_S, self.arms.incumbent_S).p
            return two_sided / 2 if candidate_S.mean() > self.arms.incumbent_S.mean() else 1 - two_sided / 2
        from scipy.stats import t

        assert self.bound is not None
        scores_S = self.arms.candidate_S
        n, mean, sd = len(scores_S), float(scores_S.mean()), float(scores_S.std(ddof=1))
        if sd == 0:
            return 0.0 if mean >= self.bound else 1.0
        return float(t.sf((mean - self.bound) / (sd / math.sqrt(n)), n - 1))

    def fails(self, level: float) -> bool:
        """Tell whether its interval lies on the wrong side."""
        return self._interval(level)[1] < 0


@dataclass(frozen=True)
class Look:
    """What an early look found.

    Attributes:
        upper: The one-sided 90 % upper bound of the gain.
        gain: The difference of means.
        rails: The same bound of each guardrail, beyond its margin.
        why: Why the slot is given up; empty where it goes on.
    """

    upper: float
    gain: float
    rails: Mapping[str, float]
    why: str


def look_at(primary: Arms, rails: Sequence[Rail], minimum_effect: float) -> Look:
    """Return whether a slot is given up early."""
    found = difference_of_means(primary.candidate_S, primary.incumbent_S, 2 * LOOK_LEVEL - 1).interval
    assert found is not None
    uppers = {rail.name: rail.upper(LOOK_LEVEL) for rail in rails}
    why = ""
    if primary.gain <= 0:
        why = "its mean is not above the incumbent's"
    elif found.high < minimum_effect:
        why = f"the one-sided 90 % bound of its gain, {found.high:.4g}, is below the minimum effect"
    elif failing := [name for name, upper in uppers.items() if upper < 0]:
        why = f"the one-sided 90 % bound of {failing[0]} is below its margin"
    return Look(found.high, primary.gain, uppers, why)


@dataclass(frozen=True)
class Decision:
    """What a confirmation decided.

    Attributes:
        status: `accepted`, `rejected` or `inconclusive`.
        rule: Why, in words.
        gain: The difference of means.
        low: Of its interval at 1 − alpha.
        high: Likewise.
        p: Of the test beyond the minimum effect, two-sided.
        rails: The one-sided p-value of each guardrail.
    """

    status: str
    rule: str
    gain: float
    low: float
    high: float
    p: float
    rails: Mapping[str, float] = field(default_factory=dict)


def decide(
    primary: Arms, rails: Sequence[Rail], minimum_effect: float, alpha: float, guardrail_alpha: float
) -> Decision:
    """Return what all seeds of a slot decide.

    Args:
        primary: The metric's scores.
        rails: The guardrails.
        minimum_effect: A gain that is not beyond it counts as none.
        alpha: The slot's share, two-sided.
        guardrail_alpha: One-sided, for each guardrail.
    """
    candidate_S, incumbent_S = primary.candidate_S, primary.incumbent_S
    found = difference_of_means(candidate_S, incumbent_S, 1 - alpha).interval
    assert found is not None
    shifted = candidate_S - minimum_effect
    p = permutation_test(shifted, incumbent_S).p
    above = float(shifted.mean() - incumbent_S.mean()) > 0
    p_rails = {rail.name: rail.p() for rail in rails}
    numbers = (primary.gain, found.low, found.high, p, p_rails)
    unshown = [name for name, value in p_rails.items() if value > guardrail_alpha]
    is_better = p <= alpha and above and found.low > minimum_effect
    if is_better and not unshown:
        return Decision(IMPROVED, "its gain is beyond the minimum effect, and every guardrail holds", *numbers)
    if found.high < minimum_effect:
        return Decision(REJECTED, "its gain is shown to be below the minimum effect", *numbers)
    if failing := [rail.name for rail in rails if rail.fails(1 - 2 * guardrail_alpha)]:
        return Decision(REJECTED, f"it is shown to fail {failing[0]}", *numbers)
    if is_better:
        return Decision(INCONCLUSIVE, f"better, but not shown: {unshown[0]}", *numbers)
    return Decision(INCONCLUSIVE, "neither shown to be beyond the minimum effect nor to be below it", *numbers)


def alpha_of(total: float, spent: float, slots_left: int, survivors: int) -> float:
    """Return the alpha of each candidate of the next slot: what is left, shared by the slots left, then by candidates.

    It is fixed from the past when the slot opens, and the sum over all slots is at most the total: so the chance of any
    false acceptance is at most that, for whatever proposes candidates (union bound).
    """
    return (total - spent) / slots_left / survivors
