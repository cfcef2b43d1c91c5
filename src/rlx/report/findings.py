"""The findings of a run's diagnosis, read from its ``analysis.json`` for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from rlx.errors import Missing
from rlx.experiments.revisions import add_to_view
from rlx.runs import RunFolder
from rlx.wording import number

FILE = "analysis.json"


class Evidence(BaseModel):
    """What a finding rests on: a metric beyond a threshold in a window of training."""

    model_config = ConfigDict(frozen=True)

    metric: str
    value: FiniteFloat | None = None
    relation: str = ""
    threshold: FiniteFloat | None = None
    window: tuple[int, int] | None = None
    seeds: tuple[int, ...] = ()
    seeds_in_all: int | None = None

    @property
    def words(self) -> str:
        """The evidence without its metric, for people."""
        parts = [] if self.value is None else [number(self.value)]
        if self.relation and self.threshold is not None:
            parts.append(f"{self.relation} {number(self.threshold)}")
        if self.window is not None:
            parts.append(f"steps {self.window[0]:,} to {self.window[1]:,}")
        if self.seeds_in_all is not None:
            which = f" ({', '.join(map(str, self.seeds))})" if 0 < len(self.seeds) < self.seeds_in_all else ""
            parts.append(f"{len(self.seeds)} of {self.seeds_in_all} seeds{which}")
        return ", ".join(parts)


class Suggestion(BaseModel):
    """What may help: the command that tries it, and what that costs."""

    model_config = ConfigDict(frozen=True)

    command: str | None = None
    reason: str = ""
    effect: str = ""
    cost: str = ""


class Finding(BaseModel):
    """One finding, as ``analysis.json`` has it."""

    model_config = ConfigDict(frozen=True)

    id: str
    severity: Literal["error", "warning", "info"]
    title: str
    what: str
    why: str = ""
    source: str = ""
    confidence: str = ""
    evidence: tuple[Evidence, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    consequences: tuple[str, ...] = ()


class _Recorded(BaseModel):
    """What the page reads of ``analysis.json``; each finding is checked by itself, so that a bad one hides no other."""

    findings: list[Any] | None = None
    consequences: list[Any] | None = None


@dataclass(frozen=True)
class RunFindings:
    """The findings of one run.

    Attributes:
        run: The run.
        findings: The most serious first; None where it was not diagnosed.
        consequences: By id, findings that follow from another one.
        notes: What could not be read, or that there are none, as sentences.
    """

    run: str
    findings: Sequence[Finding] | None
    consequences: Mapping[str, Finding]
    notes: Sequence[str]

    def following(self, finding: Finding) -> list[Finding]:
        """Return the findings that follow from one."""
        return [self.consequences[name] for name in finding.consequences if name in self.consequences]

    @property
    def loose(self) -> list[Finding]:
        """Consequences that no finding names."""
        named = {name for finding in self.findings or () for name in finding.consequences}
        return [finding for name, finding in self.consequences.items() if name not in named]


def findings_of(root: Path, folder: RunFolder) -> RunFindings:
    """Return the findings of a run. What is damaged in the file is told, and hides nothing else."""
    again = f"`rlx diagnose {folder.name}`"
    try:
        recorded = _Recorded.model_validate_json(_text(root, folder) or "{}")
    except ValidationError:
        return RunFindings(folder.name, None, {}, [f"{folder.name}: {FILE} is damaged; {again} looks anew."])
    if recorded.findings is None:
        return RunFindings(folder.name, None, {}, [])
    notes: list[str] = []
    found = list(_read(recorded.findings, folder.name, notes))
    after = {finding.id: finding for finding in _read(recorded.consequences or [], folder.name, notes)}
    if not recorded.findings:
        notes.append(f"{folder.name}: the diagnosis has no findings.")
    return RunFindings(folder.name, found, after, notes)


def _read(rows: Sequence[Any], run: str, notes: list[str]) -> Iterator[Finding]:
    for index, row in enumerate(rows, 1):
        try:
            yield Finding.model_validate(row)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "it"
            notes.append(
                f"{run}: finding {index} in {FILE} is damaged ({place}) and left out; `rlx diagnose {run}` looks anew."
            )


def _text(root: Path, folder: RunFolder) -> str | None:
    path = folder.path / FILE
    try:
        if not path.is_file() and folder.origin is not None:
            path = add_to_view(root, folder.origin, FILE)
        return path.read_text(encoding="utf-8")
    except (Missing, OSError):
        return None
