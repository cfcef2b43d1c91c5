"""Verdicts look by look: seeds may be added until the answer is clear, on a schedule told in advance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rlx import stats
from rlx.comparison.case import (
    DEFAULT_LOOKS,
    Case,
    Comparison,
    Verdict,
    relative_to,
    up_to_seeds,
    zone,
)
from rlx.comparison.unseen import Holds, demanded, equivalence, fragility, unexcluded


@dataclass(frozen=True)
class _Sides:
    """The same looks, tested against either end of the zone that does not matter (one and the same end, if it is 0)."""

    above: list[stats.Look]
    below: list[stats.Look]
    effect: float
    case: Case

    def verdict_at(self, index: int) -> Verdict:
        """Return what one look shows by itself; one that is more fragile than is allowed shows nothing."""
        verdict = self.crossing_at(index)
        if verdict != "inconclusive":
            fragile = demanded(_at(self.case, self.above[index].n), self.fragility_at(index))
            return "inconclusive" if fragile else verdict
        up = self.above[index]
        if self.is_inside(index) and equivalence(_at(self.case, up.n), "")[0] == "equivalent":
            return "equivalent"
        return "inconclusive"

    def crossing_at(self, index: int) -> Verdict:
        """Return which boundary a look crosses."""
        up, down = self.above[index], self.below[index]
        if up.crossed and up.difference.mean > 0:
            return "improved"
        return "regressed" if down.crossed and down.difference.mean < 0 else "inconclusive"

    def fragility_at(self, index: int) -> int | None:
        """Return how many failing seeds would undo what a look shows."""
        verdict, (shown, _) = self.crossing_at(index), self.shown(self.crossing_at(index))
        return fragility(_at(self.case, shown[index].n), verdict, self.holding(verdict, shown[index]))

    def is_inside(self, index: int) -> bool:
        """Tell whether a look excludes both ends of what does not matter."""
        return bool(self.effect and self.above[index].crossed and self.below[index].crossed)

    def holding(self, verdict: Verdict, look: stats.Look) -> Holds:
        """Return whether other scores exceed the boundary of a look too."""
        shift = self.effect if verdict == "improved" else -self.effect

        def holds(candidate_S: stats.Array, baseline_S: stats.Array) -> bool:
            sign = 1 if verdict == "improved" else -1
            return sign * stats.welch_t(candidate_S - shift, baseline_S) > look.boundary

        return holds

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
    sides = _Sides(above, below, effect, case)
    found = [sides.verdict_at(index) for index in range(len(above))]
    index = next((index for index, word in enumerate(found) if word != "inconclusive"), len(found) - 1)
    verdict, (shown, shift) = found[index], sides.shown(found[index])
    last = shown[index]
    seen = _at(case, last.n)
    estimate = sides.between(index) if sides.is_inside(index) else _moved(last.difference, shift)
    where = f"at the look with {last.n} seeds each (look {index + 1} of {len(looks)})"
    reason = f"{where} {_reason(verdict, last, effect)}"
    withstands = sides.fragility_at(index)
    step: str | None = None
    settings: Mapping[str, int] = {}
    if verdict == "inconclusive" and (more := demanded(seen, withstands)):
        reason = f"{where} {_reason(sides.crossing_at(index), last, effect)}; but {more.reason}"
    elif verdict == "inconclusive" and sides.is_inside(index):
        reason = f"{where} {equivalence(seen, f'both ends of ±{effect:g} are excluded')[1].reason}"
    if verdict == "inconclusive":
        step, settings = _next_look(case, looks)
    return replace(
        case.blank(),
        verdict=verdict,
        difference=estimate,
        relative=relative_to(baseline_S[: last.n], estimate.mean),
        probability_of_improvement=stats.probability_of_improvement(candidate_S[: last.n], baseline_S[: last.n]),
        seeds=(last.n, last.n),
        reason=reason,
        next_step=step,
        more_seeds=settings,
        looks=tuple(shown[: index + 1]),
        fragility=withstands,
        unexcluded=unexcluded(seen, verdict),
        warnings=(*case.blank().warnings, *_not_seen(case, looks, last.n)),
    )


def _at(case: Case, n: int) -> Case:
    """Return a case as a look at n seeds each sees it."""
    baseline, candidate = (
        replace(run, scores={seed: run.scores[seed] for seed in sorted(run.scores)[:n]})
        for run in (case.baseline, case.candidate)
    )
    return replace(case, baseline=baseline, candidate=candidate)


def _not_seen(case: Case, looks: tuple[int, ...], seen: int) -> tuple[str, ...]:
    """Name the seeds that no look has seen."""
    told = []
    for run in (case.candidate, case.baseline):
        more = len(run.scores) - max(n for n in looks if n <= min(case.seeds))
        if more > 0:
            ahead = [n for n in looks if n > seen]
            until = f"they count at the look with {ahead[0]}" if ahead else "add a look to compare.looks to count them"
            told.append(f"{more} of {run.run}'s seeds are beyond the look with {len(run.scores) - more}: {until}")
    return tuple(told)


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
