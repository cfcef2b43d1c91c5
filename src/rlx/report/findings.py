"""The findings of a run's diagnosis, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

from rlx.algorithms import vocabulary
from rlx.errors import RlxError
from rlx.records import RunFolder
from rlx.report.run_analysis import analyze
from rlx.stats import number


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
    def curve(self) -> str:
        """The metric whose curve shows it best; empty where none does."""
        named = sorted((key for key in vocabulary() if "/" in key and key in self.metric), key=len)
        return named[-1] if named else "rollout/return_mean" if "return" in self.metric and self.window else ""

    @property
    def words(self) -> str:
        """The evidence without its metric, for people."""
        parts = [] if self.value is None else [number(self.value)]
        if self.relation and self.threshold is not None:
            parts.append(f"{self.relation} {number(self.threshold)}")
        if self.window is not None:
            parts.append(f"steps {self.window[0]:,} to {self.window[1]:,}")
        if self.seeds_in_all:
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
    """One finding, as ``rlx diagnose --json`` has it."""

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
    advice: str | None = None
    consequences: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFindings:
    """The findings of one run.

    Attributes:
        run: The run.
        findings: Those that follow from no other, the most serious first.
        consequences: By id, findings that follow from one of them.
        notes: What could not be looked at, or why there is no diagnosis, as sentences.
        unremarkable: Whether it was looked at and nothing was found.
        same: By id, other runs of which the same is to be said, and where it is not repeated.
    """

    run: str
    findings: Sequence[Finding]
    consequences: Mapping[str, Finding]
    notes: Sequence[str]
    same: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unremarkable: bool = False

    def following(self, finding: Finding) -> list[Finding]:
        """Return the findings that follow from one."""
        return [self.consequences[name] for name in finding.consequences if name in self.consequences]


def findings_of(root: Path, folder: RunFolder) -> RunFindings:
    """Diagnose a run, finished or not; where that cannot be done, a note says why."""
    try:
        content = analyze(root, folder).content
    except RlxError as error:
        return RunFindings(folder.name, [], {}, [f"{folder.name} cannot be diagnosed: {error}"])
    found = [Finding.model_validate(each) for each in content["findings"]]
    after = {each["id"]: Finding.model_validate(each) for each in content["consequences"]}
    return RunFindings(folder.name, found, after, content["unchecked"], unremarkable=not found)


def told_once(found: Sequence[RunFindings]) -> list[RunFindings]:
    """Return the findings with each remark (severity info) that is the same of several runs told of the first alone."""
    first: dict[tuple[str, str, str], str] = {}
    others: dict[tuple[str, str], list[str]] = {}
    kept = []
    for told in found:
        mine = []
        for finding in told.findings:
            text = (finding.id, finding.title, finding.what)
            if finding.severity != "info" or first.setdefault(text, told.run) == told.run:
                mine.append(finding)
            else:
                others.setdefault((first[text], finding.id), []).append(told.run)
        kept.append(replace(told, findings=mine))
    return [
        replace(told, same={name: runs for (run, name), runs in others.items() if run == told.run}) for told in kept
    ]
