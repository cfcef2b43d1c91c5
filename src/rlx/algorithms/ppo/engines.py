"""The engines that compute PPO: compiled kernels where they cover a run, else Stable-Baselines3's own code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from rlx.algorithms.kernels import WIDE
from rlx.algorithms.registry import Engine
from rlx.config import RunConfig, hidden_sizes

FAST, STOCK = "fast", "stable-baselines3"


def choose_engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    """Choose what computes a run: what ``algo.engine`` asks for, else the fast one where it can.

    Raises:
        PolicyUnusable: The fast one was asked for, and cannot.
    """
    from rlx.algorithms.ppo.coverage import uncovered
    from rlx.errors import PolicyUnusable

    asked = config.algo.setting("engine")
    if asked == STOCK:
        return Engine(STOCK, "algo.engine asks for it")
    obstacle = uncovered(config, observation_space, action_space)
    if obstacle and asked == FAST:
        raise PolicyUnusable(f"algo.engine: fast cannot train this run: {obstacle}; set algo.engine: auto")
    if obstacle:
        return Engine(STOCK, obstacle)
    inputs = int(np.prod(observation_space.shape))
    wide = any(min(sides) >= WIDE for sizes in hidden_sizes(config) for sides in pairwise([inputs, *sizes]))
    return Engine(FAST, "everything the run asks for is covered", portable=not wide)
