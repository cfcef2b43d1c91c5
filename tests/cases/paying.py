"""Pays the same each step, as its arguments say, in two parts or without a word about them."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Paying(gym.Env):
    """Pays `pay` in each of `steps` steps; `size` is that of an observation, `level` a file to read."""

    def __init__(self, render_mode=None, pay=1.0, steps=5, size=1, parts=False, level=None):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (size,), np.float32), spaces.Discrete(2)
        self.pay, self.steps, self.parts = pay, steps, parts
        if level is not None:
            with open(level, encoding="utf-8") as file:
                self.pay = float(file.read())

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.np_random.uniform(-1, 1, self.observation_space.shape).astype(np.float32), {}

    def step(self, action):
        self.t += 1
        info = {"reward_forward": self.pay + 1.0, "reward_ctrl": -1.0} if self.parts else {}
        return np.zeros(self.observation_space.shape, np.float32), self.pay, self.t >= self.steps, False, info
