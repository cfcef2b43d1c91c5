"""Schedules as Stable-Baselines3 takes them: callables of the share of training that remains, which its ``save`` pickles.

Stock ``load`` must work where rlx is not installed, so what can be is made of its own and NumPy's parts: a straight line is its
``LinearSchedule``, straight lines through points are ``numpy.interp``. Other shapes are :class:`ShapedSchedule` in training, and in
what is written for stock ``load`` straight lines through points on them (:func:`for_stock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from stable_baselines3.common.utils import FloatSchedule, LinearSchedule

from rlx.config import LINEAR, STEP, Schedule, Segment, value_at

POINTS = 257
"""On a curve, for stock ``load``."""
ABRUPT = 1e-9
"""Share of the training that a step takes there."""


@dataclass(frozen=True)
class ShapedSchedule:
    """A schedule of any shape; its content is plain tuples, so that equal ones are pickled to equal bytes."""

    segments: tuple[Segment, ...]

    def __call__(self, progress_remaining: float) -> float:
        """Return the value, given the share of training that remains."""
        return value_at(self.segments, 1 - progress_remaining)


def schedule(value: float | Schedule) -> Any:
    """Return a number or a schedule as Stable-Baselines3 takes it."""
    if not isinstance(value, Schedule):
        return value
    parts = value.segments
    if any(part.shape != LINEAR for part in parts):
        return ShapedSchedule(parts)
    if len(parts) == 1:
        return LinearSchedule(value.start, value.end, 1.0)
    return _through([(part.begin, part.first) for part in parts] + [(parts[-1].stop, parts[-1].last)])


def for_stock(value: Any) -> Any:
    """Return a schedule in a form that loads where rlx is not installed; what is no :class:`ShapedSchedule` is returned as it is.

    Curves become straight lines through :data:`POINTS` of them: from 1e-3 to 1e-5 that is within 4e-5 of the value.
    """
    if isinstance(value, FloatSchedule) and isinstance(value.value_schedule, ShapedSchedule):
        return FloatSchedule(for_stock(value.value_schedule))
    if not isinstance(value, ShapedSchedule):
        return value
    points: list[tuple[float, float]] = []
    for part in value.segments:
        curved = part.shape not in (LINEAR, STEP)
        shares = [float(share) for share in np.linspace(part.begin, part.stop, POINTS if curved else 2)]
        points += [(share, value_at((part,), share)) for share in shares[:-1]]
        if part.shape == STEP:
            points.append((part.stop - ABRUPT, part.first))
    return _through([*points, (value.segments[-1].stop, value.segments[-1].last)])


def _through(points: Sequence[tuple[float, float]]) -> Any:
    """Return straight lines through points (share of the training, value), in order."""
    backwards = [(1 - share, number) for share, number in reversed(points)]
    return partial(np.interp, xp=[share for share, _ in backwards], fp=[number for _, number in backwards])
