"""Makes a PPO, as configured, on the engine that its environments are for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import Logger

from rlx.algorithms.orthogonal import same_initial_weights
from rlx.algorithms.policies import policy_arguments
from rlx.algorithms.ppo.stock import PPO
from rlx.algorithms.schedules import schedule
from rlx.config import PPOConfig, RunConfig
from rlx.envs import TrainingEnv
from rlx.errors import PolicyUnusable


def build(root: Path, config: RunConfig, seed: int, venv: Any, device: str = "cpu") -> PPO:
    """Make an untrained PPO: the fast one where ``venv`` is a :class:`rlx.envs.TrainingEnv`, else Stable-Baselines3's.

    Args:
        root: The project (for networks of its own).
        config: The run.
        seed: The training seed: initial weights and everything random until the first segment begins.
        venv: The vectorised environment to train in.
        device: Torch's name of it.

    Raises:
        PolicyUnusable: The network or device cannot be used.
    """
    algo = config.algo
    assert isinstance(algo, PPOConfig)
    policy_class, policy_kwargs = policy_arguments(root, config, venv.observation_space)
    policy_kwargs.pop("use_sde", None)  # PPO adds it itself
    algorithm: Any = PPO
    if isinstance(venv, TrainingEnv):
        from rlx.algorithms.ppo.fast import FastPPO

        algorithm = partial(FastPPO, portable=config.portable)
    try:
        with same_initial_weights():
            model: PPO = algorithm(
                policy_class,
                venv,
                learning_rate=schedule(algo.learning_rate),
                n_steps=algo.rollout_steps,
                batch_size=algo.batch_size,
                n_epochs=algo.update_epochs,
                gamma=algo.gamma,
                gae_lambda=algo.gae_lambda,
                clip_range=schedule(algo.clip_range),
                clip_range_vf=None if algo.clip_range_vf is None else schedule(algo.clip_range_vf),
                normalize_advantage=algo.normalize_advantage,
                ent_coef=algo.entropy_coef,
                vf_coef=algo.value_coef,
                max_grad_norm=algo.max_grad_norm,
                use_sde=algo.use_sde,
                sde_sample_freq=algo.sde_sample_freq,
                target_kl=algo.target_kl,
                policy_kwargs=policy_kwargs,
                seed=seed,
                device=device,
            )
    except TypeError as error:
        raise PolicyUnusable(
            f"policy: network {config.policy.type!r} cannot be built with policy.kwargs: {error}"
        ) from error
    if not isinstance(
        venv, TrainingEnv
    ):  # networks for images have tried themselves on a sample of it, and it is pickled for SB3
        model.observation_space.seed(seed)
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model
