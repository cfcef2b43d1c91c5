"""What an audit found: the document ``studies/<task>/<study>/audits/001.json``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rlx.config import Section, write_json

CHECKS = (
    "chain", "contract", "candidates", "gate", "budget", "artifacts", "experiments", "denominator", "decisions", "alpha",
    "proposals", "report", "replay", "retrain", "head",
)  # fmt: skip
"""The checks by name, in the order in which they are told."""
FOLDER = "audits"


class Problem(Section):
    """Something that is not as it must be, and where."""

    text: str
    """What is wrong."""
    seq: int | None = None
    """Of the ledger's line that it is about."""
    candidate: str | None = None
    """Which candidate it is about."""
    experiment: str | None = None
    """Which experiment."""
    seed: int | None = None
    """Which training seed."""
    file: str | None = None
    """Which file, in the study's folder or the experiment."""


class CheckReport(Section):
    """What came of a check."""

    ok: bool
    """Whether nothing is wrong; true also where it was skipped."""
    checked: int
    """How many lines, starts, files or decisions it looked at."""
    skipped: str | None = None
    """Why it was not made; null where it was."""
    problems: list[Problem] = Field(default=[])
    """What is wrong."""
    notes: list[str] = Field(default=[])
    """What could not be said, and what whoever reads should know."""


class AuditReport(Section):
    """An audit of a study (`audits/001.json`)."""

    format: Literal[1] = 1
    """Of this document."""
    study: str
    """`task/study`."""
    head: str
    """Hash of the ledger's last line when it was audited."""
    lines: int
    """How many lines the ledger had."""
    ok: bool
    """Whether no check failed."""
    checks: dict[str, CheckReport]
    """By name."""
    unsupported: list[str]
    """Accepted candidates whose decision does not come out again: they are to be reverted."""
    versions: dict[str, str]
    """Of what computed it."""


@dataclass
class Findings:
    """What a check finds while it is made.

    Attributes:
        problems: What is wrong.
        notes: What should be known.
        checked: How many things it looked at.
        skipped: Why it was not made.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: int = 0
    skipped: str | None = None

    def add(self, text: str, seq: int | None = None, **where: Any) -> None:
        """Note something that is wrong; ``where`` names candidate, experiment, seed or file."""
        told = f"line {seq + 1}: {text}" if seq is not None else text
        self.problems.append(Problem(text=told, seq=seq, **where))

    def skip(self, why: str) -> None:
        """Note that the check is not made."""
        self.skipped = why

    def to_report(self) -> CheckReport:
        """Return it as it is written."""
        return CheckReport(
            ok=not self.problems,
            checked=self.checked,
            skipped=self.skipped,
            problems=self.problems,
            notes=list(dict.fromkeys(self.notes)),
        )


def write_audit(folder: Path, report: AuditReport) -> dict[str, Any]:
    """Write an audit into a study's folder, and return what its ``audited`` line says; the caller appends that.

    Args:
        folder: ``studies/<task>/<study>``.
        report: What was found.
    """
    numbers = [int(path.stem) for path in (folder / FOLDER).glob("*.json") if path.stem.isdigit()]
    path = folder / FOLDER / f"{1 + max(numbers, default=0):03d}.json"
    path.parent.mkdir(exist_ok=True)
    write_json(path, report.model_dump(mode="json"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": f"{FOLDER}/{path.name}", "sha256": f"sha256:{digest}", "ok": report.ok, "head": report.head}
