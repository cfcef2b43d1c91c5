"""Takes its time to be made, and keeps a book of its constructors."""

import time
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Costly(gym.Env):
    """Sleeps for so many `seconds` when it is made, and adds a line to `book` where there is one."""

    def __init__(self, render_mode=None, seconds=0.0, book=""):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2)
        time.sleep(seconds)
        if book:
            with Path(book).open("a", encoding="utf-8") as file:
                file.write("made\n")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(1, np.float32), float(action), self.t >= 5, False, {}
