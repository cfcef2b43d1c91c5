"""A Discrete part of a Dict that counts from 2: which of its values is seen says which action pays."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class DictStart(gym.Env):
    """`nested` puts the observation into another Dict."""

    def __init__(self, render_mode=None, nested=False):
        seen = spaces.Dict({"level": spaces.Discrete(3, start=2), "x": spaces.Box(-1, 1, (2,), np.float32)})
        self.observation_space = spaces.Dict({"outer": seen}) if nested else seen
        self.action_space, self.nested = spaces.Discrete(3), nested

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._seen(), {}

    def step(self, action):
        reward = float(action == self.level - 2)
        self.t += 1
        return self._seen(), reward, self.t >= 20, False, {}

    def _seen(self):
        self.level = int(self.np_random.integers(2, 5))
        seen = {"level": np.int64(self.level), "x": self.np_random.uniform(-1, 1, 2).astype(np.float32)}
        return {"outer": seen} if self.nested else seen
