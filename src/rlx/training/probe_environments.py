"""Tiny environments, one for each pair of kinds of observations and actions: what an algorithm is checked in.

Each shows one of four goals and rewards the action that belongs to it; an episode ends after 4 to 12 steps, of its own or by a
time limit of its own, so that a learner meets both ends often. Registered for Gymnasium when this module is imported
(``rlx.training.probe_environments:probe-vector-discrete-v0``).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

GOALS, SIDE = 4, 36
SEEN: dict[str, spaces.Space[Any]] = {
    "vector": spaces.Box(-2.0, 2.0, (GOALS,), np.float32),
    "image": spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8),
    "dict": spaces.Dict({"arm": spaces.Box(-2.0, 2.0, (3,), np.float32), "mode": spaces.Discrete(GOALS)}),
    "discrete": spaces.Discrete(GOALS),
}
"""By kind of observations, what is shown."""
TAKEN: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(GOALS),
    "continuous": spaces.Box(-1.0, 1.0, (2,), np.float32),
    "multi": spaces.MultiDiscrete([GOALS, 2]),
}
"""By kind of actions, what is taken."""


def probe_id(seen: str, taken: str) -> str:
    """Return the id of the environment of two kinds, as ``env.id`` says it."""
    return f"{__name__}:probe-{seen}-{taken}-v0"


class Probe(gym.Env[Any, Any]):
    """See the module."""

    def __init__(self, seen: str, taken: str):
        self.observation_space, self.action_space = deepcopy(SEEN[seen]), deepcopy(TAKEN[taken])  # each draws by itself
        self._seen, self._taken, self._goal, self._left, self._own = seen, taken, 0, 0, True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        self._left, self._own = int(self.np_random.integers(4, 13)), bool(self.np_random.integers(2))
        return self._shown(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Reward the action that belongs to the goal; show another."""
        first = float(np.asarray(action, np.float64).reshape(-1)[0])
        if self._taken == "continuous":
            reward = -abs(first - (2 * self._goal / (GOALS - 1) - 1))
        else:
            reward = float(first == self._goal)
        self._left -= 1
        ended = self._left <= 0
        return self._shown(), reward, ended and self._own, ended and not self._own, {}

    def _shown(self) -> Any:
        self._goal = int(self.np_random.integers(GOALS))
        noise = self.np_random.normal(0, 0.1, 3).clip(-1, 1).astype(np.float32)
        if self._seen == "discrete":
            return self._goal
        if self._seen == "dict":
            return {"arm": noise, "mode": self._goal}
        if self._seen == "image":
            return np.full((SIDE, SIDE, 3), 60 * self._goal + self.np_random.integers(20), np.uint8)
        shown: Any = np.eye(GOALS, dtype=np.float32)[self._goal]
        return np.append(shown[:1] + noise[:1], shown[1:])


for _seen in SEEN:
    for _taken in TAKEN:
        gym.register(
            f"probe-{_seen}-{_taken}-v0", entry_point=f"{__name__}:Probe", kwargs={"seen": _seen, "taken": _taken}
        )
