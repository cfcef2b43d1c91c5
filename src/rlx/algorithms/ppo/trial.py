"""A few steps of the fast engine in every kind of environment: what compiles, or loads, all of its kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.algorithms.ppo.building import build
from rlx.algorithms.ppo.learner import PolicyActor
from rlx.algorithms.ppo.playing import play_all
from rlx.config import RunConfig
from rlx.envs import Environments, GymnasiumSource, NativeSource, Surroundings, TrainingEnv, make_env, stands_in
from rlx.launch import compiled_here, is_ready, ready


class _Still(gym.Env[Any, Any]):
    """Nothing happens, in the number format asked for."""

    def __init__(self, number: Any):
        self.observation_space = spaces.Box(-1, 1, (1,), number)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, self.observation_space.dtype), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, self.observation_space.dtype), 0.0, False, False, {}


def try_all_kernels() -> None:
    """Train for a few steps in compiled dynamics, and in Gymnasium environments of float32 and of float64."""
    settings: dict[str, Any] = {
        "env": {"id": "CartPole-v1", "num_envs": 2},
        "algo": {"rollout_steps": 2, "batch_size": 2, "update_epochs": 1, "total_timesteps": 4},
        "policy": {"hidden_sizes": [2]},
        "eval": {"every": 1},
    }
    config = RunConfig.model_validate(settings)
    stands_in("CartPole-v1")
    sources: list[Any] = [NativeSource("CartPole-v1", 2, 2)]
    sources += [GymnasiumSource([lambda number=number: _Still(number)] * 2) for number in (np.float32, np.float64)]  # type: ignore[misc]
    for source in sources:
        venv = TrainingEnv(source, "trial", Surroundings(0), norm_obs=True, norm_reward=True, gamma=0.9)
        model = build(Path(), config, 0, venv)
        model.begin_segment(0)
        model.iterate(4)
        if isinstance(source, NativeSource):
            env = Environments(Path(), config, make_env(config.env))
            play_all(PolicyActor(model.policy), env, None, [0, 1])


def load_kernels() -> bool:
    """Load the kernels if this machine has compiled them before; tells whether nothing was compiled in doing so."""
    if is_ready("ppo"):
        try_all_kernels()
    return not compiled_here()


def prepare_kernels(say: Callable[[str], None]) -> None:
    """Make sure that kernels (the fast engine's and the environments') are compiled on this machine; ``say`` is told before that takes a while."""
    ready("ppo", try_all_kernels, say)
