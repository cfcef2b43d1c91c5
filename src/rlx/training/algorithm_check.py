"""Whether an algorithm keeps to what :class:`rlx.algorithms.Learner` promises: tried in tiny environments, killed and compared."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.algorithms import algorithm, kinds
from rlx.config import RunConfig, Snapshot
from rlx.envs import make_env, own_registrations
from rlx.launch import Failure, run_alone, run_parallel
from rlx.training.algorithm_promises import Promise, Trial, promises_in, promises_of
from rlx.training.algorithm_trials import Job, Steady, killed, resumed, steady

PARTS = ("steady", "killed", "resumed")


@dataclass(frozen=True)
class CheckedIn:
    """What was found in one environment.

    Attributes:
        environment: Its id.
        observations: What it shows: ``vector``, ``image``, ``dict``, ``discrete`` or ``other``.
        actions: What it takes: ``discrete``, ``continuous`` or ``multi``.
        steps: How long each training was, in environment steps.
        checks: What was found.
    """

    environment: str
    observations: str
    actions: str
    steps: int
    checks: tuple[Promise, ...]


@dataclass(frozen=True)
class CheckedAlgorithm:
    """What an algorithm promises, and whether it keeps it.

    Attributes:
        format: Of this document.
        algorithm: Its name.
        module: Where it is.
        checks: What was found of its row in the registry.
        environments: What was found in each environment.
    """

    format: int
    algorithm: str
    module: str
    checks: tuple[Promise, ...]
    environments: tuple[CheckedIn, ...]

    @property
    def problems(self) -> int:
        """How many promises are not kept."""
        found = [*self.checks, *(check for each in self.environments for check in each.checks)]
        return sum(check.level == "problem" for check in found)


def check_algorithm(
    root: Path, configs: Sequence[RunConfig], steps: int, on_progress: Callable[[int, int], None]
) -> CheckedAlgorithm:
    """Try an algorithm; nothing of it is kept.

    Args:
        root: The project.
        configs: Of one algorithm, each with another environment.
        steps: How long a training is, if that is enough to learn something.
        on_progress: Called with how many parts are done, and of how many.

    Raises:
        ConfigError: It is not here, or something that it needs is not installed.
        EnvironmentUnusable: An environment cannot be made.
    """
    row = algorithm(configs[0].algo.name, root)
    row.check_needs()
    own_registrations(root)
    spaces = [_kinds(config) for config in configs]
    done: list[Any] = []

    def count(event: Any) -> None:
        if event in PARTS:
            done.append(event)
            on_progress(len(done), len(PARTS) * len(configs))

    with tempfile.TemporaryDirectory(prefix="rlx-check-") as scratch:
        jobs = [Job(Snapshot(config).to_yaml(), f"{scratch}/{number}") for number, config in enumerate(configs)]
        trials = _tried(root, jobs, steps, count)
        found = [
            CheckedIn(config.env.id, *space, trial.steady.total, tuple(promises_in(trial)))
            for config, space, trial in zip(configs, spaces, trials, strict=True)
        ]
    return CheckedAlgorithm(1, row.name, row.make.__module__, tuple(promises_of(row, trials)), tuple(found))


def _tried(root: Path, jobs: Sequence[Job], steps: int, count: Callable[[Any], None]) -> list[Trial]:
    """Train each in one go, kill it on the way, and go on with it."""
    results = run_alone(steady, (str(root), jobs, steps), count)
    if isinstance(results, Failure):
        results = [Steady(error=results.message) for _ in jobs]
    whole = {index: (str(root), jobs[index], result) for index, result in enumerate(results) if not result.error}
    ends = run_parallel(killed, whole, on_end=lambda *_: count("killed"))
    again = [index for index, end in ends.items() if isinstance(end, Failure)]
    chosen = [jobs[index] for index in again], [results[index] for index in again]
    told = run_alone(resumed, (str(root), *chosen), count) if again else []
    resuming = dict(zip(again, [told.message] * len(again) if isinstance(told, Failure) else told, strict=True))
    return [
        Trial(Path(job.folder), results[index], ends.get(index), resuming.get(index)) for index, job in enumerate(jobs)
    ]


def _kinds(config: RunConfig) -> tuple[str, str]:
    env = make_env(config.env)
    try:
        return kinds(env.observation_space, env.action_space)
    finally:
        env.close()
