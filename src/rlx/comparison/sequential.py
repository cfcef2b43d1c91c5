"""Verdicts look by look: seeds may be added until the answer is clear, on a schedule told in advance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rlx import stats
from rlx.comparison.case import (
    DEFAULT_LOOKS,
    FAILING_SHARE,
    Case,
    Comparison,
    Verdict,
    relative_to,
    up_to_seeds,
    zone,
)


@dataclass(frozen=True)
class _Sides:
    """The same looks, tested against either end of the zone that does not matter (one and the same end, if it is 0)."""

    above: list[stats.Look]
    below: list[stats.Look]
    effect: float
    enough: int

    def verdict_at(self, index: int) -> Verdict:
        """Return what one look shows by itself."""
        up, down = self.above[index], self.below[index]
        if up.crossed and up.difference.mean > 0:
            return "improved"
        if down.crossed and down.difference.mean < 0:
            return "regressed"
        if self.effect and up.crossed and down.crossed and up.n >= self.enough:
            return "equivalent"
        return "inconclusive"

    def between(self, index: int) -> stats.Estimate:
        """Return the difference at a look with the interval whose ends belong to the two tests."""
        up, down = (
            _moved(self.above[index].difference, self.effect),
            _moved(self.below[index].difference, -self.effect),
        )
        assert up.interval is not None
        assert down.interval is not None
        return replace(up, interval=replace(up.interval, low=down.interval.low))

    def shown(self, verdict: Verdict) -> tuple[list[stats.Look], float]:
        """Return the looks that carry a verdict, and by how much their differences were shifted."""
        lower = verdict == "regressed" or (verdict == "inconclusive" and self.below[-1].difference.mean < self.effect)
        return (self.below, -self.effect) if lower else (self.above, self.effect)


def judge_by_looks(case: Case) -> Comparison:
    """Judge two runs at each look of the schedule that their seeds reach; the first verdict stands.

    With a minimum effect the same test is run against either end of the zone that does not matter: ``improved`` and
    ``regressed`` lie beyond an end, ``equivalent`` lies between both.
    """
    looks = case.criteria.looks or DEFAULT_LOOKS
    effect, alpha = case.criteria.minimum_effect, case.alpha
    candidate_S, baseline_S = case.candidate.scores_S, case.baseline.scores_S
    above = stats.group_sequential_test(candidate_S - effect, baseline_S, looks, alpha)
    below = stats.group_sequential_test(candidate_S + effect, baseline_S, looks, alpha) if effect else above
    if not above:
        n = f"the first look is at {looks[0]} seeds each, and there are {min(case.seeds)}"
        none_yet = replace(case.difference, interval=None)
        return replace(
            case.blank(),
            verdict="inconclusive",
            difference=none_yet,
            reason=n,
            next_step="go on to the first look",
            more_seeds=up_to_seeds(looks[0]),
        )
    sides = _Sides(above, below, effect, stats.seeds_to_see(FAILING_SHARE, alpha))
    found = [sides.verdict_at(index) for index in range(len(above))]
    index = next((index for index, word in enumerate(found) if word != "inconclusive"), len(found) - 1)
    verdict, (shown, shift) = found[index], sides.shown(found[index])
    last = shown[index]
    estimate = sides.between(index) if verdict == "equivalent" else _moved(last.difference, shift)
    step, settings = _next_look(case, looks) if verdict == "inconclusive" else (None, {})
    where = f"at the look with {last.n} seeds each (look {index + 1} of {len(looks)})"
    return replace(
        case.blank(),
        verdict=verdict,
        difference=estimate,
        relative=relative_to(baseline_S[: last.n], estimate.mean),
        probability_of_improvement=stats.probability_of_improvement(candidate_S[: last.n], baseline_S[: last.n]),
        seeds=(last.n, last.n),
        reason=f"{where} {_reason(verdict, last, effect)}",
        next_step=step,
        more_seeds=settings,
        looks=tuple(shown[: index + 1]),
    )


def _moved(estimate: stats.Estimate, shift: float) -> stats.Estimate:
    found = estimate.interval
    moved = None if found is None else replace(found, low=found.low + shift, high=found.high + shift)
    return replace(estimate, mean=estimate.mean + shift, interval=moved)


def _reason(verdict: Verdict, last: stats.Look, effect: float) -> str:
    if verdict == "equivalent":
        return f"both ends of ±{effect:g} are excluded"
    if verdict in ("improved", "regressed"):
        return f"t = {last.statistic:.2f} exceeds the boundary {last.boundary:.2f} against {zone(effect)}"
    if math.isinf(last.boundary):
        return "no statistic can be decisive: too few seeds for the error that this look may spend"
    if last.crossed:
        return "one end of the zone that does not matter is excluded, but not the other"
    return f"t = {last.statistic:.2f} does not exceed the boundary {last.boundary:.2f}"


def _next_look(case: Case, looks: tuple[int, ...]) -> tuple[str, dict[str, int]]:
    ahead = [n for n in looks if n > min(case.seeds)]
    if ahead:
        return f"go on to the next look, at {ahead[0]} seeds each", up_to_seeds(ahead[0])
    text = "the schedule is used up: plan a new comparison on fresh seeds, or leave it open"
    return text, case.fresh_seeds(looks[-1])
