"""The findings of a run's diagnosis, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlx.diagnosis import Evidence, Finding
from rlx.errors import RlxError
from rlx.records import RunFolder
from rlx.report.run_analysis import analyze
from rlx.stats import number


def curve_of(evidence: Evidence, drawn: Iterable[str]) -> str:
    """Return the metric, of those that are drawn, whose curve shows a fact best; empty where none does."""
    named = sorted((key for key in drawn if key in evidence.metric), key=len)
    return named[-1] if named else "rollout/return_mean" if "return" in evidence.metric and evidence.window else ""


def in_words(evidence: Evidence) -> str:
    """Return a fact without its metric, for people."""
    parts = [] if evidence.value is None else [number(evidence.value)]
    if evidence.threshold is not None:
        parts.append(f"{evidence.relation} {number(evidence.threshold)}")
    if evidence.window is not None:
        parts.append(f"steps {evidence.window[0]:,} to {evidence.window[1]:,}")
    if evidence.seeds_in_all:
        seeds, n = evidence.seeds, evidence.seeds_in_all
        which = f" ({', '.join(map(str, seeds))})" if 0 < len(seeds) < n else ""
        parts.append(f"{len(seeds)} of {n} seeds{which}")
    return ", ".join(parts)


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
    after = {each.id: each for each in content.consequences}
    return RunFindings(folder.name, content.findings, after, content.unchecked, unremarkable=not content.findings)


def findings_so_far(folder: Path) -> list[str]:
    """Return what diagnosis finds in a run while it trains, in a few words each; nothing where it cannot be looked at yet.

    Args:
        folder: ``runs/<run>/`` of a project.
    """
    try:
        found = findings_of(folder.parent.parent, RunFolder(folder))
    except (RlxError, OSError):
        return []
    return [f"{each.severity}: {each.title}" for each in found.findings if each.severity != "info"]


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
