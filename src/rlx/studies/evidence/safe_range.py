"""From what policies score at the values of a parameter to the range in which they hold: pure numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlx import stats

LEVEL = 0.95
Number = int | float


@dataclass(frozen=True)
class SafeRange:
    """Where policies hold.

    Attributes:
        safe: Smallest and largest of the connected passing values around nominal; None where nominal does not pass.
        failing_below: The largest value below them, which does not pass; None where they reach the smallest value tried.
        failing_above: The smallest value above them likewise.
        gaps: Values that pass beyond one that does not.
    """

    safe: tuple[Number, Number] | None
    failing_below: Number | None
    failing_above: Number | None
    gaps: tuple[Number, ...]


def lower_bound(returns: Mapping[int, float]) -> float | None:
    """Return the one-sided lower 95 % bound of the mean over seeds (Student's t); None below two seeds."""
    if len(returns) < 2:
        return None
    found = stats.mean_with_interval(np.array([returns[seed] for seed in sorted(returns)]), 2 * LEVEL - 1)
    return None if found.interval is None else float(found.interval.low)


def reaches(bound: float, threshold: float) -> bool:
    """Tell whether a bound reaches a threshold, but for rounding."""
    return bound >= threshold or math.isclose(bound, threshold, rel_tol=1e-12)


def connected(values: Sequence[Number], passing: Sequence[bool], nominal: Number) -> SafeRange:
    """Return the connected values around nominal that pass; a value beyond one that fails is no part of them.

    Args:
        values: Increasing, nominal among them.
        passing: Whether each passes.
        nominal: The value in the task.
    """
    at = list(values).index(nominal)
    if not passing[at]:
        below = next((values[i] for i in range(at - 1, -1, -1) if not passing[i]), None)
        above = next((values[i] for i in range(at + 1, len(values)) if not passing[i]), None)
        return SafeRange(None, below, above, tuple(v for v, good in zip(values, passing, strict=True) if good))
    first = at
    while first > 0 and passing[first - 1]:
        first -= 1
    last = at
    while last < len(values) - 1 and passing[last + 1]:
        last += 1
    return SafeRange(
        (values[first], values[last]),
        values[first - 1] if first > 0 else None,
        values[last + 1] if last < len(values) - 1 else None,
        tuple(v for i, (v, good) in enumerate(zip(values, passing, strict=True)) if good and not first <= i <= last),
    )
