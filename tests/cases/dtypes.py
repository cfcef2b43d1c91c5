"""Returns other kinds of observations, rewards and flags than it declares: float32 in [0, 1]."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

OBSERVATIONS = {
    "float32": lambda x: x.astype(np.float32),
    "float64": lambda x: x,
    "list": list,
    "int": lambda x: (x > 0.5).astype(int),
    "beyond": lambda x: 2 * x + 0.5,
    "row": lambda x: x.reshape(1, 3),
    "number": lambda x: x[0],
    "longer": lambda x: np.r_[x, 0.0],
    "none": lambda _: None,
    "text": lambda _: "abc",
    "objects": lambda x: np.array([None, *x[1:]], dtype=object),
    "complex": lambda x: x + 1j,
    "ragged": lambda x: [x, [1.0]],
    "nan": lambda x: x * np.nan,
}
REWARDS = {
    "float": float,
    "huge": lambda r: 1e308 * r,
    "float32": np.float32,
    "array0": np.array,
    "array1": lambda r: np.array([r]),
    "bool": bool,
    "none": lambda _: None,
    "text": str,
    "two": lambda r: np.array([r, r]),
    "complex": complex,
    "nan": lambda _: float("nan"),
}
STEPS = {
    "five": lambda *found: found,
    "four": lambda observation, reward, over, _, info: (observation, reward, over, info),
    "list": lambda *found: (*found[:4], [found[4]]),
}
FLAGS = {"bool": np.bool_, "int": int, "array1": lambda over: np.array([over]), "none": lambda _: None, "text": str}


class Dtype(gym.Env):
    """`late` keeps to what is declared for so many steps."""

    def __init__(self, render_mode=None, obs="float32", reward="float", flag="bool", values="five", late=0):
        self.observation_space, self.action_space = spaces.Box(0, 1, (3,), np.float32), spaces.Discrete(2)
        self.late, self.steps = late, 0
        self.returned = STEPS[values]
        self.shown, self.paid, self.over = OBSERVATIONS[obs], REWARDS[reward], FLAGS[flag]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._seen(), {}

    def step(self, action):
        reward = float(action == (self.x[0] > 0.5))
        self.t += 1
        self.steps += 1
        paid, over = (self.paid, self.over) if self.steps >= self.late else (float, bool)
        returned = self.returned if self.steps >= self.late else STEPS["five"]
        return returned(self._seen(), paid(reward), over(self.t >= 20), False, {})

    def _seen(self):
        self.x = self.np_random.uniform(0, 1, 3)
        shown = self.shown if self.steps >= self.late else OBSERVATIONS["float32"]
        return shown(self.x)
