"""Wrappers that break an environment in one known way."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np

Env = gym.Env[Any, Any]


class ScaledReward(gym.RewardWrapper[Any, Any]):
    """Rewards times a factor."""

    def __init__(self, env: Env, factor: float):
        super().__init__(env)
        self._factor = factor

    def reward(self, reward: Any) -> float:
        """Return the reward times the factor."""
        return float(reward) * self._factor


class OwnNormalizer(gym.ObservationWrapper[Any, Any, Any]):
    """Scales observations once it has seen enough of them; no checkpoint keeps what it saw, so evaluation begins anew."""

    def __init__(self, env: Env, warm_up: int = 3000):
        super().__init__(env)
        self._warm_up = warm_up
        shape = env.observation_space.shape
        assert shape is not None
        self.observation_space = gym.spaces.Box(-10.0, 10.0, shape, np.float32)
        self._count, self._mean, self._square = 0, np.zeros(shape), np.zeros(shape)

    def observation(self, observation: Any) -> Any:
        """Return the observation less the mean, over the standard deviation (Welford's running ones)."""
        self._count += 1
        before = observation - self._mean
        self._mean += before / self._count
        self._square += before * (observation - self._mean)
        if self._count < self._warm_up:
            return np.asarray(observation, dtype=np.float32)
        deviation = np.sqrt(self._square / self._count) + 1e-4
        return np.clip((observation - self._mean) / deviation, -10.0, 10.0).astype(np.float32)


class Blind(gym.ObservationWrapper[Any, Any, Any]):
    """Observations of nothing but zeros: nothing can be learned from them."""

    def observation(self, observation: Any) -> Any:
        """Return zeros."""
        return np.zeros_like(observation)


class Leaking(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps every observation it has seen and, like code that searches such a list, takes longer with each."""

    def __init__(self, env: Env, seconds_per_step: float = 1e-8):
        super().__init__(env)
        self._seen: list[Any] = []
        self._seconds = seconds_per_step

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step, later and later."""
        result = self.env.step(action)
        self._seen.append(result[0])
        until = time.perf_counter() + len(self._seen) * self._seconds
        while time.perf_counter() < until:
            pass
        return result
