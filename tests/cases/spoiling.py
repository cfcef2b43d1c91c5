"""Wrappers that break what an environment promises."""

import gymnasium as gym
import numpy as np


class Longer(gym.ObservationWrapper):
    """Returns more than its space holds."""

    def observation(self, observation):
        return np.append(observation, 0.0)


class Breaking(gym.Wrapper):
    """Fails in its first step."""

    def step(self, action):
        raise ValueError(f"the wrapper {self!r} broke")


class Spaceless(gym.Wrapper):
    """Has something else for a space."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = "Box"
