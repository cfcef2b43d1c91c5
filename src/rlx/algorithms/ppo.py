"""PPO: Stable-Baselines3's, stepped one update at a time and with the gradient norm that it computes but drops."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import LinearSchedule

from rlx.config.schema import RunConfig
from rlx.config.values import Schedule
from rlx.errors import NonFiniteValue, PolicyUnusable
from rlx.policies import device_for, policy_arguments

SENSIBLE_WEIGHT = 1e6
"""A network with a weight beyond this (or NaN) has diverged; trained networks' weights stay below about 10."""


class PPO(stable_baselines3.PPO):
    """Stock PPO whose training is a sequence of segments, each of which starts from a seed alone.

    A segment begins with fresh episodes and reseeded generators, so what a checkpoint between two segments holds
    (weights, optimiser, counters, normaliser) is the complete state: going on from it gives the same bits as never
    having stopped.
    """

    def begin_segment(self, seed: int) -> None:
        """Reseed Python, NumPy, torch and the environments, and start new episodes."""
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 — SB3 draws its minibatches from the global generator
        torch.manual_seed(seed)
        assert self.env is not None
        self.env.seed(seed)
        self._last_obs = None
        if self._vec_normalize_env is not None:
            self._vec_normalize_env.returns[:] = 0.0
        _, self._segment_callback = self._setup_learn(0, None, reset_num_timesteps=False)

    def iterate(self, total_timesteps: int) -> dict[str, Any]:
        """Collect one rollout and update on it.

        Args:
            total_timesteps: The budget that schedules run over.

        Returns:
            What SB3 logs about the update, by its names, and ``train/gradient_norm``.
        """
        assert self.env is not None
        self._total_timesteps = total_timesteps
        self.collect_rollouts(self.env, self._segment_callback, self.rollout_buffer, self.n_steps)
        self._update_current_progress_remaining(self.num_timesteps, total_timesteps)
        with _gradient_norms() as norms:
            try:
                self.train()
            except ValueError as error:  # torch's distributions refuse NaN and infinities in the middle of an update
                if all(bool((weights.abs() < SENSIBLE_WEIGHT).all()) for weights in self.policy.parameters()):
                    raise
                raise NonFiniteValue(
                    f"the network's weights ran away in the update at step {self.num_timesteps}: training diverged; "
                    f"try a smaller algo.learning_rate or env.normalize_reward: true"
                ) from error
        logged = dict(self.logger.name_to_value)
        self.logger.name_to_value.clear()
        logged["train/gradient_norm"] = float(np.mean(norms)) if norms else 0.0
        return logged

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_segment_callback"]


@contextmanager
def _gradient_norms() -> Iterator[list[float]]:
    """Record what ``clip_grad_norm_`` returns while SB3's update, which ignores it, calls it."""
    norms: list[float] = []
    original = torch.nn.utils.clip_grad_norm_

    def recording(*args: Any, **kwargs: Any) -> torch.Tensor:
        norm = original(*args, **kwargs)
        norms.append(float(norm))
        return norm

    torch.nn.utils.clip_grad_norm_ = recording
    try:
        yield norms
    finally:
        torch.nn.utils.clip_grad_norm_ = original


def build(root: Path, config: RunConfig, seed: int, venv: Any) -> PPO:
    """Make an untrained PPO; see :func:`rlx.algorithms.build`.

    Raises:
        PolicyUnusable: The network or device cannot be used.
    """
    algo = config.algo
    policy_class, policy_kwargs = policy_arguments(root, config, venv.observation_space)
    policy_kwargs.pop("use_sde", None)  # PPO adds it itself
    device = device_for(config)
    try:
        model = PPO(
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
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def schedule(value: float | Schedule) -> Any:
    """Return a number or a schedule as Stable-Baselines3 takes it."""
    return LinearSchedule(value.start, value.end, 1.0) if isinstance(value, Schedule) else value
