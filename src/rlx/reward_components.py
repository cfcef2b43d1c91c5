"""The parts of a reward that an environment puts into ``info`` (``reward_forward``, ``reward_ctrl``), per episode."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from rlx.metrics import is_component

PREFIX = "reward_"
"""What keys of ``info`` that hold a part of the reward start with, as in Gymnasium's MuJoCo environments."""
MOST = 32
"""Components that are followed; an environment has a handful."""
_MOST_LAYOUTS = 64

Keys = tuple[tuple[str, str], ...]


class ComponentSums:
    """Adds up the parts of the reward over each copy's running episode, and keeps the sums of those that ended.

    Which parts there are is found out anew after every :meth:`forget`, so that a resumed training finds the same.
    Looking at an ``info`` costs one look-up of its keys, whatever is in it; an empty one costs nothing.
    """

    def __init__(self, copies: int):
        self._running: list[dict[str, float]] = [{} for _ in range(copies)]
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

    def add(self, copy: int, info: Mapping[str, Any]) -> None:
        """Take in the ``info`` of one step of one copy."""
        layout = tuple(info)
        keys = self._layouts.get(layout)
        if keys is None:
            keys = self._learn(layout)
        for key, name in keys:
            value = info[key]
            if type(value) is not float:
                value = number_in(value)
            if value is not None and math.isfinite(value):
                sums = self._running[copy]
                sums[name] = sums.get(name, 0.0) + value

    def end(self, copy: int) -> None:
        """Take note that a copy's episode has ended."""
        for name, total in self._running[copy].items():
            self._ended[name] = self._ended.get(name, 0.0) + total
        self._running[copy].clear()
        self._episodes += 1

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
                keys.append((key, key[len(PREFIX) :]))
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
