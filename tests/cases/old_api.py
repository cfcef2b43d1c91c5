"""The interface of old Gym on a `gymnasium.Env`: `reset` without seed or info, `step` with four values, or `render(mode)`."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Old(gym.Env):
    """What all of them have."""

    def __init__(self, render_mode=None):
        self.observation_space, self.action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(2)
        self.t = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(1, np.float32), float(action), self.t >= 20, False, {}


class OldApi(Old):
    """`reset() -> observation`, `step(action) -> observation, reward, done, info`."""

    def reset(self):
        return super().reset()[0]

    def step(self, action):
        observation, reward, done, _, info = super().step(action)
        return observation, reward, done, info


class OldReset(Old):
    """`reset(seed) -> observation`."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(Old):
    """`step(action)` with four values."""

    def step(self, action):
        observation, reward, done, _, info = super().step(action)
        return observation, reward, done, info


class OldRender(Old):
    """`render(mode)`."""

    def render(self, mode):
        return np.zeros((8, 8, 3), np.uint8)
