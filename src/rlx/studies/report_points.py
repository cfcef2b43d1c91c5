"""What the seeds of a start scored, seed by seed, failures included."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlx.studies.contracts.contract import Contract
from rlx.studies.failures import score_of_failure
from rlx.studies.ledger.state import Started, StudyState
from rlx.studies.report_facts import Point, Scores


def points_of(contract: Contract, state: StudyState, start: Started, metric: str) -> tuple[Point, ...]:
    """Return a point for each seed that an ended start was assigned.

    A seed that failed has what the contract says of the deciding metric, and of others what random actions score.
    """
    ended: Mapping[str, Any] = start.ended or {"scores": {}, "failures": {}, "random": {}}
    fallback = score_of_failure(contract, state, ended, metric)
    found = []
    for seed in start.seeds:
        value = ended["scores"].get(str(seed), {}).get(metric)
        failure = ended["failures"].get(str(seed))
        why = None if value is not None else _told(failure, metric)
        found.append(Point(seed, _number(fallback if value is None else value), why))
    return tuple(found)


def _told(failure: Mapping[str, Any] | None, metric: str) -> str:
    return f"has no {metric}" if failure is None else f"{failure.get('kind', 'failed')}: {failure.get('message', '')}"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def values_of(points: tuple[Point, ...]) -> dict[int, float] | None:
    """Return scores by seed; None where one is not known."""
    found = {point.seed: point.value for point in points if point.value is not None}
    return found if len(found) == len(points) and found else None


def mean_of(points: tuple[Point, ...]) -> float | None:
    """Return the mean over all seeds; None where one is not known."""
    values = values_of(points)
    return None if values is None else math.fsum(values.values()) / len(values)


def scores_facts(contract: Contract, state: StudyState, start: Started) -> Scores:
    """Return what the seeds of an ended start scored on the deciding metric."""
    points = points_of(contract, state, start, contract.metric.name)
    known = [point.value for point in points if point.value is not None]
    worst = min if contract.metric.direction == "maximize" else max
    return Scores(
        phase=start.phase,
        experiment=str(start.data["experiment"]),
        seq=start.seq,
        list=int(start.data["list"]),
        points=points,
        mean=mean_of(points),
        worst=worst(known) if known else None,
        failing=sum(point.failed is not None for point in points) / len(points),
    )


def screening_of(contract: Contract, state: StudyState, name: str) -> tuple[Scores, ...]:
    """Return what a candidate scored in screening: its trial, then its promotion."""
    starts = [state.ended_of(name, phase) for phase in ("trial", "promotion")]
    return tuple(scores_facts(contract, state, start) for start in starts if start is not None)


def steps_per_seed(contract: Contract, state: StudyState, name: str | None = None) -> int | None:
    """Return the environment steps of training a seed, by a candidate's cost or else by the floor; None where none tells."""
    costs = [state.candidates[name].cost] if name in state.candidates else []
    costs += [each.cost for each in state.candidates.values()]
    for cost in costs:
        if cost.get("trial"):
            return round(cost["trial"] / contract.screening.trial_seeds)
    pace = (state.floor or {}).get("pace") or {}
    return round(pace["steps"] / pace["seeds"]) if pace.get("steps") and pace.get("seeds") else None
