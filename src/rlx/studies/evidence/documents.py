"""The four kinds of evidence, as the documents that stand in ``evidence/<hash>.json``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from rlx.config import LARGEST_INTEGER, Section

Whole = Annotated[int, Field(gt=-LARGEST_INTEGER, lt=LARGEST_INTEGER)]
Count = Annotated[int, Field(ge=0, lt=LARGEST_INTEGER)]
Number = Whole | float
"""A whole number stays one: an environment may take no other."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Trend = Literal["rising", "falling", "none"]
Risk = Literal["low", "medium", "high"]


class Provenance(Section):
    """Where evidence comes from."""

    format: Literal[1] = 1
    """Version of this schema."""
    run: str
    """The run that it is about, as commands take it."""
    snapshot: str | None = None
    """MD5 of the run's resolved configuration (its `config_snapshot.yaml`)."""
    seeds: tuple[Count, ...]
    """Its training seeds that were looked at."""
    policies: dict[Count, str]
    """By seed, the SHA-256 of its final policy; empty where no policy was looked at."""
    command: str
    """The command that made the document."""
    versions: dict[str, str | None]
    """Of the packages that computed it."""


class ComponentReflection(Section):
    """What became of one part of the reward."""

    name: str
    """As it was logged: `reward/forward`."""
    windows: tuple[float | None, ...]
    """Its mean per episode in each window of training, median over seeds; null where no episode ended."""
    share: Share
    """Its share of the sum of all components' sizes over the last quarter of training, median over seeds."""
    slopes: dict[Count, float]
    """By seed, its Theil–Sen slope over the windows, per 1,000 environment steps."""
    trend: Trend
    """`rising` or `falling` where at least 80 % of the seeds' slopes have that sign."""
    dominates: bool
    """Whether its share is above 80 %."""
    ignored: bool
    """Whether its share is below 1 %."""
    saturated: bool
    """Whether it has not varied since the first half of training (rule `reward-component-saturated`)."""
    traded: Literal["gained", "lost"] | None
    """Its side of a trade (rule `reward-component-traded`): what it gained, another one lost, or the other way round."""
    with_validation_over_windows: Annotated[float, Field(ge=-1, le=1)] | None
    """Spearman's correlation with the validation return over the windows of a seed, median over seeds."""
    with_held_out_over_seeds: Annotated[float, Field(ge=-1, le=1)] | None
    """Spearman's correlation of its late value with the held-out return, over seeds; null below four seeds."""


class HackingClause(Section):
    """A reason to fear that the return is raised by something else than the task."""

    clause: Literal["held-out-falls", "success-falls", "component-falls", "length-without-return"]
    """Which."""
    risk: Risk
    """How much that says by itself."""
    what: str
    """What was seen, in a sentence with its numbers."""


class Reflection(Provenance):
    """`rlx study reflect`: what the parts of a run's reward did, and whether its return can be trusted."""

    kind: Literal["reflection"] = "reflection"
    """What evidence this is."""
    environment: str
    """The environment's id."""
    window_steps: tuple[Count, ...]
    """Environment steps at the end of each window of training."""
    return_trend: Trend
    """Of the return of training episodes."""
    validation_trend: Trend | None
    """Of the validation return; null where too little was logged."""
    success_trend: Trend | None
    """Of the success rate of training episodes; null where none is reported."""
    held_out: dict[Count, float]
    """By seed, the mean held-out return of its final policy."""
    random_return: float | None
    """What random actions score in the held-out episodes."""
    components: tuple[ComponentReflection, ...]
    """By share, largest first; empty where the environment reports none."""
    hacking_risk: Risk
    """The highest risk of the clauses that fired; `low` where none did."""
    fired: tuple[HackingClause, ...]
    """The clauses that fired."""
    not_looked_at: tuple[str, ...]
    """What could not be looked at, and what to do about it, in sentences."""


class Answers(Section):
    """What a reviewer says of a reward, in words of his own."""

    without_task: Text
    """Can it be earned without doing the task, and how?"""
    scale: Text
    """How large are its parts beside each other, and beside what the algorithm expects?"""
    signal: Text
    """What does it tell a policy that knows nothing, and one that is nearly good?"""
    terminations: Text
    """What do the ends of episodes pay: is ending early, or never, worth it?"""
    guardrail: Text
    """Which guardrail of the contract would show that it is gamed?"""


class Review(Provenance):
    """A person's or agent's review of a reward before it is tried."""

    kind: Literal["review"] = "review"
    """What evidence this is."""
    reviewer: Text
    """Who answers."""
    answers: Answers
    """The five answers."""


class ProbeFailure(Section):
    """Why a policy could not be played."""

    seed: Count | None
    """Its training seed; null for random actions."""
    cause: str
    """`environment`, `non-finite`, `process`, `time-limit` or `other`."""
    message: str
    """In a line."""


