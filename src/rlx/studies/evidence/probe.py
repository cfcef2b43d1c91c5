"""Playing a probe: how far a finished run's policies carry when parameters of the environment differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rlx.errors import Missing
from rlx.launch import Failure
from rlx.stats import number
from rlx.studies.evidence.final_policies import FinalPolicy, final_policies, finished_run, versions_here
from rlx.studies.evidence.parameters import Number, PlannedParameter, with_settings
from rlx.studies.evidence.probe_plan import ProbePlan
from rlx.studies.evidence.safe_range import connected, lower_bound, reaches
from rlx.training import VariedPlay, play_varied

if TYPE_CHECKING:
    from rlx.envs import Episode
    from rlx.studies.evidence.documents import Probe, ProbedParameter, ProbeFailure, ProbePoint

Outcome = "list[Episode] | Failure"
MOST_MESSAGE = 300
"""Characters of an environment's message that are kept."""


def run_probe(root: Path, plan: ProbePlan, say: Callable[[str], None] = lambda _: None) -> Probe:
    """Play what a plan says, in worker processes, and return what came of it; nothing is written.

    An environment that refuses a value, hangs or crashes at it fails there, with its message. The same run and plan give
    the same document.

    Args:
        root: The project.
        plan: As :func:`rlx.studies.evidence.probe_plan.plan_probe` gives it.
        say: Told how far it is.

    Raises:
        Missing: The run, or its policies, are not those of the plan any more.
        ConfigError: The project's code is not what the run was trained with.
    """
    folder = finished_run(root, plan.run)
    policies = final_policies(root, folder)
    if {seed: policy.sha256 for seed, policy in policies.items()} != plan.policies:
        raise Missing(f"{plan.run}: has other policies than when the probe was planned; plan it again")
    snapshot = folder.snapshot
    plays = _plays(plan, policies, snapshot.config.env.kwargs)
    outcomes = play_varied(root, snapshot, plays, plan.protocol, say)
    random, rest = outcomes[0], outcomes[1:]
    each = len(policies)
    rows = [dict(zip(policies, rest[start : start + each], strict=True)) for start in range(0, len(rest), each)]
    steps = sum(e.length for outcome in outcomes if not isinstance(outcome, Failure) for e in outcome)
    return _probe(plan, snapshot.config.env.id, _Played(str(root), random, rows, steps))


@dataclass(frozen=True)
class _Played:
    """What came of a plan.

    Attributes:
        root: The project's path, which no document names.
        random: Episodes of random actions in the task, or why there are none.
        rows: By point (the task itself first) and seed.
        steps: Steps that were taken.
    """

    root: str
    random: Any
    rows: Sequence[Mapping[int, Any]]
    steps: int


def _plays(plan: ProbePlan, policies: Mapping[int, FinalPolicy], kwargs: Mapping[str, Any]) -> list[VariedPlay]:
    """Return random actions in the task, then every seed in the task, then every seed at every point."""
    plays = [VariedPlay("random actions", kwargs)]
    for settings in ({}, *plan.points):
        told = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in settings.items()) or "nominal"
        varied = with_settings(kwargs, settings)
        plays += [VariedPlay(f"seed {seed}, {told}", varied, policy.path) for seed, policy in policies.items()]
    return plays


def _probe(plan: ProbePlan, environment: str, played: _Played) -> Probe:
    from rlx.studies.evidence.documents import Probe

    random = None if isinstance(played.random, Failure) else _mean(played.random)
    task = _point({}, played.rows[0], None, played.root)
    threshold = None
    if random is not None and task.mean is not None and task.mean > random:  # else there is no gain to keep
        threshold = random + plan.keep * (task.mean - random)
    points = [
        _point(settings, row, threshold, played.root)
        for settings, row in zip(({}, *plan.points), played.rows, strict=True)
    ]
    verdict, reason = _verdict(plan, points[0], random, threshold, played)
    nominal, others = points[0], points[1:]
    if verdict == "fails-at-nominal" and nominal.passes is not False:
        nominal = nominal.model_copy(update={"passes": False})
    one = plan.design == "one"
    return Probe(
        run=plan.run,
        snapshot=plan.snapshot,
        seeds=tuple(plan.policies),
        policies=plan.policies,
        command=plan.command,
        versions=versions_here(),
        environment=environment,
        design=plan.design,
        episodes=plan.episodes,
        list_seed=plan.list_seed,
        keep=plan.keep,
        episode_limit=plan.episode_limit,
        steps_bound=plan.steps,
        steps=played.steps,
        random_return=random,
        nominal=nominal,
        threshold=threshold,
        verdict=verdict,
        reason=reason,
        parameters=tuple(_parameter(each, nominal, others) for each in plan.parameters) if one else (),
        joint=() if one else tuple(others),
    )


