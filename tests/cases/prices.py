"""Reads a file, by itself or because an argument names it."""

from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Prices(gym.Env):
    """Pays each step's price."""

    def __init__(self, render_mode=None, path="data/prices.csv"):
        self.observation_space, self.action_space = spaces.Box(-np.inf, np.inf, (1,), np.float32), spaces.Discrete(2)
        files = sorted(Path(path).glob("*.csv")) if Path(path).is_dir() else [Path(path)]
        self.prices = [float(price) for file in files for price in file.read_text().split()]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        price = self.prices[self.t]
        self.t += 1
        return np.array([price], np.float32), price * float(action), self.t == len(self.prices), False, {}
