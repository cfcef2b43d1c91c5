"""What a probe would play and cost: nothing runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlx.config import FinalEvalConfig
from rlx.errors import UsageError
from rlx.records import read_facts, snapshot_hash
from rlx.studies.evidence.final_policies import final_policies, finished_run
from rlx.studies.evidence.parameters import Number, Parameter, PlannedParameter, planned
from rlx.training import arguments_of

EPISODES, KEEP = 20, 0.8
PROBE_LIST = 0x50726F62
"""The list of reset seeds that probes play (``final_eval.seed``, 1 and small numbers are the evaluations')."""
Design = Literal["one", "sobol"]


@dataclass(frozen=True)
class ProbePlan:
    """What a probe plays.

    Attributes:
        run: The run, as commands take it.
        snapshot: Hash of its configuration.
        policies: By finished seed, the hash of its final policy.
        parameters: What is varied.
        design: One parameter at a time, or all together by a scrambled Sobol sequence.
        points: The variations beside the task itself, as settings by parameter; each is played by every seed.
        episodes: Episodes of each seed at each point.
        keep: The share of nominal's gain over random actions that a value must keep.
        episode_limit: Steps after which an episode is cut.
        deterministic: Whether the most likely actions are taken, as in the run's held-out episodes.
        list_seed: The list of reset seeds.
    """

    run: str
    snapshot: str | None
    policies: dict[int, str]
    parameters: tuple[PlannedParameter, ...]
    design: Design
    points: tuple[dict[str, Number], ...]
    episodes: int
    keep: float
    episode_limit: int
    deterministic: bool
    list_seed: int = PROBE_LIST

    @property
    def plays(self) -> int:
        """How many times a list of episodes is played: by each seed the task and every point, and by random actions the task."""
        return len(self.policies) * (1 + len(self.points)) + 1

    @property
    def steps(self) -> int:
        """Environment steps that it takes at most; none of them trains."""
        return self.plays * self.episodes * self.episode_limit

    @property
    def protocol(self) -> FinalEvalConfig:
        """The episodes."""
        return FinalEvalConfig(
            episodes=self.episodes,
            seed=self.list_seed,
            deterministic=self.deterministic,
            step_limit=self.episode_limit,
        )

    @property
    def command(self) -> str:
        """The command that carries it out."""
        asked = [part for each in self.parameters for part in ("--parameter", str(each.parameter))]
        terms = ["--design", self.design, "--episodes", str(self.episodes), "--keep", str(self.keep)]
        return shlex.join(["rlx", "study", "probe", self.run, *asked, *terms, "--execute"])


def plan_probe(
    root: Path,
    run: str,
    parameters: Sequence[Parameter],
    design: Design = "one",
    terms: tuple[int, float] = (EPISODES, KEEP),
) -> ProbePlan:
    """Return what a probe of a finished run would play; no environment is made.

    Args:
        root: The project.
        run: The run, as commands take it.
        parameters: What is varied.
        design: See :class:`ProbePlan`.
        terms: Episodes of each seed at each point, and the share of nominal's gain that must be kept.

    Raises:
        Missing: There is no such run, no seed of it has finished, or a checkpoint is not here.
        ConfigError: A parameter has no nominal value that is a number.
        UsageError: A parameter is named twice, or its range does not hold its nominal value.
    """
    episodes, keep = terms
    if not parameters:
        raise UsageError("a probe varies at least one parameter: --parameter env.kwargs.gravity=-11.5:-4")
    if twice := next((each.key for each in parameters if [p.key for p in parameters].count(each.key) > 1), None):
        raise UsageError(f"{twice}: is named twice; give one range")
    if not 1 <= episodes <= 100_000 or not 0 < keep <= 1:
        raise UsageError("a probe plays from 1 to 100,000 episodes, and keeps a share above 0 and at most 1")
    folder = finished_run(root, run)
    snapshot = folder.snapshot
    declared = arguments_of(root, snapshot)
    found = tuple(planned(each, snapshot.config.env.kwargs, declared) for each in parameters)
    facts, judging = read_facts(folder.path), folder.judging
    protocol = judging.final_eval if judging else FinalEvalConfig()
    limit = min(protocol.step_limit, (facts.episode_limit if facts else None) or protocol.step_limit)
    return ProbePlan(
        run=run,
        snapshot=snapshot_hash(folder.path),
        policies={seed: policy.sha256 for seed, policy in final_policies(root, folder).items()},
        parameters=found,
        design=design,
        points=_one_at_a_time(found) if design == "one" else _together(found),
        episodes=episodes,
        keep=keep,
        episode_limit=limit,
        deterministic=protocol.deterministic,
    )


def _one_at_a_time(parameters: Sequence[PlannedParameter]) -> tuple[dict[str, Number], ...]:
    """Return a point for each value of each parameter but the nominal one, which is played once for all."""
    return tuple({each.parameter.key: value} for each in parameters for value in each.values if value != each.nominal)


def _together(parameters: Sequence[PlannedParameter]) -> tuple[dict[str, Number], ...]:
    """Return points that vary all parameters, from a scrambled Sobol sequence (seeded: the same for the same ranges).

    As many as the largest number of values asked for, rounded up to the power of two that the sequence is balanced at.
    """
    import math

    import numpy as np
    from scipy.stats import qmc

    wanted = max(each.parameter.count for each in parameters)
    sequence = qmc.Sobol(len(parameters), scramble=True, rng=np.random.default_rng(PROBE_LIST))
    points = []
    for row in sequence.random_base2(math.ceil(math.log2(wanted))):
        settings: dict[str, Number] = {}
        for each, place in zip(parameters, row.tolist(), strict=True):
            low, high = float(each.parameter.low), float(each.parameter.high)
            value = low * (high / low) ** place if each.parameter.scale == "log" else low + (high - low) * place
            settings[each.parameter.key] = round(value) if each.whole else float(f"{value:.6g}")
        points.append(settings)
    return tuple(points)
