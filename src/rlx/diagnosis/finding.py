"""What a diagnosis says: findings with their evidence, and suggestions to try."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Most serious first: the run or its result is not usable; something most likely costs return; worth knowing."""
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Evidence:
    """One measured fact behind a finding.

    Attributes:
        metric: What was measured: a metric of the vocabulary, a setting, or a number made of them, named in words.
        value: Its value: the median over ``seeds`` of the mean over the window, unless ``metric`` says otherwise; None where
            that is no finite number.
        relation: On which side of the threshold it lies.
        threshold: What it was held against; None likewise.
        window: First and last environment step that were looked at; None for what has no time (a setting).
        seeds: The seeds that show it.
        seeds_in_all: How many seeds were looked at.
    """

    metric: str
    value: float | None
    relation: Literal["above", "below"]
    threshold: float | None
    window: tuple[int, int] | None = None
    seeds: tuple[int, ...] = ()
    seeds_in_all: int = 0

    def __post_init__(self) -> None:
        for name in ("value", "threshold"):
            found = getattr(self, name)
            object.__setattr__(self, name, found if found is not None and math.isfinite(found) else None)

    @property
    def measured(self) -> float:
        """The value as a number to reckon with: NaN where there is none."""
        return math.nan if self.value is None else self.value


@dataclass(frozen=True)
class Suggestion:
    """Something to try: settings that differ from the run's.

    Attributes:
        overrides: The settings, as ``section.key``.
        command: The command that tries it, ready for a shell; None where nobody knows the project around the run, as in
            ``analysis.json``.
        reason: Why.
        effect: What is expected to happen, and where to see it.
        steps: Environment steps that trying it takes, all seeds together.
        cost: The same in words.
    """

    overrides: Mapping[str, Any]
    command: str | None = field(default=None, kw_only=True)
    reason: str
    effect: str
    steps: int
    cost: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", f"{self.steps:,} environment steps")


@dataclass(frozen=True)
class Detection:
    """What a rule found in one run.

    Attributes:
        what: What was seen, in a sentence with its numbers.
        evidence: The facts.
        severity: How serious it is by itself (it rises with what it explains).
        confidence: How sure the rule is that this names the matter.
        suggestions: What to try, best first.
        advice: What to do where no setting helps; empty otherwise.
    """

    what: str
    evidence: tuple[Evidence, ...]
    severity: Severity = "info"
    confidence: Confidence = "medium"
    suggestions: tuple[Suggestion, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Finding:
    """What was found, why it matters, and what to try.

    Attributes:
        id: Of its rule (docs/diagnosis.md).
        severity: ``error``: the run or its result is not usable; ``warning``: something most likely costs return; ``info``:
            worth knowing.
        title: In a few words.
        what: What was seen.
        why: Why it matters.
        source: Where the rule and its threshold come from.
        confidence: How sure the rule is.
        evidence: The facts.
        suggestions: What to try, best first.
        advice: What to do where no setting helps.
        consequences: Ids of the findings that most likely follow from this one.
    """

    id: str
    severity: Severity
    title: str
    what: str
    why: str
    source: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    suggestions: tuple[Suggestion, ...] = ()
    advice: str | None = None
    consequences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All that is said of one run.

    Attributes:
        findings: Most serious first; none of them follows from another.
        consequences: Findings that follow from one of those.
        suggestions: What to try, best first, each once and none against another.
        unchecked: What could not be looked at, and why, in sentences.
    """

    findings: tuple[Finding, ...]
    consequences: tuple[Finding, ...]
    suggestions: tuple[Suggestion, ...]
    unchecked: tuple[str, ...] = ()
