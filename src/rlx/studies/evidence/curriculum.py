"""Whether a curriculum of generated environments rests on what a probe measured."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlx.stats import brief, listed, nearest
from rlx.studies.evidence.files import canonical_json
from rlx.studies.evidence.parameters import PREFIX

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import Curriculum, CurriculumCase, Probe, ProbePoint

LEARNABLE = (0.1, 0.9)
"""The incumbent's success between which a case teaches something: below it, it finds nothing; above, it knows."""
CLOSE = 1e-6
"""How far a success rate may be from the probe's, for having been written down."""
Stages = Sequence[Mapping[str, Any]]
"""``env.training.stages``: each has ``kwargs``, or a ``mixture`` of entries that have."""


def check_curriculum(stages: Stages, record: Curriculum, probe: Probe, task_hash: str | None = None) -> list[str]:
    """Return in what a curriculum does not rest on its record, or the record not on its probe; empty where it does.

    Args:
        stages: What is to be trained, in order.
        record: The evidence for it.
        probe: The probe that the record names.
        task_hash: Hash of the task that the study measures; None: not compared.
    """
    return [
        *_origin(record, probe, task_hash),
        *_cases(record, probe),
        *_bridge(record),
        *_diversity(record, probe),
        *_stages(stages, record),
    ]


def is_learnable(success: float) -> bool:
    """Tell whether a case teaches something: the incumbent succeeds in 10 to 90 % of its episodes."""
    return LEARNABLE[0] <= success <= LEARNABLE[1]


def _origin(record: Curriculum, probe: Probe, task_hash: str | None) -> Iterator[str]:
    if record.probe != hashlib.sha256(canonical_json(probe)).hexdigest():
        yield f"the record names another probe ({record.probe[:12]}…) than this one"
    if (record.run, record.snapshot) != (probe.run, probe.snapshot):
        yield f"the record is of {brief(record.run)}, and its probe of {brief(probe.run)}, or of another configuration of it"
    if task_hash is not None and record.task_hash != task_hash:
        yield "the record's task_hash is not that of the study's task: held-out episodes stay on the task, whatever is generated"
    if record.rollback.to != "previous" and record.rollback.to not in {case.name for case in record.cases}:
        yield f"rollback.to names {brief(record.rollback.to)}, which is neither `previous` nor a case"


def _cases(record: Curriculum, probe: Probe) -> Iterator[str]:
    """Yield cases whose success is not what the probe measured."""
    names = [case.name for case in record.cases]
    if len(set(names)) < len(names):
        yield "two cases have one name"
    if not any(not case.kwargs for case in record.cases):
        yield "no case is the task itself (`kwargs: {}`)"
    for case in record.cases:
        point = _point(case, probe)
        if point is None:
            yield f"case {brief(case.name)}: the probe has no point with {brief(case.kwargs)}, so nothing is known of it"
        elif not point.success:
            yield f"case {brief(case.name)}: the environment reported no success there, so it cannot be called learnable"
        else:
            measured = math.fsum(point.success.values()) / len(point.success)
            if point.failures or not math.isclose(measured, case.success, abs_tol=CLOSE):
                told = "could not be played with every seed" if point.failures else f"measured {100 * measured:.1f} %"
                yield f"case {brief(case.name)}: says {100 * case.success:.1f} % success, and the probe {told}"


def _bridge(record: Curriculum) -> Iterator[str]:
    """Yield what is wrong with the way from learnable cases by those that the incumbent fails to the task itself."""
    cases = {case.name: case for case in record.cases}
    for name in record.bridge:
        if name not in cases:
            yield f"the bridge names {brief(name)}, which is no case; {nearest(name, cases)}"
    way = [cases[name] for name in record.bridge if name in cases]
    if way and way[-1].kwargs:
        yield f"the bridge ends at {brief(way[-1].name)}, not at the task itself"
    inner = [case for case in way if case.kwargs]
    if not any(is_learnable(case.success) for case in inner):
        yield "the bridge has no learnable case (10 to 90 % success) before the task itself"
    learnable = False
    for case in inner:
        learnable |= is_learnable(case.success)
        if case.success > LEARNABLE[1]:
            yield f"case {brief(case.name)}: the incumbent succeeds in {100 * case.success:.0f} %, so it teaches nothing"
        elif case.success < LEARNABLE[0] and not learnable:
            yield f"case {brief(case.name)}: the incumbent succeeds in {100 * case.success:.0f} %, and no learnable case leads to it"


def _diversity(record: Curriculum, probe: Probe) -> Iterator[str]:
    """Yield parameters that are generated without a bound, beyond it, or whose bound is wider than what was probed."""
    tried: dict[str, list[float]] = {}
    for point in _points(probe):
        for key, value in point.settings.items():
            tried.setdefault(key, []).append(value)
    for case in record.cases:
        for key, value in _flat(case.kwargs).items():
            bound = record.diversity.get(key.removeprefix(PREFIX))
            if bound is None:
                yield f"case {brief(case.name)}: diversity has no bound for {key}"
            elif isinstance(value, bool) or not isinstance(value, int | float) or not bound.low <= value <= bound.high:
                yield f"case {brief(case.name)}: {key} = {brief(value)} is not between {bound.low} and {bound.high}"
    for name, bound in record.diversity.items():
        values = tried.get(PREFIX + name)
        if values is None:
            yield f"diversity.{name}: was not probed; {nearest(name, [key.removeprefix(PREFIX) for key in tried])}"
        elif bound.low > bound.high or bound.low < min(values) or bound.high > max(values):
            yield (
                f"diversity.{name}: {bound.low} to {bound.high} is not inside what was probed, {min(values)} to {max(values)}"
            )


def _stages(stages: Stages, record: Curriculum) -> Iterator[str]:
    """Yield what is trained without being in the record, or out of its order."""
    names = [(_flat(case.kwargs), case.name) for case in record.cases]
    trained: list[str] = []
    for number, stage in enumerate(stages, 1):
        for kwargs in _kwargs_of(stage):
            name = next((name for known, name in names if known == _flat(kwargs)), None)
            if name is None:
                yield f"stage {number}: {brief(kwargs)} is no case of the record"
            else:
                trained.append(name)
    if not stages or {} not in [dict(kwargs) for kwargs in _kwargs_of(stages[-1])]:
        yield "the last stage does not hold the task itself (`kwargs: {}`)"
    order = {name: place for place, name in enumerate(record.bridge)}
    if missing := [name for name in dict.fromkeys(trained) if name not in order]:
        yield f"stages train {listed(missing)}, which the bridge does not pass"
    first = [order[name] for name in dict.fromkeys(trained) if name in order]
    if first != sorted(first):
        yield "the stages are not in the order of the bridge"


def _kwargs_of(stage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = stage.get("mixture") or [stage]
    return [entry.get("kwargs") or {} for entry in entries]


def _points(probe: Probe) -> Iterator[ProbePoint]:
    yield probe.nominal
    for each in probe.parameters:
        yield from each.points
    yield from probe.joint


def _point(case: CurriculumCase, probe: Probe) -> ProbePoint | None:
    """Return the point of the probe that a case is; the task itself is nominal."""
    wanted = _flat(case.kwargs)
    return next((point for point in _points(probe) if dict(point.settings) == wanted), None)


def _flat(kwargs: Mapping[str, Any], prefix: str = PREFIX) -> dict[str, Any]:
    """Return arguments by their keys, those of mappings inside too: ``env.kwargs.pole.length``."""
    found: dict[str, Any] = {}
    for name, value in kwargs.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
