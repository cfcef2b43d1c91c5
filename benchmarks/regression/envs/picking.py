"""Choosing with forbidden choices: the smallest task in which action masks matter."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ITEMS = 8


class Picking(gym.Env):
    """Eight items in a row, each of a value in [0, 1]; taking one pays its value and removes it and its neighbours.

    An episode ends when nothing is left, after three or four picks. Observed are the values (0 of what is gone) and what may
    be taken, which `action_masks` tells, too. Random picks return about 1.9, and always the most valuable item about 2.4.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012 — as Gymnasium has it

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(ITEMS)
        self.observation_space = spaces.Box(0, 1, (2 * ITEMS,), np.float32)

    def reset(self, *, seed=None, options=None):
        """Lay out new items."""
        super().reset(seed=seed)
        self.values = self.np_random.random(ITEMS)
        self.free = np.ones(ITEMS, bool)
        return self._seen(), {}

    def step(self, action):
        """Take an item that is there."""
        if not self.free[action]:
            raise ValueError(f"item {action} may not be taken: {self.free}")
        self.free[max(0, action - 1) : action + 2] = False
        return self._seen(), float(self.values[action]), not self.free.any(), False, {}

    def action_masks(self):
        """Return which items may be taken."""
        return self.free.copy()

    def render(self):
        """Return the items as bars, with what is gone in grey."""
        picture = np.full((64, 8 * ITEMS, 3), 255, np.uint8)
        for index, (value, is_free) in enumerate(zip(self.values, self.free, strict=True)):
            colour = (31, 119, 180) if is_free else (200, 200, 200)
            picture[64 - round(60 * value) :, 8 * index + 1 : 8 * index + 7] = colour
        return picture

    def _seen(self):
        return np.concatenate([self.values * self.free, self.free]).astype(np.float32)
