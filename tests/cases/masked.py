"""Environments that tell which actions are allowed, and raise at any other."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ACTIONS = {
    "discrete": spaces.Discrete(5),
    "discrete from 3": spaces.Discrete(5, start=3),
    "multidiscrete": spaces.MultiDiscrete([2, 4, 3]),
    "multidiscrete grid": spaces.MultiDiscrete([[2, 4], [3, 2]]),
    "multibinary": spaces.MultiBinary(4),
    "box": spaces.Box(-1, 1, (2,), np.float32),
}
PARTS = {"discrete": [5], "discrete from 3": [5], "multidiscrete": [2, 4, 3], "multidiscrete grid": [2, 4, 3, 2]}
SEEN = {
    "vector": spaces.Box(0, 1, (3,), np.float32),
    "image": spaces.Box(0, 255, (36, 36, 1), np.uint8),
    "dict": spaces.Dict({"place": spaces.Box(0, 1, (3,), np.float32)}),
}


class Masked(gym.Env):
    """At each step about half of the choices of each part are allowed, drawn anew; every allowed action pays 1.

    `wrong` says what it tells from its second step on instead of masks; with `none` it tells nothing, and takes everything.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, render_mode=None, action="discrete", seen="vector", wrong="", length=7):
        self.render_mode, self.kind, self.wrong, self.length = render_mode, action, wrong, length
        self.action_space, self.observation_space = ACTIONS[action], SEEN[seen]
        self.parts = PARTS.get(action, [2] * 4)
        if wrong == "none":
            self.action_masks = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._next(), {}

    def _next(self):
        drawn = [self.np_random.random(count) < 0.5 for count in self.parts]
        for part in drawn:
            part[self.np_random.integers(len(part))] = True
        self.mask = np.concatenate(drawn)
        if isinstance(self.observation_space, spaces.Dict):
            return {"place": self.np_random.random(3).astype(np.float32)}
        if self.observation_space.dtype == np.uint8:
            return self.np_random.integers(0, 256, (36, 36, 1)).astype(np.uint8)
        return self.np_random.random(3).astype(np.float32)

    def step(self, action):
        chosen = np.ravel(action).astype(int)
        if self.kind == "discrete from 3":
            chosen = chosen - 3
        if self.kind != "box" and self.wrong != "none":
            for part, choice in zip(np.split(self.mask, np.cumsum(self.parts)[:-1]), chosen, strict=True):
                assert part[choice], f"illegal: {action} under {self.mask}"
        self.t += 1
        return self._next(), 1.0, self.t >= self.length, False, {}

    def action_masks(self):
        if self.t >= 2 and self.wrong == "width":
            return [True, False]
        if self.t >= 2 and self.wrong == "nothing":
            return np.zeros(len(self.mask), bool)
        if self.t >= 2 and self.wrong == "numbers":
            return np.full(len(self.mask), 2)
        return self.mask  # the same array is overwritten by none, but whoever keeps it should not have to know

    def render(self):
        return np.full((64, 64, 3), 30 * self.t, np.uint8)
