"""Whether ranges of randomisation lie where a probe showed that policies hold, and widen step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlx.stats import nearest, number
from rlx.studies.evidence.parameters import PREFIX

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import Probe

STEP = 0.5
"""By how much of its width a range may grow in one step."""
Ranges = Mapping[str, Sequence[float]]
"""Lowest and highest value by argument of the environment (``length``), as ``env.training.ranges`` has them."""


@dataclass(frozen=True)
class Within:
    """Whether a range lies where a probe's policies hold.

    Attributes:
        holds: Whether it does.
        why: Why not, in a sentence; where it does, in which range.
    """

    holds: bool
    why: str


def within(probe: Probe, parameter: str, low: float, high: float) -> Within:
    """Tell whether a range of a parameter lies inside a probe's safe range.

    Args:
        probe: The probe.
        parameter: ``gravity``, or ``env.kwargs.gravity``.
        low: Its lowest value.
        high: Its highest.
    """
    key = _key(parameter)
    if low > high:
        return Within(False, f"{key}: {number(low)} is above {number(high)}")
    if probe.design != "one":
        return Within(
            False, f"{key}: a probe that varies all parameters together shows no safe range; probe one at a time"
        )
    found = {each.parameter: each for each in probe.parameters}.get(key)
    if found is None:
        return Within(False, f"{key}: was not probed; {nearest(key, [each.parameter for each in probe.parameters])}")
    if probe.verdict != "holds" or found.safe is None:
        return Within(False, f"{key}: the probe shows no safe range. {probe.reason}")
    safe_low, safe_high = found.safe
    told = f"the probe's policies hold from {number(safe_low)} to {number(safe_high)}"
    if low < safe_low or high > safe_high:
        return Within(False, f"{key}: {number(low)} to {number(high)} is not inside the safe range: {told}")
    return Within(True, f"{key}: {told}")


def check_ranges(ranges: Ranges, incumbent_ranges: Ranges, probe: Probe) -> list[str]:
    """Return why ranges of randomisation may not be tried after those of the incumbent; empty where they may.

    Each lies inside the probe's safe range, and reaches beyond the incumbent's by at most half of its width, both ends
    together. Where the incumbent does not vary a parameter there is no width to grow by: the first range may be half as wide
    as the safe one, and holds the value of the task.
    """
    problems = []
    known = {_key(name): tuple(ends) for name, ends in incumbent_ranges.items()}
    for name, ends in ranges.items():
        key = _key(name)
        if len(ends) != 2:
            problems.append(f"{key}: a range has two ends, lowest and highest")
            continue
        low, high = float(ends[0]), float(ends[1])
        found = within(probe, key, low, high)
        if not found.holds:
            problems.append(found.why)
            continue
        before = known.get(key)
        told = _too_wide(key, low, high, before) if before else _too_wide_at_first(key, low, high, probe)
        problems += [told] if told else []
    return problems


def _too_wide(key: str, low: float, high: float, before: Sequence[float]) -> str:
    old_low, old_high = float(before[0]), float(before[1])
    grown, most = max(0.0, old_low - low) + max(0.0, high - old_high), STEP * (old_high - old_low)
    if grown <= most * (1 + 1e-9):
        return ""
    return (
        f"{key}: {number(low)} to {number(high)} reaches {number(grown)} beyond the incumbent's {number(old_low)} to "
        f"{number(old_high)}, and a step may widen it by at most half of its width, {number(most)}"
    )


def _too_wide_at_first(key: str, low: float, high: float, probe: Probe) -> str:
    found = next(each for each in probe.parameters if each.parameter == key)
    assert found.safe is not None
    most = STEP * (found.safe[1] - found.safe[0])
    if not low <= found.nominal <= high:
        return f"{key}: the first range holds the value of the task, {number(found.nominal)}"
    if high - low <= most * (1 + 1e-9):
        return ""
    return (
        f"{key}: {number(low)} to {number(high)} is a first range, and may be at most half as wide as the safe one: "
        f"{number(most)}"
    )


def _key(parameter: str) -> str:
    return parameter if parameter.startswith(PREFIX) else PREFIX + parameter
