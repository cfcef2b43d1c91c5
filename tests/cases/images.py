"""An image whose bright half says which action is right."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Image(gym.Env):
    """Channels first or last (`layout`), bytes or real numbers in 0..1 (`kind`); without channels where there are none."""

    def __init__(self, render_mode=None, layout="chw", size=40, channels=1, kind="uint8"):
        self.layout, self.size, self.kind, self.channels = layout, size, kind, channels
        shape = (channels, size, size) if layout == "chw" else (size, size, channels)
        high, dtype = (255, np.uint8) if kind == "uint8" else (1.0, np.float32)
        self.observation_space = spaces.Box(0, high, shape if channels else (size, size), dtype)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._seen(), {}

    def step(self, action):
        reward = float(action == self.side)
        self.t += 1
        return self._seen(), reward, self.t >= 10, False, {}

    def _seen(self):
        self.side = int(self.np_random.integers(2))
        image = np.zeros((self.size, self.size, self.channels or 1))
        half = self.size // 2
        image[:, half * self.side : half * (self.side + 1)] = 1.0
        image = image[..., 0] if not self.channels else image.transpose(2, 0, 1) if self.layout == "chw" else image
        return (image * 255).astype(np.uint8) if self.kind == "uint8" else image.astype(np.float32)
