"""The schemas of ``analysis.json`` and of `rlx analyze`, `diagnose` and `suggest` with ``--json``."""

from __future__ import annotations

from typing import Any, Literal

from rlx.report.document import Document

Status = Literal["resolved", "running", "evaluating", "filming", "analysing", "stopped", "failed", "finished"]


class FoundEvidence(Document):
    """One measured fact behind a finding."""

    metric: str
    """What was measured: a metric, a setting, or a number made of them in words."""
    value: float | None
    """Its value: the median over `seeds`."""
    relation: Literal["above", "below"]
    """On which side of the threshold it lies."""
    threshold: float | None
    """What it was held against."""
    window: list[int] | None
    """First and last environment step looked at; null for what has no time."""
    seeds: list[int]
    """The seeds that show it."""
    seeds_in_all: int
    """How many seeds were looked at."""


class Suggested(Document):
    """Something to try."""

    overrides: dict[str, Any]
    """The settings, by key."""
    command: str | None
    """The command that tries it, ready for a shell; null in `analysis.json`, which does not know the project around it."""
    reason: str
    """Why."""
    effect: str
    """What is expected, and where to see it."""
    steps: int
    """Environment steps it takes, all seeds together."""
    cost: str
    """The same in words."""


class FindingFound(Document):
    """A finding."""

    id: str
    """Of its rule (docs/diagnosis.md)."""
    severity: Literal["error", "warning", "info"]
    """`error`: the run or its result is not usable; `warning`: something most likely costs return; `info`: worth
    knowing."""
    title: str
    """In a few words."""
    what: str
    """What was seen."""
    why: str
    """Why it matters."""
    source: str
    """Where the rule and its threshold come from."""
    confidence: Literal["high", "medium", "low"]
    """How sure the rule is."""
    evidence: list[FoundEvidence]
    """The facts."""
    suggestions: list[Suggested]
    """What to try, best first."""
    advice: str | None
    """What to do where no setting helps."""
    consequences: list[str]
    """Ids of the findings that most likely follow from this one."""


class Suggestions(Document):
    """`rlx suggest --json`."""

    format: Literal[1]
    """Of this document."""
    run: str
    """The run."""
    environment: str
    """Its environment."""
    status: Status
    """Its status."""
    suggestions: list[Suggested]
    """What to try, best first."""


class Diagnosed(Suggestions):
    """`rlx diagnose --json`."""

    findings: list[FindingFound]
    """Findings that follow from no other, most serious first."""
    consequences: list[FindingFound]
    """Findings that follow from one of those."""
    unchecked: list[str]
    """What could not be looked at, and why."""


class SeedValue(Document):
    """A seed and its score."""

    seed: int
    """The seed."""
    return_mean: float
    """Its mean held-out return."""


class MeanInterval(Document):
    """A confidence interval over seeds."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    level: float
    """Its level."""
    method: str
    """How it was made."""
    n: int
    """Seeds it rests on."""


class Outcome(Document):
    """What the policies of a kind score in held-out episodes."""

    return_mean: float
    """Mean over seeds."""
    interval: MeanInterval | None
    """Its interval over seeds."""
    seeds: dict[str, float]
    """Each seed's mean return."""
    std_over_seeds: float | None
    """Standard deviation over seeds."""
    median_over_seeds: float
    """Median over seeds."""
    worst_seed: SeedValue
    """The worst seed."""
    best_seed: SeedValue
    """The best seed."""
    seeds_above_random: int
    """Seeds that score more than random actions."""
    above_random_by_interval: bool | None
    """Whether the interval lies above random actions."""
    success_rate: float | None
    """Share of successful episodes, where reported."""
    success_interval_over_episodes: list[float] | None
    """Wilson's interval of it."""
    validation_return_of_choice: float | None
    """For `best`: the validation return it was chosen by."""


class Learned(Document):
    """How the return of training episodes went, between random actions (0) and the best window of any seed (1)."""

    scale: dict[str, Any]
    """The returns that count as 0 and as 1."""
    window_steps: list[int]
    """Environment steps at the end of each window."""
    steps_to: dict[str, dict[str, int | None]]
    """By level and seed: steps until it was first reached."""
    area_under_curve: dict[str, float | None]
    """By seed: mean over training."""
    drop_from_best_window_to_last: dict[str, float | None]
    """By seed."""
    late_swing: dict[str, float | None]
    """By seed: standard deviation over the last quarter."""
    gain_in_last_window: dict[str, float | None]
    """By seed: last window less the quarter before."""


class Component(Document):
    """A component of the reward: its sum per episode."""

    early: float
    """Over the first quarter of training, median over seeds."""
    late: float
    """Over the last quarter."""


class Analyzed(Diagnosed):
    """`rlx analyze --json`, and `runs/<run>/analysis.json`."""

    steps_per_seed: int
    """Environment steps behind each seed (the most of any)."""
    outcome: dict[str, Outcome] | None
    """By `latest` and `best`; null before the held-out evaluation."""
    random_return: float | None
    """What random actions score."""
    learning: Learned | None
    """Null where no training episode ended."""
    reward_components: dict[str, Component]
    """By name."""
