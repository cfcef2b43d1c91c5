"""Stable-Baselines3's replay buffer in float32, as kernels read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer

from rlx.algorithms.off_policy.kernels import Replay

COLUMNS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""Its arrays: rows (a ring) × copies, and what they hold."""


class LeanReplayBuffer(ReplayBuffer):
    """Stock's buffer whose every number is a float32: what stock's own networks make of them before they learn.

    A row is a step of all copies; the r-th that was ever added is at ``r % buffer_size``. Stock SB3 samples from it as from its own.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in COLUMNS:
            column = getattr(self, name)
            if column.dtype != np.float32:
                setattr(self, name, np.zeros(column.shape, np.float32))

    @property
    def replay(self) -> Replay:
        """The arrays, as kernels take them; what they write there, this buffer has."""
        flat = (self.buffer_size, self.n_envs, -1)
        return Replay(
            self.observations.reshape(flat), self.next_observations.reshape(flat), self.actions,
            self.rewards, self.dones, self.timeouts,
        )  # fmt: skip

    def move_on(self) -> None:
        """Note that a row has been written at ``pos``."""
        self.pos += 1
        if self.pos == self.buffer_size:
            self.full, self.pos = True, 0
