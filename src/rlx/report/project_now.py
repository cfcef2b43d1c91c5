"""What a project is doing just now: what is under way, what waits, what stands still, what has ended since one looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import Parameters, stamps
from rlx.errors import RlxError
from rlx.experiments import Row, is_searched, standing_trials, sweeps_of, trials_path
from rlx.records import RunFolder
from rlx.report.experiment_result import experiment_lines, judged_experiment
from rlx.report.page_content import VERDICT_MARKS
from rlx.report.row_cells import score_cells, seeds_cell
from rlx.stats import MISSING

if TYPE_CHECKING:
    from rlx.studies import StudyView

UNDER_WAY = ("running", "evaluating", "filming", "analysing")
"""States of a run that somebody is at work on."""
STUCK = ("stopped", "failed", "unreadable")
MOST_QUEUED, MOST_STUCK = 20, 8
"""So many are told one by one."""


@dataclass(frozen=True)
class EndedExperiment:
    """An experiment that ended while somebody looked.

    Attributes:
        name: Its name.
        lines: What came of it, in sentences.
        verdict: Of its comparison with the baseline; empty where there is none.
        mark: What stands beside the verdict.
        look: How it is drawn.
    """

    name: str
    lines: Sequence[str]
    verdict: str = ""
    mark: str = ""
    look: str = ""


@dataclass(frozen=True)
class ProjectNow:
    """What a project is doing just now.

    Attributes:
        counts: How many runs are in which state, in words.
        working: The runs under way.
        queue: What waits: a name each, and for what.
        queue_more: How many more wait.
        stuck: Runs that stopped, failed or cannot be read, the latest first.
        stuck_more: How many more.
        ended: Experiments that ended since one looks, the latest first.
        problem: What could not be read; empty where everything could.
    """

    counts: Sequence[str]
    working: Sequence[Row]
    queue: Sequence[tuple[str, str]] = ()
    queue_more: int = 0
    stuck: Sequence[Row] = ()
    stuck_more: int = 0
    ended: Sequence[EndedExperiment] = field(default=())
    problem: str = ""


def project_now(
    rows: Sequence[Row],
    waiting: Sequence[tuple[str, str]],
    ended: Sequence[EndedExperiment],
    problem: str,
) -> ProjectNow:
    """Return what a project is doing just now.

    Args:
        rows: All its runs.
        waiting: What waits, and for what.
        ended: Experiments that ended since one looks.
        problem: What could not be read.
    """
    counted = Counter(row.status for row in rows)
    stuck = [row for row in rows if row.status in STUCK]
    return ProjectNow(
        counts=[f"{count:,} {status}" for status, count in sorted(counted.items(), key=_first_at_work)],
        working=sorted((row for row in rows if row.status in UNDER_WAY), key=lambda row: row.id),
        queue=waiting[:MOST_QUEUED],
        queue_more=max(0, len(waiting) - MOST_QUEUED),
        stuck=stuck[:MOST_STUCK],
        stuck_more=max(0, len(stuck) - MOST_STUCK),
        ended=ended,
        problem=problem,
    )


def _first_at_work(counted: tuple[str, int]) -> tuple[int, str]:
    order = (*UNDER_WAY, "finished", *STUCK)
    status, _ = counted
    return (order.index(status) if status in order else len(order), status)


def waiting(
    roster: Sequence[str], rows: Sequence[Row], studies: Sequence[StudyView], searches: Searches
) -> Iterator[tuple[str, str]]:
    """Yield what waits, and for what: the study's runs, starts that are due, trials of searches.

    Args:
        roster: The runs that `dvc repro` makes.
        rows: All runs.
        studies: The studies that can be read.
        searches: The searches.
    """
    known = {row.id: row.status for row in rows}
    for name in roster:
        if known.get(name, "resolved") == "resolved":
            yield name, "is not trained yet; `dvc repro` trains it"
    for view in studies:
        for due in view.status.queue:
            yield due.experiment, f"{due.phase} of {due.candidate} in the study {view.name}; {len(due.block)} seeds"
    yield from searches.now()


class Searches:
    """The searches of a project that go on, read again where their files grew."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[object, str]] = {}

    def now(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each search that has not ended, and how its trials stand."""
        for name in sweeps_of(self._root):
            there = stamps([trials_path(self._root, name)])
            stamp = there and (there, is_searched(self._root, name))
            if stamp and (name not in self._known or self._known[name][0] != stamp):
                self._known[name] = (stamp, self._words(name))
            if stamp and self._known[name][1]:
                yield name, self._known[name][1]

    def _words(self, name: str) -> str:
        """Return how a search's trials stand; empty where it has ended or cannot be read."""
        try:
            trials = standing_trials(self._root, name)
            counted = Counter(trial.state for trial in trials.trials())
        except RlxError:
            return ""
        told = ", ".join(f"{count} {state}" for state, count in counted.items())
        return "" if trials.ended else f"a search that has not ended; trials: {told or 'none yet'}"


def ended_experiment(root: Path, folder: RunFolder, parameters: Parameters) -> EndedExperiment:
    """Return what came of an experiment; what is wrong with it stands in its place."""
    try:
        judged = judged_experiment(root, folder, parameters)
        lines = [line.text for line in experiment_lines(judged) if line.text]
    except (RlxError, OSError) as error:
        return EndedExperiment(folder.name, [str(error)])
    compared = judged.study.comparisons if judged.study else ()
    verdict = compared[0].verdict if compared else ""
    return EndedExperiment(folder.name, lines, verdict, VERDICT_MARKS.get(verdict, ""), verdict.replace(" ", "-"))


def table_rows(rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells of the table of all runs."""
    return [
        [
            row.id,
            row.status,
            row.environment or MISSING,
            seeds_cell(row),
            *score_cells(row),
            MISSING if row.updated is None else f"{datetime.fromtimestamp(row.updated, UTC):%Y-%m-%d %H:%M}",
            " ".join(row.tags),
        ]
        for row in rows
    ]
