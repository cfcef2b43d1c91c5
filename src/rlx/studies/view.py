"""A study as pages show it: where it stands just now, its facts and the words for them. Nothing is ever written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rlx.config import stamps
from rlx.errors import ConfigError, Missing
from rlx.stats import first_line
from rlx.studies.contracts.contract import FILE
from rlx.studies.ledger.ledger import FILE as LEDGER, Refused
from rlx.studies.monitor import StudyMonitor, monitored
from rlx.studies.report_facts import StudyFacts
from rlx.studies.report_gathering import facts_of_study
from rlx.studies.report_words import StudyWords, study_words
from rlx.studies.study import Study, studies_of


@dataclass(frozen=True)
class StudyView:
    """A study as pages show it.

    Attributes:
        status: Where it stands just now, and what is to be done next.
        facts: What there is to say of it.
        words: The same in words and tables.
    """

    status: StudyMonitor
    facts: StudyFacts
    words: StudyWords

    @property
    def name(self) -> str:
        """`task/study`."""
        return self.facts.study


@dataclass
class StudyViews:
    """The studies of a project, looked at again and again: facts are gathered anew where the ledger has grown.

    Attributes:
        root: The project.
        findings: Returns what diagnosis finds in a live folder.
        problems: By name, why a study could not be read when it was last looked.
    """

    root: Path
    findings: Callable[[Path], list[str]] = lambda _: []
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known: dict[str, tuple[object, StudyFacts, StudyWords]] = {}

    def now(self) -> list[StudyView]:
        """Return the studies that can be read, by name; what is wrong with the others stands in ``problems``."""
        found: list[StudyView] = []
        self.problems = {}
        for study in studies_of(self.root):
            try:
                found.append(self._view(study.read()))
            except (ConfigError, Missing, Refused, OSError) as error:
                self.problems[study.name] = first_line(error)
        return found

    def _view(self, study: Study) -> StudyView:
        stamp = _stamp(study)
        if study.name not in self._known or self._known[study.name][0] != stamp:
            facts = facts_of_study(study)
            self._known[study.name] = (stamp, facts, study_words(facts))
        _, facts, words = self._known[study.name]
        return StudyView(monitored(study, findings=self.findings), facts, words)


def _stamp(study: Study) -> object:
    """Return by what it is seen that a study's facts may be others: its ledger, its contract, its candidates' files."""
    paths = [study.folder / LEDGER, study.folder / FILE, *sorted((study.folder / "candidates").glob("*"))]
    return (study.phase, study.broken, stamps(paths))
