"""A few steps of the fast engine in every kind of environment: what compiles, or loads, all of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.algorithms.ppo.building import build
from rlx.algorithms.ppo.playing import KernelActor, play_all
from rlx.config import RunConfig
from rlx.envs import Environments, GymnasiumSource, NativeSource, Surroundings, TrainingEnv, make_env
from rlx.launch import compiled_here, is_ready, ready


class _Still(gym.Env[Any, Any]):
    """Nothing happens."""

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 0.0, False, False, {}


def try_collecting() -> None:
    """Collect a few steps in compiled dynamics and in an environment of Gymnasium's."""
    for source in _sources():
        model = _model(source)
        model.begin_segment(0)
        model.collect_rollouts(model.env, None, model.rollout_buffer, model.n_steps)


def try_updating() -> None:
    """Update on a rollout of zeros."""
    model = _model(_sources()[0])
    model.rollout_buffer.reset()
    model.train()


def try_playing() -> None:
    """Play episodes."""
    env = Environments(Path(), _config(), make_env(_config().env))
    play_all(KernelActor(_model(_sources()[0]).policy), env, None, [0, 1])


def try_updating_and_playing() -> None:
    """Do both, in this order."""
    try_updating()
    try_playing()


PARTS = (try_collecting, try_updating, try_playing)
"""What makes up all kernels."""
COMPILED_TOGETHER = (try_collecting, try_updating_and_playing)
"""What compiles at the same time; what both compile, they compile alike."""


def _config() -> RunConfig:
    settings: dict[str, Any] = {
        "env": {"id": "CartPole-v1", "num_envs": 2},
        "algo": {"rollout_steps": 2, "batch_size": 2, "update_epochs": 1, "total_timesteps": 4},
        "policy": {"hidden_sizes": [2]},
        "eval": {"every": 1},
    }
    return RunConfig.model_validate(settings)


def _sources() -> list[Any]:
    return [NativeSource("CartPole-v1", 2, 2), GymnasiumSource([_Still] * 2)]


def _model(source: Any) -> Any:
    return build(Path(), _config(), 0, _venv(source))


def _venv(source: Any) -> TrainingEnv:
    return TrainingEnv(source, "trial", Surroundings(0), norm_obs=True, norm_reward=True, gamma=0.9)


def load_kernels() -> Iterator[bool]:
    """Load the kernels, a part at a time, if this machine has compiled them before; tells whether nothing was compiled in doing so."""
    for function in PARTS if is_ready("ppo") else ():
        function()
        yield not compiled_here()


def prepare_kernels(say: Callable[[str], None]) -> None:
    """Make sure that kernels (the fast engine's and the environments') are compiled on this machine; ``say`` is told before that takes a while."""
    ready("ppo", COMPILED_TOGETHER, say)
