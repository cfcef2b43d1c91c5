"""The audit: every check, in its order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from rlx.errors import RlxError
from rlx.studies.audit.book import Book
from rlx.studies.audit.budget_check import check_alpha, check_budget, check_denominator
from rlx.studies.audit.chain_check import check_chain, check_head, digits_of
from rlx.studies.audit.contract_check import check_candidates, check_contract
from rlx.studies.audit.decisions_check import check_decisions
from rlx.studies.audit.experiments_check import check_artifacts, check_experiments
from rlx.studies.audit.files_kept import FilesOfStudy, KeptFiles
from rlx.studies.audit.freshness import Freshness
from rlx.studies.audit.gate_check import check_gate
from rlx.studies.audit.proposals_check import check_proposals
from rlx.studies.audit.raw_scores import RawScores
from rlx.studies.audit.replay_foreign import Again
from rlx.studies.audit.replaying import check_replay, check_retrain
from rlx.studies.audit.report import CHECKS, AuditReport, Findings
from rlx.studies.audit.snapshots import Snapshots

MOST_PROBLEMS = 200
"""Of one check; what follows is counted."""


def audit_study(  # noqa: PLR0913 — as spec'd, each a choice of whoever audits
    study: str,
    root: Path,
    *,
    replay: int | Literal["all"] = 2,
    retrain: bool = False,
    head: str | None = None,
    render: Callable[[], str] | None = None,
    again: Again | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> AuditReport:
    """Compute everything that a study decided again, from raw data; nothing is written.

    Args:
        study: `task/study`.
        root: The project.
        replay: How many kept checkpoints are played again.
        retrain: Whether a seed of a confirmation is trained again.
        head: A hash of the ledger's that was kept elsewhere.
        render: Renders `report.md` from ledger and raw data.
        again: Has the commands of another repository run once more, where the study is of one.
        say: Takes in lines about what takes long.

    Raises:
        UsageError: The head is none.
    """
    if head is not None:
        digits_of(head)
    book = Book(root, root / "studies" / study)
    files = _files_of(book)
    scores = RawScores(book, files)
    checks: dict[str, Callable[[Findings], None]] = {
        "chain": partial(check_chain, book),
        "contract": partial(check_contract, book),
        "candidates": partial(check_candidates, book),
        "gate": partial(check_gate, book, Snapshots(book, files), Freshness(root, _environment_of(book))),
        "budget": partial(check_budget, book),
        "artifacts": partial(check_artifacts, book, files),
        "experiments": partial(check_experiments, book),
        "denominator": partial(check_denominator, book, scores),
        "decisions": partial(check_decisions, book, scores),
        "alpha": partial(check_alpha, book),
        "proposals": partial(check_proposals, book, scores),
        "report": partial(_check_report, book, render),
        "replay": partial(check_replay, book, scores, replay, again),
        "retrain": partial(check_retrain, book, files, again, say) if retrain else _not_asked,
        "head": lambda found: check_head(book, found, head),
    }
    reports = {}
    for name in CHECKS:
        reports[name] = _made(name, checks[name]).to_report()
    accepted = [name for name, tried in book.end.candidates.items() if tried.status == "accepted"]
    blamed = {problem.candidate for problem in reports["decisions"].problems}
    return AuditReport(
        study=study,
        head=book.reading.head,
        lines=len(book.entries),
        ok=all(report.ok for report in reports.values()),
        checks=reports,
        unsupported=[name for name in accepted if name in blamed],
        versions=_versions(),
    )


def _made(name: str, check: Callable[[Findings], None]) -> Findings:
    """Make a check; one that a damaged study makes impossible has failed."""
    found = Findings()
    try:
        check(found)
    except RlxError as error:
        found.add(f"cannot be made: {error}")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError) as error:
        found.add(f"cannot be made: {type(error).__name__}: {error}")
    if (more := len(found.problems) - MOST_PROBLEMS) > 0:
        found.problems = found.problems[:MOST_PROBLEMS]
        found.add(f"and {more} more in {name}")
    return found


def _not_asked(found: Findings) -> None:
    found.skip("--retrain was not given")


def _run_of(book: Book) -> str:
    try:
        return str(book.end.created["baseline"]["run"])
    except (KeyError, TypeError):
        return ""


def _files_of(book: Book) -> KeptFiles:
    if book.is_foreign:
        return FilesOfStudy(book.root, _run_of(book), data=book.folder / "data")
    return KeptFiles(book.root, _run_of(book))


def _environment_of(book: Book) -> str:
    try:
        return book.contract(book.end.contract).task.environment
    except RlxError:
        return ""


def _check_report(book: Book, render: Callable[[], str] | None, found: Findings) -> None:
    """Compare `report.md` with what rendering it again gives."""
    path = book.folder / "report.md"
    if not path.is_file() or path.is_symlink():
        found.skip("there is no report.md")
        return
    if render is None:
        found.skip("nothing here renders it")
        return
    if book.end.contract is None:
        found.skip("nothing is approved yet: report.md is of a draft, which may still change")
        return
    found.checked = 1
    written, rendered = path.read_bytes(), render().encode()
    if written != rendered:
        lines = zip(written.split(b"\n"), rendered.split(b"\n"), strict=False)
        number = next((number for number, (one, other) in enumerate(lines, 1) if one != other), 0)
        where = f"from line {number} on" if number else "in its length"
        found.add(f"report.md differs {where} from what ledger and raw data give", file="report.md")


def _versions() -> dict[str, str]:
    import importlib.metadata

    return {name: importlib.metadata.version(name) for name in ("numpy", "scipy")}
