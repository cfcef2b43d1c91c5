"""A study's report in Markdown: the same bytes whenever it is rendered from the same ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rlx.config import write_text
from rlx.stats import MISSING, markdown_line, markdown_table, number, p_value
from rlx.studies.report_contract import LIMITS, shown_resource
from rlx.studies.report_facts import (
    MEANINGS,
    CandidateFacts,
    ConfirmationFacts,
    FloorFacts,
    MoreFacts,
    Scores,
    StudyFacts,
)
from rlx.studies.report_gathering import report_facts
from rlx.studies.report_verdict import between, share
from rlx.studies.study import Study

FILE = "report.md"


def report_markdown(study: Study) -> str:
    """Return a study's report, made from its ledger, its approved contract and its candidates' files alone.

    Args:
        study: The study, its ledger read. :func:`rlx.studies.report_gathering.as_of` gives it as an earlier report saw it.
    """
    return facts_markdown(report_facts(study))


def write_report(study: Study) -> Path:
    """Write `report.md` into a study's folder, atomically; returns its path."""
    path = study.folder / FILE
    write_text(path, report_markdown(study))
    return path


def facts_markdown(facts: StudyFacts) -> str:
    """Return the report of some facts."""
    sections = [
        _head(facts), _open(facts), _confirmed(facts), _candidates(facts), _denominator(facts), _floor(facts.floor),
        _contract(facts), _budget(facts), _provenance(facts),
    ]  # fmt: skip
    return "\n".join(line for section in sections for line in section).rstrip() + "\n"


def _head(facts: StudyFacts) -> Iterator[str]:
    yield f"# {markdown_line(facts.study)}"
    yield ""
    yield markdown_line(facts.question)
    yield ""
    yield f"**{markdown_line(facts.headline)}.**"
    yield ""
    yield f"In this report *{facts.verdict}* means: {MEANINGS[facts.verdict]}."
    yield ""
    yield markdown_line(state_line(facts))
    yield from _bullets("Beware", facts.beware)
    yield ""


def state_line(facts: StudyFacts) -> str:
    """Return what the study is at, in two sentences."""
    over = f"nothing more is to be decided ({facts.over})" if facts.over else "more is to be decided"
    run = facts.contract["baseline"]["run"]
    best = f"the baseline, run {run}" if facts.incumbent == "baseline" else facts.incumbent
    return f"State: {facts.phase}; {over}. The best configuration so far is {best}."


