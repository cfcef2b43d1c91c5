"""Pays for one of four actions, as far as its arguments let it: with a hole in the middle, refusals, crashes and hangs."""

import os
import time

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Hole(gym.Env):
    """Four steps; action 2 pays 1 where the width allows, action 1 a tenth of it."""

    def __init__(self, render_mode=None, width: float = 1.0, level: int = 2, name="a"):
        if width > 2.5:
            raise ValueError(f"a width of {width} does not fit")
        if level == 4:
            os._exit(3)
        self.observation_space, self.action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(4)
        self.pays = 1.0 if 0.5 <= width <= 1.2 or width > 1.6 else 0.3
        self.level = level

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.total = 0, 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        if self.level == 5:
            time.sleep(60)
        reward = self.pays * {2: 1.0, 1: 0.1}.get(int(action), 0.0)
        self.t, self.total = self.t + 1, self.total + reward
        over = self.t >= 4
        info = {"reward_right": reward, "is_success": self.total > 2} if over else {"reward_right": reward}
        return np.zeros(1, np.float32), reward, over, False, info
