"""Actions of another size or place than the first policy's, a Gaussian of standard deviation 1 around 0."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class BigBox(gym.Env):
    """Pays most three quarters of the way from `low` to `high`."""

    def __init__(self, render_mode=None, low=-2000.0, high=2000.0):
        self.observation_space, self.action_space = (
            spaces.Box(-1, 1, (1,), np.float32),
            spaces.Box(low, high, (1,), np.float32),
        )
        self.low, self.span = low, high - low

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        place = (float(action[0]) - self.low) / self.span
        return np.zeros(1, np.float32), -abs(place - 0.75), False, self.t >= 20, {}