def _bullets(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield ""
        yield from (f"- {markdown_line(line)}" for line in lines)


def _section(title: str) -> list[str]:
    return [f"## {title}", ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    yield markdown_table(head, rows, left=left)
    yield ""


# --- what was found -----------------------------------------------------------------------------------------------------


def _open(facts: StudyFacts) -> Iterator[str]:
    yield from _section("What was not shown")
    lines = [f"- {markdown_line(line)}." for line in facts.not_shown]
    lines += [
        f"- Slot {slot} is open: nothing is told of its scores before it is decided." for slot in facts.open_slots
    ]
    yield from lines or ["Nothing was tried yet."]
    yield from _bullets("Of the scope", facts.untried)
    yield ""
    if facts.more:
        yield "What knowing more would cost, on fresh seeds:"
        yield ""
        yield from _table(["to know", "seeds of each arm", "steps"], [more_row(each) for each in facts.more])


def more_row(more: MoreFacts) -> list[str]:
    """Return what knowing more would cost as cells."""
    steps = MISSING if more.steps is None else shown_resource("steps", more.steps)
    return [more.of, "more than 1,000" if more.seeds is None else str(more.seeds), steps]


def _confirmed(facts: StudyFacts) -> Iterator[str]:
    yield from _section("Confirmations")
    if not facts.confirmations:
        yield "None is over."
        yield ""
    for each in facts.confirmations:
        yield from _confirmation(each, facts)
    if facts.confirmations:
        yield "### Selection optimism"
        yield ""
        yield "Screening chooses what looks best, so its scores flatter; fresh seeds do not."
        yield ""
        yield from _table(OPTIMISM_HEAD, [optimism_row(each) for each in facts.confirmations])


OPTIMISM_HEAD = ["candidate", "in screening", "on fresh seeds", "optimism"]


def optimism_row(found: ConfirmationFacts) -> list[str]:
    """Return a candidate's scores before and after it was chosen as cells."""
    return [
        f"{found.candidate} (slot {found.slot})",
        number(found.screening),
        number(found.scores.mean),
        number(found.optimism, sign=True),
    ]


def _confirmation(found: ConfirmationFacts, facts: StudyFacts) -> Iterator[str]:
    metric = facts.contract["metric"]["name"]
    yield f"### Slot {found.slot}: {found.candidate} against {found.incumbent}: {found.verdict}"
    yield ""
    yield markdown_line(confirmation_line(found, metric))
    yield ""
    yield from (f"- {markdown_line(look)}" for look in found.looks)
    if found.looks:
        yield ""
    yield from _table(ARMS_HEAD, arm_rows(found))
    yield from _points([(found.candidate, found.scores), (f"incumbent {found.incumbent}", found.incumbent_scores)])
    yield from _table(SCORECARD_HEAD, scorecard_rows(found), left=4)


def confirmation_line(found: ConfirmationFacts, metric: str) -> str:
    """Return how a confirmation ended, in a sentence."""
    tested = "ended early, so it was not tested" if found.p is None else f"p {p_value(found.p)}"
    return (
        f"Gain {number(found.gain, sign=True)} {between(found.low, found.high, sign=True)} in {metric} "
        f"({share(1 - found.alpha)} interval, Welch's t); beyond {found.minimum_effect:g}: {tested}, at alpha "
        f"{p_value(found.alpha)}. {found.rule[:1].upper()}{found.rule[1:]}."
    )


ARMS_HEAD = ["arm", "seeds", "mean", "worst seed", "failed"]


def arm_rows(found: ConfirmationFacts) -> list[list[str]]:
    """Return both arms of a confirmation as cells."""
    arms = {found.candidate: found.scores, f"incumbent {found.incumbent}": found.incumbent_scores}
    return [
        [name, str(len(arm.points)), number(arm.mean), number(arm.worst), share(arm.failing)]
        for name, arm in arms.items()
    ]


SCORECARD_HEAD = ["kind", "metric", "must", "result", "candidate", "incumbent", "difference", "interval"]


def scorecard_rows(found: ConfirmationFacts) -> list[list[str]]:
    """Return a scorecard as cells."""
    return [
        [
            row.kind, row.metric, row.rule or MISSING, row.result, number(row.candidate), number(row.incumbent),
            number(row.difference, sign=True), f"{between(row.low, row.high, sign=True)} at {share(row.level)}",
        ]
        for row in found.scorecard
    ]  # fmt: skip


def _points(arms: Sequence[tuple[str, Scores]]) -> Iterator[str]:
    """Yield scores seed by seed."""
    for name, scores in arms:
        yield f"{name}: {points_line(scores)}"
        yield ""


def points_line(scores: Scores) -> str:
    """Return scores seed by seed; one that failed has what it was given, with a cross."""
    told = [
        f"{number(point.value)}{' ✗' if point.failed is not None else ''} ({point.seed})" for point in scores.points
    ]
    return ", ".join(told)


# --- what was tried -----------------------------------------------------------------------------------------------------


def _candidates(facts: StudyFacts) -> Iterator[str]:
    yield from _section("Candidates")
    if not facts.candidates:
        yield "None was proposed yet."
        yield ""
        return
    yield from _table(CANDIDATES_HEAD, [candidate_row(each) for each in facts.candidates], left=5)
    for each in facts.candidates:
        yield from _candidate(each)


CANDIDATES_HEAD = ["id", "source", "status", "verdict", "phase", "trial", "promotion"]


def candidate_row(found: CandidateFacts) -> list[str]:
    """Return a candidate in a row of cells."""
    means = {each.phase: number(each.mean) for each in found.screening}
    return [
        found.id, found.source, found.status, found.verdict, found.phase or MISSING, means.get("trial", MISSING),
        means.get("promotion", MISSING),
    ]  # fmt: skip


def _candidate(found: CandidateFacts) -> Iterator[str]:
    yield f"### {found.id}: {found.verdict}"
    yield ""
    yield from (f"- {name}: {markdown_line(text)}" for name, text in candidate_lines(found))
    yield ""


def candidate_lines(found: CandidateFacts) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a candidate: a name, and a text."""
    yield "hypothesis", found.hypothesis
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


def _denominator(facts: StudyFacts) -> Iterator[str]:
    yield from _section("How much was tried")
    yield from (f"- {line}" for line in tried_lines(facts))
    yield ""


def tried_lines(facts: StudyFacts) -> Iterator[str]:
    """Yield how much was tried, in sentences."""
    tried = facts.tried
    yield (
        f"{tried.candidates} candidates in all, those that failed or were refused included; {tried.trained} were trained and "
        f"scored, {tried.promoted} went on to promotion, {tried.confirmed} to confirmation"
    )
    if tried.by_status:
        yield "now: " + ", ".join(f"{count} {status}" for status, count in tried.by_status.items())
    yield f"{tried.slots} slots took {p_value(tried.alpha)} of alpha {p_value(tried.alpha_total)}"


def _floor(floor: FloorFacts | None) -> Iterator[str]:
    yield from _section("Noise floor")
    yield from (f"- {line}" for line in floor_lines(floor))
    yield ""
    if floor is not None:
        yield f"By seed: {points_line(floor.scores)}"
        yield ""


def floor_lines(floor: FloorFacts | None) -> Iterator[str]:
    """Yield what the noise floor says, in sentences."""
    if floor is None:
        yield "There is none yet."
        return
    count = len(floor.scores.points)
    yield (
        f"the baseline: mean {number(floor.mean)} over {count} seeds, sd between seeds {number(floor.sd)} "
        f"{between(floor.sd_low, floor.sd_high)} (95 %, χ²)"
    )
    yield f"worst seed {number(floor.scores.worst)}, failed {share(floor.scores.failing)}; random actions score {number(floor.random)}"
    yield (
        f"a slot of 2 × {floor.seeds} seeds at alpha {p_value(floor.alpha)} shows a true gain of {number(floor.detectable)} four "
        "times in five, minimum effect included"
    )


# --- what it stands on --------------------------------------------------------------------------------------------------


def _contract(facts: StudyFacts) -> Iterator[str]:
    yield from _section("Contract in force")
    yield from _table(["what", "how"], [list(row) for row in facts.contract_rows], left=2)
    yield "### Approvals"
    yield ""
    if facts.approvals:
        yield from _table(APPROVALS_HEAD, approval_rows(facts), left=6)
        yield from (f"{line}\n" for line in limits_of(facts))
    else:
        yield from ("None.", "")
    if facts.amendments:
        yield "### Amendments"
        yield ""
        yield from _table(["line", "when", "by", "what", "before", "after"], amendment_rows(facts), left=6)
    yield "### Runs that existed before"
    yield ""
    yield markdown_line(", ".join(facts.seen)) if facts.seen else "None of this task."
    yield ""


APPROVALS_HEAD = ["line", "when", "by", "method", "items", "contract"]


def approval_rows(facts: StudyFacts) -> list[list[str]]:
    """Return approvals as cells."""
    return [
        [
            str(each.seq), each.time, f"{each.by} ({each.kind})", each.method,
            ", ".join([*each.items, *(f"exception of {name}" for name in each.exceptions)]),
            each.contract.removeprefix("sha256:")[:12],
        ]
        for each in facts.approvals
    ]  # fmt: skip


def limits_of(facts: StudyFacts) -> list[str]:
    """Return what the approvals' methods do not show."""
    return [text for method, text in LIMITS.items() if any(each.method == method for each in facts.approvals)]


def amendment_rows(facts: StudyFacts) -> list[list[str]]:
    """Return amendments as cells, one row a change."""
    return [
        [str(each.seq), each.time, each.by, key, old, new]
        for each in facts.amendments
        for key, (old, new) in each.changes.items()
    ]


def _budget(facts: StudyFacts) -> Iterator[str]:
    yield from _section("Budget")
    yield from _table(BUDGET_HEAD, budget_rows(facts))


BUDGET_HEAD = ["", "total", "spent", "reserved", "left"]


def budget_rows(facts: StudyFacts) -> list[list[str]]:
    """Return the budget as cells."""
    return [
        [
            each.resource.replace("_", " "),
            *(shown_resource(each.resource, value) for value in (each.total, each.spent, each.reserved, each.left)),
        ]
        for each in facts.budget
    ]


def _provenance(facts: StudyFacts) -> Iterator[str]:
    yield from _section("Audits and ledger")
    for each in facts.audits:
        outcome = "all checks passed" if each.ok else "a check failed"
        yield f"- line {each.seq}, {each.time}: {outcome}{f' ({markdown_line(each.file)})' if each.file else ''}"
    if not facts.audits:
        yield "- it was not audited"
    yield f"- {facts.lines} lines; head {facts.head}"
    yield ""
