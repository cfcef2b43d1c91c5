"""The engine that computes a PPO run."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.algorithms.engines import FAST as FAST, STOCK as STOCK, engine_of  # noqa: PLC0414 — known here by these names
from rlx.algorithms.registry import Engine
from rlx.config import RunConfig, hidden_sizes


def choose_engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    """Choose what computes a run; see :func:`rlx.algorithms.engines.engine_of`."""
    from rlx.algorithms.ppo.coverage import uncovered

    asked = config.algo.setting("engine")
    obstacle = None if asked == STOCK else uncovered(config, observation_space, action_space)
    inputs = int(np.prod(observation_space.shape or ()))
    return engine_of(asked, obstacle, [[inputs, *sizes] for sizes in hidden_sizes(config)])
