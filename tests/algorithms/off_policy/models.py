"""The same algorithm twice: Stable-Baselines3's own on Gymnasium's environments, and the fast one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv

from rlx.algorithms.off_policy.dqn import FastDQN
from rlx.algorithms.off_policy.sac import FastSAC
from rlx.algorithms.off_policy.td3 import FastTD3
from rlx.envs import GymnasiumSource, NativeSource, Surroundings, TrainingEnv

torch.set_num_threads(1)
FAST: dict[str, Any] = {"DQN": FastDQN, "SAC": FastSAC, "TD3": FastTD3}
ENVIRONMENTS = {"DQN": "CartPole-v1", "SAC": "Pendulum-v1", "TD3": "Pendulum-v1"}
TOTAL = 5_000


def training_env(env_id: str, copies: int = 1, *, native: bool = True, **normalize: bool) -> TrainingEnv:
    source: Any = NativeSource(env_id, copies, 1000) if native else GymnasiumSource([lambda: gym.make(env_id)] * copies)
    flags = {"norm_obs": False, "norm_reward": False, **normalize}
    return TrainingEnv(source, env_id, Surroundings(0), gamma=0.99, **flags)


def settings(algorithm: str, **changes: Any) -> dict[str, Any]:
    shape = gym.spec(ENVIRONMENTS[algorithm]).make().action_space.shape
    noise = {"action_noise": NormalActionNoise(np.zeros(shape), np.full(shape, 0.1))} if algorithm == "TD3" else {}
    own = {"seed": 3, "device": "cpu", "buffer_size": 3000, "learning_starts": 100, **noise, **changes}
    return {**own, "policy_kwargs": dict(own.get("policy_kwargs", {"net_arch": [32, 24]}))}  # SB3 writes into it


def begin(model: Any, seed: int) -> None:
    """Do what the workbench does at a boundary."""
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.set_random_seed(seed)
    model.env.seed(seed)
    model._last_obs = None
    model._setup_learn(0, None, reset_num_timesteps=False)
    model._total_timesteps = TOTAL


def fast_model(algorithm: str, venv: TrainingEnv | None = None, **changes: Any) -> Any:
    own = venv if venv is not None else training_env(ENVIRONMENTS[algorithm])
    model = FAST[algorithm]("MlpPolicy", own, **settings(algorithm, **changes))
    begin(model, 7)
    return model


def stock_model(algorithm: str, copies: int = 1, **changes: Any) -> Any:
    venv = DummyVecEnv([lambda: gym.make(ENVIRONMENTS[algorithm])] * copies)
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", venv, **settings(algorithm, **changes))
    begin(model, 7)
    return model


def advance(model: Any, steps: int) -> None:
    """Advance step by step, as the workbench advances a stock model."""
    end, callback = model.num_timesteps + steps, model._init_callback(None)
    while model.num_timesteps < end:
        rollout = model.collect_rollouts(
            model.env, callback, model.train_freq, model.replay_buffer, model.action_noise, model.learning_starts
        )
        if model.num_timesteps > model.learning_starts:
            count = model.gradient_steps if model.gradient_steps >= 0 else rollout.episode_timesteps
            model.train(batch_size=model.batch_size, gradient_steps=count)


def weights(model: Any) -> np.ndarray:
    return torch.cat([value.reshape(-1) for value in model.policy.state_dict().values()]).numpy().copy()


def optimizers(model: Any) -> list[Any]:
    found = [
        getattr(owner, "optimizer", None)
        for owner in (model.policy, getattr(model, "actor", None), getattr(model, "critic", None))
    ]
    return [each for each in [*found, getattr(model, "ent_coef_optimizer", None)] if each is not None]


def moments(model: Any) -> np.ndarray:
    """Adam's first moments of everything that is learned."""
    return (
        torch.cat(
            [
                optimizer.state[parameter]["exp_avg"].reshape(-1)
                for optimizer in optimizers(model)
                for group in optimizer.param_groups
                for parameter in group["params"]
                if parameter in optimizer.state
            ]
        )
        .numpy()
        .copy()
    )
