"""What comparing needs to know of one run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlx import stats


@dataclass(frozen=True)
class RunScores:
    """The scores of a run, and what they are scores of.

    Attributes:
        run: Its name.
        scores: Mean held-out return of each training seed.
        policies: Hash of each seed's policy; equal hashes are equal policies. Empty where they are not known.
        task: What the scores measure: environment, evaluation protocol, versions of rlx's training and evaluation.
            Only equal tasks compare.
        config: Effective configuration, flattened to dotted keys.
        success: Successful episodes and episodes in all, where the environment reports success.
        environment_steps: Training budget of one seed.
        provenance: Where the run comes from: engine, code commit and changed files, library versions. Differences are
            named beside a verdict.
        planned: How many seeds the run was meant to have when each seed was trained; where these differ, seeds were
            added to a finished run. Empty where it is not known.
        random_return: Mean return of random actions on the task, where it is known.
        curves: Learning curve of each seed: mean training returns over environment steps.
        family: The kind of its algorithm: on-policy, off-policy or evolution; None where that is not known.
        gradient_steps: Steps of a seed's optimiser, mean over seeds; None where that is not known or nobody needs it.
        seconds: Seconds of training of a seed, mean over seeds, likewise.
        processor: What it was trained on, likewise.
        seeded: Whether its environment's ``reset(seed)`` determines an episode; None where that is not known.
    """

    run: str
    scores: Mapping[int, float]
    policies: Mapping[int, str]
    task: Mapping[str, Any]
    config: Mapping[str, Any]
    success: tuple[int, int] | None = None
    environment_steps: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    planned: Mapping[int, int] = field(default_factory=dict)
    random_return: float | None = None
    curves: Mapping[int, stats.SeedCurve] = field(default_factory=dict)
    seeded: bool | None = None
    family: str | None = None
    gradient_steps: int | None = None
    seconds: float | None = None
    processor: str | None = None

    def __post_init__(self) -> None:
        if bad := [seed for seed, score in self.scores.items() if not math.isfinite(score)]:
            raise ValueError(f"{self.run}: the score of seed {bad[0]} is {self.scores[bad[0]]}, not a finite number")

    @property
    def algorithm(self) -> str | None:
        """The name of its algorithm; None where the configuration is not known."""
        return self.config.get("algo.name")

    @property
    def scores_S(self) -> stats.Array:
        """The scores in order of the seeds."""
        return np.array([self.scores[seed] for seed in sorted(self.scores)])

    @property
    def worst(self) -> tuple[int, float]:
        """The worst seed and its score."""
        seed = min(self.scores, key=lambda seed: (self.scores[seed], seed))
        return seed, self.scores[seed]

    @property
    def is_above_random(self) -> bool | None:
        """Whether the interval of its mean lies above what random actions score; None where either is not known."""
        found = stats.mean_with_interval(self.scores_S).interval if self.scores else None
        return None if found is None or self.random_return is None else found.low > self.random_return

    @property
    def steps_of_growth(self) -> tuple[int, ...]:
        """The numbers of seeds at which the run was once complete, up to the present one: (5, 10), say."""
        known = {planned for seed, planned in self.planned.items() if seed in self.scores}
        return tuple(sorted({*(n for n in known if n < len(self.scores)), len(self.scores)})) if known else ()


def task_name(run: RunScores) -> str:
    """Return what to call a run's task: its environment, with arguments where there are some."""
    name, arguments = str(run.task.get("environment", "scores")), run.task.get("environment_kwargs") or {}
    return f"{name} {arguments}" if arguments else name
