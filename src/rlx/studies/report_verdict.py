"""The verdict of a study in one of four words, and what it leaves open, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlx.stats import number
from rlx.studies.contracts.contract import Contract
from rlx.studies.course import no_more_rounds
from rlx.studies.ledger.ledger import last
from rlx.studies.ledger.state import OPEN, StudyState
from rlx.studies.report_facts import (
    IMPROVED,
    NOT_SHOWN,
    UNDECIDED,
    WORSE,
    CandidateFacts,
    ConfirmationFacts,
    FloorFacts,
    Tried,
    Verdict,
)
from rlx.studies.study import Study

AGGREGATE = "evidence: aggregate"
"""What every verdict carries where scores are sums that the trained repository computed itself."""


def is_aggregate(state: StudyState) -> bool:
    """Tell whether a score of a study is a sum that the trained repository computed itself, without episodes."""
    return any(
        kept.get("aggregate") for each in state.starts.values() if each.ended for kept in each.ended["experiments"]
    )


def over_because(study: Study) -> str | None:
    """Return why nothing more is to be decided, from the ledger alone; None where something is.

    A deadline is no part of it: a clock would be, and a report is the same bytes tomorrow.
    """
    state = study.state
    if state.closed is not None:
        return f"closed: {state.closed}"
    if state.floor is None or state.open_starts or any(each.status in OPEN for each in state.candidates.values()):
        return _refused_for_budget(study)
    if state.slot() is not None:
        return _refused_for_budget(study)
    return no_more_rounds(study) or _refused_for_budget(study)


def _refused_for_budget(study: Study) -> str | None:
    """Return that the budget is used up, where the newest start was refused for that."""
    refused, started = last(study.ledger.lines, "refused"), last(study.ledger.lines, "started")
    if refused is None or refused.data.get("check") != "budget":
        return None
    amended = last(study.ledger.lines, "approved")
    since = max(each.seq for each in (started, amended) if each is not None) if started or amended else -1
    return str(refused.data["reason"]) if refused.seq > since else None


def verdict_of(study: Study, over: str | None, confirmations: tuple[ConfirmationFacts, ...]) -> Verdict:
    """Return the verdict of a study.

    It is undecided as long as something is open, and where an audit or the chain speaks against it; improved where an accepted
    candidate is the incumbent; worse where all that was confirmed is.
    """
    state = study.state
    if study.broken is not None or (state.audit is not None and not state.audit["ok"]):
        return UNDECIDED
    if state.incumbent != "baseline":
        return IMPROVED
    if over is None:
        return UNDECIDED
    verdicts = {each.verdict for each in confirmations}
    return WORSE if verdicts == {WORSE} else NOT_SHOWN


def headline_of(
    study: Study, contract: Contract, verdict: Verdict, confirmations: tuple[ConfirmationFacts, ...], tried: Tried
) -> str:
    """Return the verdict in a sentence."""
    metric, baseline = contract.metric.name, contract.baseline.run
    least = f"{contract.metric.minimum_effect:g}"
    if verdict == IMPROVED:
        name = study.state.incumbent
        found = next((each for each in reversed(confirmations) if each.candidate == name), None)
        if found is None:
            return f"improved: {name} was accepted in a slot that is still open for others"
        against = baseline if found.incumbent == "baseline" else found.incumbent
        gain = f"{number(found.gain, sign=True)} {between(found.low, found.high, sign=True)}"
        return (
            f"improved: {name} gains {gain} in {metric} over {against}, beyond {least}, "
            f"on {found.seeds} fresh seeds of each arm ({share(1 - found.alpha)} interval)"
        )
    if verdict == UNDECIDED:
        return f"undecided: {_undecided(study)}"
    count = f"{tried.candidates} candidate{'s' * (tried.candidates != 1)} tried and {tried.confirmed} confirmed"
    if verdict == WORSE:
        return f"worse: of {count}, everything that was confirmed was shown to be worse than {baseline}"
    return f"not shown: of {count}, none was shown to gain more than {least} in {metric} over {baseline}"


def _undecided(study: Study) -> str:
    state = study.state
    if study.broken is not None:
        return f"the ledger does not hold: {study.broken}"
    if state.audit is not None and not state.audit["ok"]:
        return "the newest audit failed, so nothing here may be believed"
    if state.floor is None:
        return "there is no noise floor yet"
    if state.slot() is not None:
        return "a confirmation is under way, and nothing is told of it before it is decided"
    return (
        "nothing has been confirmed yet" if not state.slots else "more is to be tried, and nothing was accepted so far"
    )


def share(value: float) -> str:
    """Return a share in per cent, such as ``98.3 %``."""
    return f"{100 * value:.3g} %"


def between(low: float, high: float, *, sign: bool = False) -> str:
    """Return an interval as text."""
    larger = max(abs(low), abs(high))
    return f"[{number(low, sign=sign, like=larger)}, {number(high, sign=sign, like=larger)}]"


def not_shown_of(
    contract: Contract, confirmations: tuple[ConfirmationFacts, ...], candidates: tuple[CandidateFacts, ...],
    floor: FloorFacts | None,
) -> Iterator[str]:  # fmt: skip
    """Yield what was not shown, and what is excluded, in sentences."""
    metric = contract.metric
    for each in confirmations:
        if each.verdict != IMPROVED:
            yield _left_open(each, metric.name)
    unconfirmed = [each.id for each in candidates if each.verdict == NOT_SHOWN and each.id not in _names(confirmations)]
    if any(each.seeds < each.planned for each in confirmations):
        yield "the interval of a slot that ended early is not corrected for having ended early"
    if unconfirmed:
        names = ", ".join(unconfirmed)
        yield f"nothing was shown of {names}: {'it was' if len(unconfirmed) == 1 else 'they were'} not confirmed, and screening shows nothing"
    if floor is not None:
        yield (
            f"a slot shows a true gain of {number(floor.detectable)} in {metric.name} four times in five (minimum effect "
            f"included); smaller ones may have been missed"
        )


def _names(confirmations: tuple[ConfirmationFacts, ...]) -> set[str]:
    return {each.candidate for each in confirmations}


def _left_open(found: ConfirmationFacts, metric: str) -> str:
    gain = f"{found.candidate}: {number(found.gain, sign=True)} {between(found.low, found.high, sign=True)} in {metric} against {found.incumbent}"
    level = share(1 - found.alpha)
    if found.high < 0:
        return f"{gain}: any improvement is excluded ({level})"
    early = (
        f" after {found.seeds} of {found.planned} seeds, where it was given up" if found.seeds < found.planned else ""
    )
    excluded = f"an improvement above {number(found.high)} is excluded ({level}){early}"
    if found.high < found.minimum_effect:
        return f"{gain}: {excluded}, so one beyond the minimum effect is"
    return f"{gain}: {excluded}; {found.rule}"


def beware_of(study: Study, contract: Contract, facts: Any) -> Iterator[str]:
    """Yield what a reader must know before believing anything.

    Args:
        study: The study.
        contract: The contract in force.
        facts: `seen`, `confirmations` and `candidates`, as gathered.
    """
    if study.frozen is not None:
        yield f"frozen: {study.frozen}"
    if study.state.contract is None:
        yield "nothing is approved yet: the contract is a draft"
    elif study.state.audit is None:
        yield "this study was not audited; `rlx study audit` recomputes every decision from raw data"
    elif study.state.audit["seq"] < max(
        (line.seq for line in study.ledger.of("ended", "decided", "screened")), default=-1
    ):
        yield "the newest audit is older than the newest results"
    if is_aggregate(study.state):
        yield f"{AGGREGATE}: scores are sums that the repository computed itself; no episode of them can be looked at again"
    if contract.confirmation.seeds < 16:
        yield f"{contract.confirmation.seeds} seeds of each arm are few: a candidate that sometimes fails is accepted too often"
    for each in facts["confirmations"]:
        if each.scores.failing > each.incumbent_scores.failing:
            yield (
                f"{each.candidate} failed in {share(each.scores.failing)} of its trainings, {each.incumbent} in "
                f"{share(each.incumbent_scores.failing)}: look at the worst seeds before using it"
            )
    for each in facts["candidates"]:
        if each.problem:
            yield f"{each.id}: {each.problem}"
    if facts["seen"]:
        yield f"{len(facts['seen'])} run{'s' * (len(facts['seen']) != 1)} of this task existed before the contract, and may have shaped it"