class ProbePoint(Section):
    """One variation of the environment, and what the policies score in it."""

    settings: dict[str, Number]
    """By parameter (`env.kwargs.gravity`), its value; those that are not named are nominal."""
    returns: dict[Count, float]
    """By seed, its mean return; a seed that failed is not there."""
    success: dict[Count, Share]
    """By seed, its share of successful episodes; empty where the environment reports none."""
    mean: float | None
    """Mean return over seeds; null where a seed failed."""
    lower: float | None
    """One-sided lower 95 % t bound of that mean over seeds; null of one seed, and where a seed failed."""
    passes: bool | None
    """Whether the bound reaches the threshold; a failure does not pass; null where that cannot be told."""
    failures: tuple[ProbeFailure, ...]
    """Seeds that could not be played."""


class ProbedParameter(Section):
    """A parameter that was varied by itself."""

    parameter: str
    """Its key: `env.kwargs.gravity`."""
    nominal: Number
    """Its value in the task."""
    scale: Literal["linear", "log"]
    """How the values are spaced."""
    points: tuple[ProbePoint, ...]
    """One for each value, in increasing order."""
    safe: tuple[Number, Number] | None
    """The smallest and largest of the connected passing values around nominal; null where nominal does not pass."""
    first_failing_below: Number | None
    """The largest value below the safe range that does not pass; null where none was found."""
    first_failing_above: Number | None
    """The smallest value above it that does not pass."""
    gaps: tuple[Number, ...]
    """Values that pass and are not connected with nominal: not safe, as what lies between fails."""
    errors: tuple[Number, ...]
    """Values at which a policy could not be played; they count as failing."""


class Probe(Provenance):
    """`rlx study probe`: how far a finished run's policies carry when parameters of the environment differ."""

    kind: Literal["probe"] = "probe"
    """What evidence this is."""
    environment: str
    """The environment's id."""
    design: Literal["one", "sobol"]
    """`one`: one parameter at a time; `sobol`: all together, which gives no safe range."""
    episodes: Count
    """Episodes that each policy plays at each point."""
    list_seed: Count
    """The list of reset seeds, which no evaluation plays."""
    keep: Share
    """The share of nominal's gain over random actions that must be kept."""
    episode_limit: Count
    """Steps after which an episode is cut."""
    steps_bound: Count
    """Environment steps that the plan allowed."""
    steps: Count
    """Environment steps that were played."""
    random_return: float | None
    """Mean return of random actions in the task; null where they could not be played."""
    nominal: ProbePoint
    """The task itself."""
    threshold: float | None
    """The return that a value's bound must reach: random + keep × (nominal − random)."""
    verdict: Literal["holds", "fails-at-nominal", "cannot-tell"]
    """Whether the policies hold in the task itself, so that ranges mean something."""
    reason: str
    """Why, in a sentence."""
    parameters: tuple[ProbedParameter, ...]
    """Of the design `one`."""
    joint: tuple[ProbePoint, ...]
    """Of the design `sobol`."""


class CurriculumCase(Section):
    """A generated environment, and how the incumbent does in it."""

    name: Text
    """Its name."""
    kwargs: dict[str, Any]
    """What of `env.kwargs` differs from the task; empty: the task itself."""
    success: Share
    """The incumbent's share of successful episodes, mean over seeds, as the probe has it."""


class Bound(Section):
    """How far generated environments may spread in one parameter."""

    low: Number
    """Smallest value."""
    high: Number
    """Largest value."""


class Rollback(Section):
    """When a stage is taken back."""

    metric: Text
    """What is watched."""
    below: float
    """Under which value."""
    to: Text
    """What comes instead: the name of a case, or `previous`."""


class CurriculumContent(Section):
    """What a person or agent writes down of a curriculum of generated environments."""

    probe: Sha256
    """Hash of the probe that the cases' success comes from."""
    cases: Annotated[tuple[CurriculumCase, ...], Field(min_length=1)]
    """The generated environments, the task itself among them."""
    bridge: Annotated[tuple[str, ...], Field(min_length=2)]
    """Names of cases in the order in which they are trained: learnable ones, those that the incumbent fails, the task itself."""
    diversity: dict[str, Bound]
    """By key of `env.kwargs`, how far the cases may spread."""
    task_hash: Text
    """Hash of the task that held-out episodes stay on, whatever is generated."""
    rollback: Rollback
    """When a stage is taken back."""


class Curriculum(Provenance, CurriculumContent):
    """The record that a curriculum of generated environments rests on."""

    kind: Literal["curriculum"] = "curriculum"
    """What evidence this is."""


EvidenceDocument = Annotated[Reflection | Review | Probe | Curriculum, Field(discriminator="kind")]
"""Any evidence."""
