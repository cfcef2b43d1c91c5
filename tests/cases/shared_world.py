"""Copies that share a module-level simulator, as wrappers around C libraries do."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

WORLD = {"place": 0, "t": 0}


class SharedWorld(gym.Env):
    """A walk that ends far from where it began; without `shared`, every copy has a world of its own."""

    def __init__(self, render_mode=None, shared=True):
        self.observation_space, self.action_space = spaces.Box(-99, 99, (1,), np.float32), spaces.Discrete(2)
        self.world = WORLD if shared else dict(WORLD)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.world |= {"place": int(self.np_random.integers(-3, 4)), "t": 0}
        return self._seen(), {}

    def step(self, action):
        self.world["place"] += 2 * int(action) - 1
        self.world["t"] += 1
        return self._seen(), float(self.world["place"]), self.world["t"] >= 10, False, {}

    def _seen(self):
        return np.array([self.world["place"]], np.float32)


class LastReset(SharedWorld):
    """Pays only in the copy that was reset last."""

    last = None

    def __init__(self, render_mode=None):
        super().__init__(shared=False)

    def reset(self, *, seed=None, options=None):
        LastReset.last = self
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward if LastReset.last is self else 0.0, *rest
