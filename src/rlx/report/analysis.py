"""The analysis of a run: the documents of `rlx analyze`, `diagnose` and `suggest`, and the content of ``analysis.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rlx import stats
from rlx.diagnosis import Diagnosis, Suggestion

Status = Literal["resolved", "running", "evaluating", "filming", "analysing", "stopped", "failed", "finished"]


@dataclass(frozen=True)
class SeedScore:
    """A seed and its score.

    Attributes:
        seed: The seed.
        return_mean: Its mean held-out return.
    """

    seed: int
    return_mean: float


@dataclass(frozen=True)
class PolicyOutcome:
    """What the policies of a kind score in held-out episodes.

    Attributes:
        return_mean: Mean over seeds.
        interval: Its interval over seeds.
        seeds: Each seed's mean return.
        std_over_seeds: Standard deviation over seeds.
        median_over_seeds: Median over seeds.
        worst_seed: The worst seed.
        best_seed: The best seed.
        seeds_above_random: Seeds that score more than random actions.
        above_random_by_interval: Whether the interval lies above random actions.
        success_rate: Share of successful episodes, where reported.
        success_interval_over_episodes: Wilson's interval of it.
        validation_return_of_choice: For ``best``: the validation return it was chosen by.
    """

    return_mean: float
    interval: stats.Interval | None
    seeds: Mapping[int, float]
    std_over_seeds: float | None
    median_over_seeds: float
    worst_seed: SeedScore
    best_seed: SeedScore
    seeds_above_random: int
    above_random_by_interval: bool | None
    success_rate: float | None
    success_interval_over_episodes: tuple[float, float] | None
    validation_return_of_choice: float | None


@dataclass(frozen=True)
class Learned:
    """How the return of training episodes went, between random actions (0) and the best window of any seed (1).

    Attributes:
        scale: The returns that count as 0 and as 1.
        window_steps: Environment steps at the end of each window.
        steps_to: By level and seed: steps until it was first reached.
        area_under_curve: By seed: mean over training.
        drop_from_best_window_to_last: By seed.
        late_swing: By seed: standard deviation over the last quarter.
        gain_in_last_window: By seed: last window less the quarter before.
    """

    scale: Mapping[str, float | str]
    window_steps: tuple[int, ...]
    steps_to: Mapping[str, Mapping[int, int | None]]
    area_under_curve: Mapping[int, float | None]
    drop_from_best_window_to_last: Mapping[int, float | None]
    late_swing: Mapping[int, float | None]
    gain_in_last_window: Mapping[int, float | None]


@dataclass(frozen=True)
class ComponentReturns:
    """A component of the reward: its sum per episode.

    Attributes:
        early: Over the first quarter of training, median over seeds.
        late: Over the last quarter.
    """

    early: float
    late: float


@dataclass(frozen=True, kw_only=True)
class AboutRun:
    """Which run a document is about.

    Attributes:
        format: Version of this schema.
        run: The run.
        environment: Its environment.
        status: Its status.
    """

    format: Literal[1]
    run: str
    environment: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class Suggested(AboutRun):
    """`rlx suggest --json`.

    Attributes:
        suggestions: What to try, best first.
    """

    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnosed(Diagnosis, AboutRun):
    """`rlx diagnose --json`."""


@dataclass(frozen=True, kw_only=True)
class _Measured(AboutRun):
    """What a run scores and how it learned.

    Attributes:
        steps_per_seed: Environment steps behind each seed (the most of any).
        outcome: By ``latest`` and ``best``; null before the held-out evaluation.
        random_return: What random actions score.
        learning: Null where no training episode ended.
        reward_components: By name.
        curves: The learning curve of each seed: mean return of the training episodes (with ``env.training`` of the validation
            episodes, which are of the task) in windows of training, over
            environment steps; None in a file of an older rlx.
    """

    steps_per_seed: int
    outcome: Mapping[str, PolicyOutcome] | None
    random_return: float | None
    learning: Learned | None
    reward_components: Mapping[str, ComponentReturns]
    curves: Mapping[int, stats.SeedCurve] | None = None


@dataclass(frozen=True, kw_only=True)
class Analyzed(Diagnosed, _Measured):
    """`rlx analyze --json`, and `runs/<run>/analysis.json`."""
