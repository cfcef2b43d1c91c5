"""A few steps of each fast off-policy engine in every kind of environment: what compiles, or loads, all of its kernels.

Each algorithm's are a set of their own, so that nobody waits for kernels that are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.logger import Logger

from rlx.algorithms.off_policy.dqn import FastDQN
from rlx.algorithms.off_policy.fast import FastOffPolicy
from rlx.algorithms.off_policy.playing import kernel_actor, play_all
from rlx.algorithms.off_policy.sac import FastSAC
from rlx.algorithms.off_policy.td3 import FastTD3
from rlx.config import RunConfig
from rlx.envs import Environments, GymnasiumSource, NativeSource, Surroundings, TrainingEnv, make_env
from rlx.launch import compiled_here, is_ready, ready


class _Still(gym.Env[Any, Any]):
    """Nothing happens."""

    observation_space = spaces.Box(-1, 1, (1,))

    def __init__(self, action_space: spaces.Space[Any]):
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 0.0, False, False, {}


def _try(algorithm: Any, env_id: str, space: spaces.Space[Any]) -> None:
    """Collect, update, and act."""
    for source in (NativeSource(env_id, 2, 8), GymnasiumSource([lambda: _Still(space)] * 2)):
        venv = TrainingEnv(source, "trial", Surroundings(0), norm_obs=True, norm_reward=True, gamma=0.9)
        model = algorithm(
            "MlpPolicy", venv, buffer_size=32, learning_starts=2, batch_size=2, train_freq=2, seed=0, device="cpu",
            policy_kwargs={"net_arch": [2]},
        )  # fmt: skip
        model.set_logger(Logger(folder=None, output_formats=[]))
        model._setup_learn(0, None, reset_num_timesteps=False)
        model._total_timesteps = 100
        model.exploration_schedule = lambda _: 0.0  # DQN's: none
        model.advance_steps(8)
        FastOffPolicy.advance_steps(model, 8)  # step by step
        actor = kernel_actor(model.policy)
        observations = np.zeros((2, spaces.flatdim(venv.observation_space)), np.float32)
        actor.act(observations, None, np.ones(2, np.bool_), None, deterministic=False)


def _play(algorithm: Any, env_id: str) -> None:
    """Play episodes of a compiled environment at once."""
    venv = TrainingEnv(
        NativeSource(env_id, 1, 1), "trial", Surroundings(0), norm_obs=False, norm_reward=False, gamma=0.9
    )
    model = algorithm("MlpPolicy", venv, buffer_size=2, batch_size=2, device="cpu", policy_kwargs={"net_arch": [2]})
    play = Environments(Path(), _config(env_id), make_env(_config(env_id).env))
    play_all(kernel_actor(model.policy), play, None, [0, 1])


def _config(env_id: str) -> RunConfig:
    """Return a run of this environment; its algorithm does not matter to playing."""
    return RunConfig.model_validate({"env": {"id": env_id}})


def try_dqn() -> None:
    """Train DQN for a few steps."""
    _try(FastDQN, "CartPole-v1", spaces.Discrete(2))


def play_dqn() -> None:
    """Play by DQN's policy."""
    _play(FastDQN, "CartPole-v1")


def try_sac() -> None:
    """Train SAC for a few steps."""
    _try(FastSAC, "Pendulum-v1", spaces.Box(-1, 1, (1,), np.float32))


def play_sac() -> None:
    """Play by SAC's policy."""
    _play(FastSAC, "Pendulum-v1")


def try_td3() -> None:
    """Train TD3 for a few steps."""
    _try(FastTD3, "Pendulum-v1", spaces.Box(-1, 1, (1,), np.float32))


def play_td3() -> None:
    """Play by TD3's policy."""
    _play(FastTD3, "Pendulum-v1")


FAST: dict[str, Any] = {"DQN": FastDQN, "SAC": FastSAC, "TD3": FastTD3}
"""By the names that Stable-Baselines3 gives them."""
SETS: dict[str, tuple[Callable[[], None], ...]] = {
    "dqn": (try_dqn, play_dqn),
    "sac": (try_sac, play_sac),
    "td3": (try_td3, play_td3),
}
"""What compiles the kernels of each algorithm, at the same time."""


def load_kernels(name: str) -> Iterator[bool]:
    """Load an algorithm's kernels, if this machine has compiled them before; tells whether nothing was compiled in doing so."""
    for function in SETS[name] if is_ready(name) else ():
        function()
        yield not compiled_here()


def prepare_kernels(name: str, say: Callable[[str], None]) -> None:
    """Make sure that an algorithm's kernels are compiled on this machine; ``say`` is told before that takes a while."""
    ready(name, SETS[name], say)
