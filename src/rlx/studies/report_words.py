"""A study's facts in words and tables, for Markdown and for the page alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlx.stats import MISSING, Grid, number, p_value
from rlx.studies.report_contract import LIMITS, shown_resource
from rlx.studies.report_facts import (
    MEANINGS,
    CandidateFacts,
    ConfirmationFacts,
    FloorFacts,
    MoreFacts,
    Scores,
    StudyFacts,
    Verdict,
)
from rlx.studies.report_verdict import between, share


@dataclass(frozen=True)
class CandidateWords:
    """A candidate in words.

    Attributes:
        id: Its id.
        verdict: In the words of a verdict.
        hypothesis: Why it should be better.
        lines: What else there is to say: a name, and a text.
    """

    id: str
    verdict: Verdict
    hypothesis: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ConfirmationWords:
    """A confirmation in words.

    Attributes:
        title: Which.
        verdict: In the words of a verdict.
        line: How it ended.
        looks: What early looks said.
        arms: Both arms in numbers.
        points: Both seed by seed: a name, and the scores.
        scorecard: All metrics.
    """

    title: str
    verdict: Verdict
    line: str
    looks: tuple[str, ...]
    arms: Grid
    points: tuple[tuple[str, str], ...]
    scorecard: Grid


@dataclass(frozen=True)
class StudyWords:
    """A study in words and tables.

    Attributes:
        meaning: What its verdict says.
        state: What it is at.
        more: What knowing more would cost.
        confirmations: Those that are over.
        optimism: Screening against fresh seeds.
        candidates: All, in a row each.
        details: All, at length.
        tried: How much was tried.
        floor: The noise floor.
        floor_points: Its seeds.
        contract: The contract in force.
        approvals: Who approved what.
        limits: What the methods of approval do not show.
        amendments: What was changed.
        budget: What became of it.
        audits: What audits found.
    """

    meaning: str
    state: str
    more: Grid
    confirmations: tuple[ConfirmationWords, ...]
    optimism: Grid
    candidates: Grid
    details: tuple[CandidateWords, ...]
    tried: tuple[str, ...]
    floor: tuple[str, ...]
    floor_points: str
    contract: Grid
    approvals: Grid
    limits: tuple[str, ...]
    amendments: Grid
    budget: Grid
    audits: tuple[str, ...]


def study_words(facts: StudyFacts) -> StudyWords:
    """Return a study's facts in words and tables."""
    metric = str(facts.contract["metric"]["name"])
    return StudyWords(
        meaning=MEANINGS[facts.verdict],
        state=_state(facts),
        more=_more(facts.more),
        confirmations=tuple(_confirmation(each, metric) for each in facts.confirmations),
        optimism=_optimism(facts.confirmations),
        candidates=_candidates(facts.candidates),
        details=tuple(
            CandidateWords(each.id, each.verdict, each.hypothesis, tuple(_lines(each))) for each in facts.candidates
        ),
        tried=tuple(_tried(facts)),
        floor=tuple(_floor(facts.floor)),
        floor_points=points_line(facts.floor.scores) if facts.floor else "",
        contract=Grid("Contract in force", ["what", "how"], [list(row) for row in facts.contract_rows], left=2),
        approvals=_approvals(facts),
        limits=tuple(text for method, text in LIMITS.items() if any(each.method == method for each in facts.approvals)),
        amendments=_amendments(facts),
        budget=_budget(facts),
        audits=tuple(_audits(facts)),
    )


def _state(facts: StudyFacts) -> str:
    over = f"nothing more is to be decided ({facts.over})" if facts.over else "more is to be decided"
    run = facts.contract["baseline"]["run"]
    changes = {each.id: each.overrides for each in facts.candidates}.get(facts.incumbent, {})
    told = ", ".join(f"{key}={value}" for key, value in changes.items())
    best = (
        f"the baseline, run {run}" if facts.incumbent == "baseline" else f"{facts.incumbent}: {told or 'see its file'}"
    )
    return f"State: {facts.phase}; {over}. The best configuration so far is {best}."


def _more(found: tuple[MoreFacts, ...]) -> Grid:
    rows = [
        [
            each.of,
            "more than 1,000" if each.seeds is None else str(each.seeds),
            MISSING if each.steps is None else shown_resource("steps", each.steps),
        ]
        for each in found
    ]
    return Grid("What knowing more would cost, on fresh seeds", ["to know", "seeds of each arm", "steps"], rows)


# --- confirmations ------------------------------------------------------------------------------------------------------


def _confirmation(found: ConfirmationFacts, metric: str) -> ConfirmationWords:
    arms = {found.candidate: found.scores, f"incumbent {found.incumbent}": found.incumbent_scores}
    rows = [
        [name, str(len(arm.points)), number(arm.mean), number(arm.worst), share(arm.failing)]
        for name, arm in arms.items()
    ]
    return ConfirmationWords(
        title=f"Slot {found.slot}: {found.candidate} against {found.incumbent}",
        verdict=found.verdict,
        line=_ended(found, metric),
        looks=found.looks,
        arms=Grid("Arms", ["arm", "seeds", "mean", "worst seed", "failed"], rows),
        points=tuple((name, points_line(arm)) for name, arm in arms.items()),
        scorecard=_scorecard(found),
    )


def _ended(found: ConfirmationFacts, metric: str) -> str:
    """Return how a confirmation ended, in sentences."""
    tested = "ended early, so it was not tested" if found.p is None else f"p {p_value(found.p)}"
    return (
        f"Gain {number(found.gain, sign=True)} {between(found.low, found.high, sign=True)} in {metric} "
        f"({share(1 - found.alpha)} interval, Welch's t); beyond {found.minimum_effect:g}: {tested}, at alpha "
        f"{p_value(found.alpha)}. {found.rule[:1].upper()}{found.rule[1:]}."
    )


