"""Ignores `reset(seed)`: it draws from a generator of its own without a seed, or from NumPy's global one."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Unseeded(gym.Env):
    """The sign of what is seen says which action pays."""

    def __init__(self, render_mode=None, how="own"):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)
        self.rng = np.random.default_rng() if how == "own" else np.random

    def reset(self, *, seed=None, options=None):
        self.t = 0
        return self._seen(), {}

    def step(self, action):
        reward = float(action == (self.seen[0] > 0))
        self.t += 1
        return self._seen(), reward, self.t >= 20, False, {}

    def _seen(self):
        self.seen = self.rng.uniform(-1, 1, 2).astype(np.float32)
        return self.seen