def _point(settings: dict[str, Number], row: Mapping[int, Any], threshold: float | None, root: str) -> ProbePoint:
    """Return what the seeds score at one point; a seed that could not be played fails the point."""
    from rlx.studies.evidence.documents import ProbePoint

    failures = tuple(_failure(seed, found, root) for seed, found in row.items() if isinstance(found, Failure))
    sound = {seed: found for seed, found in row.items() if not isinstance(found, Failure)}
    returns = {seed: _mean(episodes) for seed, episodes in sound.items()}
    success = {
        seed: float(np.mean([bool(e.success) for e in episodes]))
        for seed, episodes in sound.items()
        if any(e.success is not None for e in episodes)
    }
    bound = None if failures else lower_bound(returns)
    passes: bool | None = False if failures else None
    if bound is not None and threshold is not None:
        passes = reaches(bound, threshold)
    return ProbePoint(
        settings=settings,
        returns=returns,
        success=success,
        mean=None if failures else float(np.mean(list(returns.values()))),
        lower=bound,
        passes=passes,
        failures=failures,
    )


def _mean(episodes: Sequence[Episode]) -> float:
    return float(np.mean([episode.episode_return for episode in episodes]))


def _failure(seed: int | None, found: Failure, root: str) -> ProbeFailure:
    """Return a failure as a document may hold it: in a line, and without the place of the project."""
    from rlx.studies.evidence.documents import ProbeFailure

    told = " ".join(found.message.replace(f"{root}/", "").split())
    message = told if len(told) <= MOST_MESSAGE else f"{told[: MOST_MESSAGE - 1]}…"
    return ProbeFailure(seed=seed, cause=found.cause.kind, message=message or "said nothing")


def _verdict(
    plan: ProbePlan, nominal: ProbePoint, random: float | None, threshold: float | None, played: _Played
) -> tuple[Literal["holds", "fails-at-nominal", "cannot-tell"], str]:
    """Return whether the policies hold in the task itself, and why."""
    if nominal.failures:
        told = nominal.failures[0]
        return "fails-at-nominal", f"Seed {told.seed} could not be played in the task itself: {told.message}"
    if random is None:
        told = _failure(None, played.random, played.root)
        return "cannot-tell", f"Random actions could not be played in the task itself: {told.message}"
    if nominal.lower is None:
        return (
            "cannot-tell",
            "One seed has no interval over seeds, so no value can be shown to hold: train at least two.",
        )
    assert nominal.mean is not None
    scored = f"{number(nominal.mean)} (lower bound {number(nominal.lower)}), random actions {number(random)}"
    if nominal.mean <= random:
        return "fails-at-nominal", f"In the task itself the policies do not beat random actions: {scored}."
    assert threshold is not None
    if not nominal.passes:
        return "fails-at-nominal", (
            f"In the task itself the seeds differ too much: their mean return is {scored}, and the bound should reach "
            f"{number(threshold)}."
        )
    return "holds", (
        f"In the task itself the policies score {scored}; a value passes where the bound reaches {number(threshold)}, "
        f"{100 * plan.keep:g} % of the gain."
    )


def _parameter(each: PlannedParameter, nominal: ProbePoint, others: Sequence[ProbePoint]) -> ProbedParameter:
    """Return what came of one parameter's values, nominal among them."""
    from rlx.studies.evidence.documents import ProbedParameter

    key = each.parameter.key
    found = {point.settings[key]: point for point in others if key in point.settings}
    found[each.nominal] = nominal.model_copy(update={"settings": {key: each.nominal}})
    points = [found[value] for value in each.values]
    passing = [bool(point.passes) for point in points]
    ranges = connected(each.values, passing, each.nominal)
    told = all(point.passes is not None for point in points)
    return ProbedParameter(
        parameter=key,
        nominal=each.nominal,
        scale=each.parameter.scale,
        points=tuple(points),
        safe=ranges.safe,
        first_failing_below=ranges.failing_below if told else None,
        first_failing_above=ranges.failing_above if told else None,
        gaps=ranges.gaps,
        errors=tuple(value for value, point in zip(each.values, points, strict=True) if point.failures),
    )
