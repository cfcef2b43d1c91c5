"""Schedules as Stable-Baselines3 takes them: callables of the share of training that remains, which its ``save`` pickles.

Stock ``load`` must work where rlx is not installed, so what can be is made of its own and NumPy's parts: a straight line is its
``LinearSchedule``, straight lines through points are ``numpy.interp``. Other shapes are :class:`ShapedSchedule`, which takes rlx.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from stable_baselines3.common.utils import LinearSchedule

from rlx.config import LINEAR, Schedule, Segment, value_at


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
    points = [(1 - parts[-1].stop, parts[-1].last), *((1 - part.begin, part.first) for part in reversed(parts))]
    return partial(np.interp, xp=[share for share, _ in points], fp=[number for _, number in points])
