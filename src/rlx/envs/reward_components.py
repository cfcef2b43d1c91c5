"""The parts of a reward that an environment puts into ``info`` (``reward_forward``, ``reward_ctrl``), per episode."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from rlx.config import is_component

PREFIX = "reward_"
"""What keys of ``info`` that hold a part of the reward start with, as in Gymnasium's MuJoCo environments."""
MOST = 32
"""Components that are followed; an environment has a handful."""
_MOST_LAYOUTS = 64
_NAMED_TOTAL = re.compile(r"(^|_)(total|sum|cum\w*|acc\w*|running|so_far|episode|episodic|return)(_|$)")
_CLOSE = 1e-5
"""Relative difference below which a growth is the step's reward: rewards may have been float32 in between."""

Keys = tuple[tuple[str, str, bool], ...]


class _Part:
    """What one part of the reward was in one episode so far: its sum, and whether its values are running totals already.

    Some environments report a part accumulated over the episode; adding that up again would be wrong. A value is such a
    total where it grows by the step's reward at every step, or where its name says so and it moves as a total does: it
    starts at zero, and its steps are small beside it. A part's value at each step, noisy or constant, does neither.
    """

    __slots__ = ("grows_by_reward", "last", "lengths", "named", "path", "size", "start", "steps", "total")

    def __init__(self, *, named: bool):
        self.named, self.grows_by_reward = named, True
        self.total = self.last = self.start = self.path = self.size = self.lengths = 0.0
        self.steps = 0

    def add(self, value: float, reward: float | None) -> None:
        """Take in a step's value, and the step's reward."""
        growth = value - self.last
        if self.grows_by_reward:
            self.grows_by_reward = reward is not None and abs(growth - reward) <= _CLOSE * (abs(value) + abs(reward))
        if self.named:
            if self.steps:
                self.path += abs(growth)
                self.lengths = max(self.lengths, abs(growth))
            else:
                self.start = abs(value)
            self.size += abs(value)
        self.total += value
        self.last = value
        self.steps += 1

    def over_the_episode(self) -> float:
        """Return the part of the episode's return."""
        moves_as_total = self.steps > 2 and self.path < 0.6 * self.size and self.start <= 1.5 * self.lengths
        return self.last if self.grows_by_reward or (self.named and moves_as_total) else self.total


class ComponentSums:
    """Adds up the parts of the reward over each copy's running episode, and keeps the sums of those that ended.

    A part that an environment reports as a running total counts with its last value. Which parts there are is found out anew after every :meth:`forget`, so that a resumed training finds the same.
    Looking at an ``info`` costs one look-up of its keys, whatever is in it; an empty one costs nothing.
    """

    def __init__(self, copies: int):
        self._running: list[dict[str, _Part]] = [{} for _ in range(copies)]
        self._layouts: dict[tuple[Any, ...], Keys] = {}
        self._names: dict[str, None] = {}
        self.forget()

    def forget(self) -> None:
        """Forget everything: new episodes begin everywhere."""
        for sums in self._running:
            sums.clear()
        self._layouts.clear()
        self._names.clear()
        self._ended: dict[str, float] = {}
        self._episodes = 0

    def add(self, copy: int, info: Mapping[str, Any], reward: float | None = None) -> None:
        """Take in the ``info`` of one step of one copy, and that step's reward as far as it is known."""
        layout = tuple(info)
        keys = self._layouts.get(layout)
        if keys is None:
            keys = self._learn(layout)
        for key, name, named in keys:
            value = info[key]
            if type(value) is not float:
                value = number_in(value)
            if value is not None and math.isfinite(value):
                parts = self._running[copy]
                if name not in parts:
                    parts[name] = _Part(named=named)
                parts[name].add(value, reward)

    def end(self, copy: int) -> dict[str, float]:
        """Take note that a copy's episode has ended; returns each part of its return, as far as it was told."""
        parts = {name: part.over_the_episode() for name, part in self._running[copy].items()}
        for name, value in parts.items():
            self._ended[name] = self._ended.get(name, 0.0) + value
        self._running[copy].clear()
        self._episodes += 1
        return parts

    def take(self) -> dict[str, float]:
        """Return each part's mean over the episodes that ended since the last call, and forget those episodes.

        An episode without a part that others had before counts as 0; sums beyond floating point are left out.
        """
        ended, episodes = self._ended, self._episodes
        self._ended, self._episodes = dict.fromkeys(ended, 0.0), 0
        if not episodes:
            return {}
        return {name: total / episodes for name, total in sorted(ended.items()) if math.isfinite(total)}

    def _learn(self, layout: tuple[Any, ...]) -> Keys:
        """Find the parts of the reward among the keys of an ``info``, and remember them."""
        keys = []
        for key in layout:
            if not (isinstance(key, str) and key.startswith(PREFIX) and is_component("reward/" + key[len(PREFIX) :])):
                continue
            if key in self._names or len(self._names) < MOST:
                self._names[key] = None
                keys.append((key, key[len(PREFIX) :], _NAMED_TOTAL.search(key[len(PREFIX) :]) is not None))
        if len(self._layouts) >= _MOST_LAYOUTS:  # keys that change with every step
            self._layouts.clear()
        self._layouts[layout] = tuple(keys)
        return self._layouts[layout]


def number_in(value: Any) -> float | None:
    """Return a number, or an array of one number, as a float; None for anything else."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    if isinstance(value, bool) or not isinstance(value, float | Real):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return None