def _scorecard(found: ConfirmationFacts) -> Grid:
    head = ["kind", "metric", "must", "result", "candidate", "incumbent", "difference", "interval"]
    rows = [
        [
            row.kind, row.metric, row.rule or MISSING, row.result, number(row.candidate), number(row.incumbent),
            number(row.difference, sign=True), f"{between(row.low, row.high, sign=True)} at {share(row.level)}",
        ]
        for row in found.scorecard
    ]  # fmt: skip
    return Grid("Scorecard", head, rows, left=4)


def _optimism(found: tuple[ConfirmationFacts, ...]) -> Grid:
    rows = [
        [
            f"{each.candidate} (slot {each.slot})",
            number(each.screening),
            number(each.scores.mean),
            number(each.optimism, sign=True),
        ]
        for each in found
    ]
    return Grid("Selection optimism", ["candidate", "in screening", "on fresh seeds", "optimism"], rows)


def points_line(scores: Scores) -> str:
    """Return scores seed by seed; one that failed has what it was given, with a cross."""
    told = [
        f"{number(point.value)}{' ✗' if point.failed is not None else ''} ({point.seed})" for point in scores.points
    ]
    return ", ".join(told)


# --- what was tried -----------------------------------------------------------------------------------------------------


def _candidates(found: tuple[CandidateFacts, ...]) -> Grid:
    rows = []
    for each in found:
        means = {scores.phase: number(scores.mean) for scores in each.screening}
        phases = [means.get("trial", MISSING), means.get("promotion", MISSING)]
        rows.append([each.id, each.verdict, each.status, each.phase or MISSING, each.source, *phases])
    head = ["id", "verdict", "status", "last phase", "source", "trial", "promotion"]
    return Grid("All candidates", head, rows, left=5)


def _lines(found: CandidateFacts) -> Iterator[tuple[str, str]]:
    yield "changes", ", ".join(f"{key}={value}" for key, value in found.overrides.items()) or MISSING
    yield "family", found.family
    yield "source", f"{found.source}, round {found.round}"
    yield from (("evidence", each) for each in found.evidence)
    named = {"expected": found.expected, "exception": found.exception, "mended form of": found.replaces}
    yield from ((name, text) for name, text in named.items() if text)
    yield "status", f"{found.status}{f': {found.reason}' if found.reason else ''}"
    for scores in found.screening:
        yield scores.phase, f"mean {number(scores.mean)}; by seed {points_line(scores)}"
    if found.problem:
        yield "beware", found.problem


def _tried(facts: StudyFacts) -> Iterator[str]:
    tried = facts.tried
    yield (
        f"{tried.candidates} candidates in all, those that failed or were refused included; {tried.trained} were trained and "
        f"scored, {tried.promoted} went on to promotion, {tried.confirmed} to confirmation"
    )
    if tried.by_status:
        yield "now: " + ", ".join(f"{count} {status}" for status, count in tried.by_status.items())
    slots = f"{tried.slots} slot{'s' * (tried.slots != 1)} took"
    yield f"{slots} {p_value(tried.alpha)} of alpha {p_value(tried.alpha_total)}"
    costs = {each.resource: shown_resource(each.resource, each.spent) for each in facts.budget}
    yield (
        f"it cost {costs['steps']} steps in {costs['experiments']} experiments, {costs['wall_clock']} of a loop's time and "
        f"{costs['disk']} of disk"
    )


def _floor(floor: FloorFacts | None) -> Iterator[str]:
    if floor is None:
        yield "there is none yet"
        return
    count = len(floor.scores.points)
    yield (
        f"the baseline: mean {number(floor.mean)} over {count} seeds, sd between seeds {number(floor.sd)} "
        f"{between(floor.sd_low, floor.sd_high)} (95 %, χ²)"
    )
    yield (
        f"worst seed {number(floor.scores.worst)}, failed {share(floor.scores.failing)}; random actions score "
        f"{number(floor.random)}"
    )
    yield (
        f"a slot of 2 × {floor.seeds} seeds at alpha {p_value(floor.alpha)} shows a true gain of {number(floor.detectable)} "
        "four times in five, minimum effect included"
    )


# --- what it stands on --------------------------------------------------------------------------------------------------


def _approvals(facts: StudyFacts) -> Grid:
    rows = [
        [
            str(each.seq), each.time, f"{each.by} ({each.kind})", each.method,
            ", ".join([*each.items, *(f"exception of {name}" for name in each.exceptions)]),
            each.contract.removeprefix("sha256:")[:12],
        ]
        for each in facts.approvals
    ]  # fmt: skip
    return Grid("Approvals", ["line", "when", "by", "method", "items", "contract"], rows, left=6)


def _amendments(facts: StudyFacts) -> Grid:
    rows = [
        [str(each.seq), each.time, each.by, key, old, new]
        for each in facts.amendments
        for key, (old, new) in each.changes.items()
    ]
    return Grid("Amendments", ["line", "when", "by", "what", "before", "after"], rows, left=6)


def _budget(facts: StudyFacts) -> Grid:
    rows = [
        [
            each.resource.replace("_", " "),
            *(shown_resource(each.resource, value) for value in (each.total, each.spent, each.reserved, each.left)),
        ]
        for each in facts.budget
    ]
    return Grid("Budget", ["of what", "total", "spent", "reserved", "left"], rows)


def _audits(facts: StudyFacts) -> Iterator[str]:
    for each in facts.audits:
        outcome = "all checks passed" if each.ok else "a check failed"
        yield f"line {each.seq}, {each.time}: {outcome}{f' ({each.file})' if each.file else ''}"
    if not facts.audits:
        yield "it was not audited"
