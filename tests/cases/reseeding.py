"""Seeds the global generators in `reset`, as many simulators do."""

import random

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Reseeding(gym.Env):
    """The return is what the actions add up to, so that equal noise shows as equal returns."""

    def __init__(self, render_mode=None, reseeds=True):
        self.observation_space, self.action_space = (
            spaces.Box(-1, 1, (1,), np.float32),
            spaces.Box(-1, 1, (1,), np.float32),
        )
        self.reseeds = reseeds

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        if self.reseeds:
            import torch

            np.random.seed(0)  # noqa: NPY002
            random.seed(0)
            torch.manual_seed(0)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(1, np.float32), float(action[0]), self.t >= 5, False, {}
