"""The engine that computes a run of DQN, SAC or TD3."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.algorithms.engines import STOCK, engine_of
from rlx.algorithms.registry import Engine
from rlx.config import RunConfig, hidden_sizes


def choose_engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    """Choose what computes a run; see :func:`rlx.algorithms.engines.engine_of`."""
    from rlx.algorithms.off_policy.coverage import uncovered

    asked = config.algo.setting("engine")
    obstacle = None if asked == STOCK else uncovered(config, observation_space, action_space)
    inputs, elements = int(np.prod(observation_space.shape or ())), int(np.prod(action_space.shape or ()))
    actor, critic = hidden_sizes(config)
    judged = inputs + elements if elements else inputs  # a critic sees actions, too
    return engine_of(asked, obstacle, [[inputs, *actor], [judged, *critic]])
