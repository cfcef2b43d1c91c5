"""A study's report in Markdown: the same bytes whenever it is rendered from the same ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlx.config import write_text
from rlx.stats import Grid, markdown_line, markdown_table
from rlx.studies.report_facts import StudyFacts
from rlx.studies.report_gathering import as_of, facts_of_study
from rlx.studies.report_words import ConfirmationWords, StudyWords, study_words
from rlx.studies.study import Study

FILE = "report.md"


def report_markdown(study: Study) -> str:
    """Return a study's report, made from its ledger, its approved contract and its candidates' files alone.

    Args:
        study: The study, its ledger read.
    """
    return facts_markdown(facts_of_study(study))


def report_again(study: Study, written: str) -> str:
    """Return what a report that was written once must read: rendered from as many lines of the ledger as it names.

    Args:
        study: The study, its ledger read.
        written: That report. Where it names no number of lines, all of them count.
    """
    named = re.findall(r"^- (\d{1,9}) lines; head sha256:[0-9a-f]{64}$", written, re.MULTILINE)
    return report_markdown(as_of(study, int(named[-1]) if named else len(study.ledger.lines)))


def write_report(study: Study) -> Path:
    """Write `report.md` into a study's folder, atomically; returns its path."""
    path = study.folder / FILE
    write_text(path, report_markdown(study))
    return path


def renew_report(study: Study) -> None:
    """Write `report.md` again, where there is one."""
    if (study.folder / FILE).is_file():
        write_report(study)


def facts_markdown(facts: StudyFacts) -> str:
    """Return the report of some facts."""
    words = study_words(facts)
    sections = (_head, _open, _confirmed, _candidates, _floor_and_counts, _contract, _provenance)
    return "\n".join(line for section in sections for line in section(facts, words)).rstrip() + "\n"


def _head(facts: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from (
        f"# {markdown_line(facts.study)}",
        "",
        markdown_line(facts.question),
        "",
        markdown_line(facts.setting),
        "",
    )
    yield from (f"**{markdown_line(facts.headline)}.**", "")
    yield from (f"In this report *{facts.verdict}* means: {words.meaning}.", "")
    yield markdown_line(words.state)
    yield from _bullets("Beware:", facts.beware)
    yield ""


def _bullets(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", title, "")
        yield from (f"- {markdown_line(line)}" for line in lines)


def _section(title: str) -> tuple[str, str]:
    return f"## {title}", ""


def _table(grid: Grid) -> Iterator[str]:
    """Yield a table under its title; nothing where it has no rows."""
    if grid.rows:
        yield from (f"{grid.title}:", "", markdown_table(grid.head, grid.rows, left=grid.left), "")


def _open(facts: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("What was not shown")
    yield from (f"- {markdown_line(line)}." for line in facts.not_shown)
    yield from (
        f"- Slot {slot} is open: nothing is told of its scores before it is decided." for slot in facts.open_slots
    )
    if not facts.not_shown and not facts.open_slots:
        yield "Nothing was tried yet."
    yield from _bullets("Of the scope:", facts.untried)
    yield ""
    yield from _table(words.more)


def _confirmed(_: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("Confirmations")
    if not words.confirmations:
        yield from ("None is over.", "")
        return
    for each in words.confirmations:
        yield from _confirmation(each)
    yield from (
        "### Selection optimism", "", "Screening chooses what looks best, so its scores flatter; fresh seeds do not.", "",
        markdown_table(words.optimism.head, words.optimism.rows), "",
    )  # fmt: skip


def _confirmation(found: ConfirmationWords) -> Iterator[str]:
    yield from (f"### {markdown_line(found.title)}: {found.verdict}", "", markdown_line(found.line))
    yield from _bullets("Early looks, which can only end a slot:", found.looks)
    yield ""
    yield from _table(found.arms)
    for name, points in found.points:
        yield from (f"{name}: {points}", "")
    yield from _table(found.scorecard)


def _candidates(_: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("Candidates")
    if not words.details:
        yield from ("None was proposed yet.", "")
        return
    yield from _table(words.candidates)
    for each in words.details:
        yield from (f"### {each.id}: {each.verdict}", "", f"- hypothesis: {markdown_line(each.hypothesis)}")
        yield from (f"- {name}: {markdown_line(text)}" for name, text in each.lines)
        yield ""


def _floor_and_counts(_: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("How much was tried")
    yield from (f"- {markdown_line(line)}" for line in words.tried)
    yield from ("", *_section("Noise floor"))
    yield from (f"- {markdown_line(line)}" for line in words.floor)
    yield ""
    if words.floor_points:
        yield from (f"By seed: {words.floor_points}", "")


def _contract(facts: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("Contract in force")
    yield from (markdown_table(words.contract.head, words.contract.rows, left=2), "")
    yield from ("### Approvals", "")
    if words.approvals.rows:
        yield from (markdown_table(words.approvals.head, words.approvals.rows, left=6), "")
    else:
        yield from ("None.", "")
    for line in words.limits:
        yield from (line, "")
    yield from _table(words.amendments)
    seen = ", ".join(facts.seen) or "none"
    yield from (f"Runs of this task that existed before the contract: {markdown_line(seen)}.", "")
    yield from (*_section("Budget"), markdown_table(words.budget.head, words.budget.rows), "")


def _provenance(facts: StudyFacts, words: StudyWords) -> Iterator[str]:
    yield from _section("Audits and ledger")
    yield from (f"- {markdown_line(line)}" for line in words.audits)
    yield f"- {facts.lines} lines; head {facts.head}"
