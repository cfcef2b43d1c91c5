"""Confirmations that are over, as a report tells them: both arms, intervals, scorecard, and what knowing more would cost.

Of an open slot nothing is told: its scores reach nobody before the rule has decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlx.stats import difference_of_means, mean_with_interval, number, p_value, seeds_for_equivalence, seeds_needed
from rlx.studies.contracts.contract import Contract, Guardrail
from rlx.studies.ledger.line import Line
from rlx.studies.ledger.state import Slot, Started, StudyState
from rlx.studies.protocol.confirmation import Arms, Rail
from rlx.studies.report_facts import (
    IMPROVED,
    NOT_SHOWN,
    WORSE,
    ConfirmationFacts,
    MoreFacts,
    ScorecardRow,
    Verdict,
)
from rlx.studies.report_points import points_of, scores_facts, screening_of, steps_per_seed, values_of
from rlx.studies.study import Study

LEVEL = 0.95
"""Of the intervals of what decides nothing."""


def confirmations_of(study: Study, contract: Contract) -> Iterator[ConfirmationFacts]:
    """Yield the confirmations of slots that are over, in order."""
    state = study.state
    for line in study.ledger.of("decided"):
        number_ = line.data.get("slot")
        slot = next((each for each in state.slots if each.number == number_), None)
        if slot is None or slot.is_open:
            continue
        starts = [state.starts.get(seq) for seq in line.data["inputs"]]
        if len(starts) == 2 and starts[0] is not None and starts[1] is not None:
            found = _confirmation(study, contract, slot, line, (starts[0], starts[1]))
            if found is not None:
                yield found


def _confirmation(
    study: Study, contract: Contract, slot: Slot, line: Line, starts: tuple[Started, Started]
) -> ConfirmationFacts | None:
    state, metric, name = study.state, contract.metric, str(line.data["candidate"])
    scores, other = (scores_facts(contract, state, start) for start in starts)
    arms = _arms(scores.points, other.points, metric.sign)
    if arms is None:
        return None
    found = difference_of_means(arms.candidate_S, arms.incumbent_S, 1 - slot.alpha)
    assert found.interval is not None
    low, high = found.interval.low, found.interval.high
    screened = screening_of(contract, state, name)
    screening = screened[-1].mean if screened else None
    verdict = _verdict(line, high, metric.minimum_effect)
    optimism = None if screening is None or scores.mean is None else metric.sign * (screening - scores.mean)
    more = None
    if verdict == NOT_SHOWN:
        more = more_of(contract, state, name, (found.mean, high, found.std or 0.0), slot.alpha)
    return ConfirmationFacts(
        slot=slot.number,
        candidate=name,
        incumbent=slot.incumbent,
        alpha=slot.alpha,
        planned=slot.seeds,
        seeds=len(scores.points),
        scores=scores,
        incumbent_scores=other,
        gain=found.mean,
        low=low,
        high=high,
        p=line.data["numbers"].get("p"),
        minimum_effect=metric.minimum_effect,
        looks=tuple(_looks(study, slot.number, name)),
        rule=str(line.data["rule"]),
        verdict=verdict,
        screening=screening,
        optimism=optimism,
        scorecard=tuple(_scorecard(contract, state, starts, line, slot)),
        more=more,
    )


def _arms(candidate: Any, incumbent: Any, sign: int) -> Arms | None:
    one, other = values_of(candidate), values_of(incumbent)
    if one is None or other is None:
        return None
    return Arms(
        {seed: sign * value for seed, value in one.items()}, {seed: sign * value for seed, value in other.items()}
    )


def _arms_on(
    contract: Contract, state: StudyState, starts: tuple[Started, Started], metric: str, sign: int
) -> Arms | None:
    candidate, incumbent = (points_of(contract, state, start, metric) for start in starts)
    return _arms(candidate, incumbent, sign)


def _verdict(line: Line, high: float, minimum_effect: float) -> Verdict:
    """Return what a decision comes to: `worse` where the whole interval is below zero, or a guardrail is shown to fail."""
    status = line.data["status"]
    if status == "accepted":
        return IMPROVED
    if status == "rejected" and (high < 0 or high >= minimum_effect):
        return WORSE
    return NOT_SHOWN


def _looks(study: Study, slot: int, name: str) -> Iterator[str]:
    for line in study.ledger.of("look"):
        if line.data["slot"] == slot and line.data["candidate"] == name:
            why = f"given up: {line.data['why']}" if line.data["given_up"] else "went on"
            yield f"after {line.data['n']} seeds of each arm: gain {number(line.data['gain'], sign=True)}, {why}"


# --- what knowing more would cost ---------------------------------------------------------------------------------------


def more_of(
    contract: Contract, state: StudyState, name: str, seen: tuple[float, float, float], alpha: float
) -> MoreFacts | None:
    """Return what it would take to show, or to exclude, what a confirmation left open; None where it left nothing open.

    Args:
        contract: The contract.
        state: The study's state.
        name: The candidate.
        seen: Gain, upper end of its interval, and standard deviation between seeds.
        alpha: The slot's share.
    """
    gain, high, sd = seen
    least = contract.metric.minimum_effect
    if gain > least:
        seeds = seeds_needed(gain - least, sd, alpha)
        told = f"to show {name} four times in five, if its true gain is the {number(gain)} that was seen"
    elif high > least and sd > 0:
        seeds = seeds_for_equivalence(least - gain, sd, alpha) if gain < least else None
        told = f"to exclude that {name} gains more than {least:g}, if its true gain is the {number(gain)} that was seen"
    else:
        return None
    return MoreFacts(told, seeds, _steps(seeds, steps_per_seed(contract, state, name)))


def more_in_general(contract: Contract, state: StudyState, sd: float, alpha: float) -> Iterator[MoreFacts]:
    """Yield what showing true gains of some sizes costs, by the floor's standard deviation."""
    each = steps_per_seed(contract, state)
    for size in (0.5, 1.0, 2.0) if sd > 0 else ():
        gain = contract.metric.minimum_effect + size * sd
        seeds = seeds_needed(size * sd, sd, alpha)
        told = f"to show a true gain of {number(gain)} four times in five ({size:g} sd beyond the minimum effect)"
        yield MoreFacts(told, seeds, _steps(seeds, each))


