"""Changes what its whole process shares: torch's default type and gradients, or the standard streams."""

import sys

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Silent:
    """A stream on which nothing can be written."""

    def write(self, text):
        raise RuntimeError("nothing can be written here")

    flush = write


class Settings(gym.Env):
    """Does `what` in every reset."""

    def __init__(self, render_mode=None, what=""):
        self.observation_space, self.action_space, self.what = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2), what

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        if self.what == "torch":
            import torch

            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
        elif self.what == "streams":
            sys.stdout = sys.stderr = Silent()
        return self.np_random.uniform(-1, 1, 1).astype(np.float32), {}

    def step(self, action):
        self.t += 1
        return self.np_random.uniform(-1, 1, 1).astype(np.float32), float(action), self.t >= 5, False, {}
