"""What can be known of an environment without training in it: its spaces, and what random actions meet in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from rlx.config.schema import EnvConfig
from rlx.diagnosis.record import Task
from rlx.envs import episode_limit, make_env, own_registrations

STEPS, SEED = 100, 0
"""Random steps taken to see how large observations are; the same ones every time."""


def probe_task(root: Path, env: EnvConfig) -> Task:
    """Make the environment of a run, look at its spaces and take a few random steps.

    Args:
        root: The project (for environments of its own).
        env: The environment, with its wrappers.

    Raises:
        EnvironmentUnusable: It cannot be made.
        Exception: Whatever its own code raises.
    """
    own_registrations(root)
    made = make_env(env)
    try:
        return task_of(made)
    finally:
        made.close()


def task_of(made: Any) -> Task:
    """Return what is known of an environment; takes random steps in it.

    Raises:
        Exception: Whatever its own code raises.
    """
    action = made.action_space
    choices: list[int] | None = None
    if isinstance(action, spaces.Discrete):
        choices = [int(action.n)]
    elif isinstance(action, spaces.MultiDiscrete):
        choices = [int(count) for count in np.ravel(action.nvec)]
    elif isinstance(action, spaces.MultiBinary):
        choices = [2] * int(np.prod(action.shape))
    return Task(
        max_entropy=None if choices is None else sum(math.log(count) for count in choices),
        episode_limit=episode_limit(made),
        observation_size_D=_observation_size(made),
    )


def _observation_size(made: Any) -> tuple[float, ...]:
    space = made.observation_space
    if not (isinstance(space, spaces.Box) and len(space.shape) == 1):
        return ()
    made.action_space.seed(SEED)
    observation, _ = made.reset(seed=SEED)
    seen = [observation]
    for _ in range(STEPS):
        observation, _, terminated, truncated, _ = made.step(made.action_space.sample())
        seen.append(observation)
        if terminated or truncated:
            observation, _ = made.reset()
    size_D = np.sqrt(np.square(np.asarray(seen, dtype=float)).mean(axis=0))
    return tuple(float(size) for size in size_D) if np.isfinite(size_D).all() else ()