def _steps(seeds: int | None, each: int | None) -> int | None:
    return None if seeds is None or each is None else 2 * seeds * each


# --- scorecard ----------------------------------------------------------------------------------------------------------


def _scorecard(
    contract: Contract, state: StudyState, starts: tuple[Started, Started], line: Line, slot: Slot
) -> Iterator[ScorecardRow]:
    metric, decided = contract.metric, line.data["numbers"]
    p_rails: Mapping[str, float] = decided.get("guardrails") or {}
    rule = f"{'up' if metric.sign > 0 else 'down'} by more than {metric.minimum_effect:g}"
    result = "given up early" if "p" not in decided else f"p {p_value(decided['p'])} at alpha {p_value(slot.alpha)}"
    found = _row(contract, state, starts, ("primary", metric.name, rule, 1 - slot.alpha), result)
    if found is not None:
        yield found
    for rail in contract.guardrails:
        told = _rail_result(contract, state, starts, rail, p_rails.get(rail.name))
        level = 1 - 2 * contract.confirmation.guardrail_alpha
        found = _row(contract, state, starts, ("guardrail", rail.metric, _rail_rule(rail), level), told)
        if found is not None:
            yield found
    ruled = {metric.name, *(rail.metric for rail in contract.guardrails)}
    for name in _metrics(starts):
        if name not in ruled:
            kind = "component" if name.startswith("reward/") else "diagnostic"
            found = _row(contract, state, starts, (kind, name, "", LEVEL), "decides nothing")
            if found is not None:
                yield found


def _metrics(starts: tuple[Started, Started]) -> list[str]:
    found = {name for start in starts for scores in (start.ended or {})["scores"].values() for name in scores}
    return sorted(found, key=lambda name: (not name.startswith("reward/"), name))


def _rail_rule(rail: Guardrail) -> str:
    return rail.name.removeprefix(rail.metric).strip()


def _row(
    contract: Contract,
    state: StudyState,
    starts: tuple[Started, Started],
    what: tuple[Any, str, str, float],
    result: str,
) -> ScorecardRow | None:
    kind, metric, rule, level = what
    arms = _arms_on(contract, state, starts, metric, 1)
    if arms is None:
        return None
    found = difference_of_means(arms.candidate_S, arms.incumbent_S, level)
    assert found.interval is not None
    means = float(arms.candidate_S.mean()), float(arms.incumbent_S.mean())
    return ScorecardRow(kind, metric, rule, *means, found.mean, found.interval.low, found.interval.high, level, result)


def _rail_result(
    contract: Contract, state: StudyState, starts: tuple[Started, Started], rail: Guardrail, p: float | None
) -> str:
    """Return what was shown of a guardrail; of a bound with the candidate's own interval, since that is what decides."""
    arms = _arms_on(contract, state, starts, rail.metric, rail.sign)
    if arms is None:
        return "not known"
    bound = rail.at_least if rail.at_least is not None else rail.at_most
    seen = Rail(rail.name, arms, rail.no_worse_than, None if bound is None else rail.sign * bound)
    alpha, own = contract.confirmation.guardrail_alpha, ""
    if bound is not None:
        found = mean_with_interval(rail.sign * arms.candidate_S, 1 - 2 * alpha).interval
        own = "" if found is None else f"; its own mean is within [{number(found.low)}, {number(found.high)}]"
    if p is None:
        return f"given up early{own}"
    if p <= alpha:
        return f"shown to hold (p {p_value(p)}){own}"
    return f"{'shown to fail' if seen.fails(1 - 2 * alpha) else 'not shown to hold'} (p {p_value(p)}){own}"
