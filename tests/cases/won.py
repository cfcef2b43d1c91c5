"""Says `is_success` in one of many ways, perhaps only when the episode was won."""

import threading

import gymnasium as gym
import numpy as np
from gymnasium import spaces



class Mute:
    """Shows nothing of itself."""

    def __repr__(self):
        raise RuntimeError("not even this")

    __float__ = __repr__


SAID = {
    "only when won": lambda won: {"is_success": True} if won else {},
    "boolean": lambda won: {"is_success": bool(won)},
    "numpy": lambda won: {"is_success": np.bool_(won)},
    "number": lambda won: {"success": float(won)},
    "array": lambda won: {"is_success": np.array([won], np.float32)},
    "nothing": lambda won: {"is_success": None},
    "text": lambda won: {"is_success": "yes" if won else "no"},
    "object": lambda _: {"is_success": object()},
    "mute": lambda _: {"is_success": Mute()},
    "two": lambda won: {"success": np.array([won, won])},
}


class Won(gym.Env):
    """A coin decides after four steps whether the episode is won."""

    def __init__(self, render_mode=None, said="boolean"):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2)
        self.said = SAID[said]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.won = 0, bool(self.np_random.integers(2))
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        over = self.t >= 4
        info = {"engine": threading.Lock(), **(self.said(self.won) if over else {})}  # as handles of simulators, no copies of it
        return np.zeros(1, np.float32), float(over and self.won), over, False, info
