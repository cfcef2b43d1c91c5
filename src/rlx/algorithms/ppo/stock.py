"""PPO: Stable-Baselines3's, stepped one update at a time and with the gradient norm that it computes but drops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.buffers import RolloutBuffer

from rlx.envs import seed_generators
from rlx.errors import NonFiniteValue

SENSIBLE_WEIGHT = 1e6
"""A network with a weight beyond this (or NaN) has diverged; trained networks' weights stay below about 10."""


class PPO(stable_baselines3.PPO):
    """Stock PPO whose training is a sequence of segments, each of which starts from a seed alone.

    A segment begins with fresh episodes and reseeded generators, so what a checkpoint between two segments holds
    (weights, optimiser, counters, normaliser) is the complete state: going on from it gives the same bits as never
    having stopped.

    Attributes:
        update_seconds: How long the newest update took, without its rollout.
    """

    update_seconds = 0.0

    def begin_segment(self, seed: int) -> None:
        """Reseed Python, NumPy, torch and the environments, and start new episodes."""
        seed_generators(seed)
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
            What SB3 logs about the update, by its names, ``train/gradient_norm``, and what the rollout gave the update
            to learn from (:func:`_learned_from`).
        """
        assert self.env is not None
        self._total_timesteps = total_timesteps
        self.collect_rollouts(self.env, self._segment_callback, self.rollout_buffer, self.n_steps)
        self._update_current_progress_remaining(self.num_timesteps, total_timesteps)
        learned_from = _learned_from(self.rollout_buffer)  # before SB3 reorders it
        begun = time.monotonic()
        try:
            self.train()
        except ValueError as error:  # torch's distributions refuse NaN and infinities in the middle of an update
            if all(bool((weights.abs() < SENSIBLE_WEIGHT).all()) for weights in self.policy.parameters()):
                raise
            weights = torch.cat([weights.detach().flatten().cpu() for weights in self.policy.parameters()])
            raise ran_away(self.num_timesteps, weights.numpy()) from error
        self.update_seconds = time.monotonic() - begun
        logged = dict(self.logger.name_to_value)
        self.logger.name_to_value.clear()
        return logged | learned_from

    def train(self) -> None:
        """Update on the rollout buffer; logs what SB3 logs, and the gradient norm."""
        with _gradient_norms() as norms:
            super().train()
        self.logger.record("train/gradient_norm", float(np.mean(norms)) if norms else 0.0)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_segment_callback", "update_seconds"]


def _learned_from(rollout: RolloutBuffer) -> dict[str, float]:
    """Return how the value targets, TD(λ) returns, and the advantages of a rollout are spread."""
    return {
        "train/value_target_mean": float(rollout.returns.mean(dtype=np.float64)),
        "train/value_target_std": float(rollout.returns.std(dtype=np.float64)),
        "train/advantage_std": float(rollout.advantages.std(dtype=np.float64)),
    }


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


def ran_away(step: int, weights: np.ndarray[Any, Any]) -> NonFiniteValue:
    """Return the failure of an update that left no usable weights."""
    bad = weights[~np.isfinite(weights)]
    return NonFiniteValue(
        f"the network's weights ran away in the update at step {step}: training diverged; "
        f"try a smaller algo.learning_rate or env.normalize_reward: true",
        what="weights",
        value=str(bad[0]) if len(bad) else f"{np.abs(weights).max():.3g}",
    )
