"""PPO on compiled kernels: Stable-Baselines3's algorithm, random streams and files, without its overhead."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.utils import explained_variance

from rlx.algorithms.kernels import adam_settings
from rlx.algorithms.ppo.kernels import Hyperparameters, Rollout, batch, workspace
from rlx.algorithms.ppo.kernels.acting import values
from rlx.algorithms.ppo.kernels.advantages import estimate
from rlx.algorithms.ppo.kernels.collecting import begin_step, collect_rollout, end_and_begin_step
from rlx.algorithms.ppo.kernels.update import (
    CLIP_FRACTION,
    ENTROPY_LOSS,
    GRADIENT_NORM,
    KL,
    NUMBERS,
    POLICY_LOSS,
    VALUE_LOSS,
    run_epoch,
)
from rlx.algorithms.ppo.parameters import FlatParameters, bounds_of, noise_views, refresh
from rlx.algorithms.ppo.stock import PPO, ran_away
from rlx.envs import NativeSource, TrainingEnv, executable
from rlx.launch import bound

Array = np.ndarray[Any, Any]


class FlatRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer in float32, allocated once."""

    def __init__(self, *args: Any, **kwargs: Any):
        self._allocated = False
        super().__init__(*args, **kwargs)

    def reset(self) -> None:
        """Start over; the old numbers are overwritten in place."""
        if not self._allocated or self.generator_ready:  # SB3's own update flattens the arrays
            super().reset()
            self.observations = self.observations.reshape(self.buffer_size, self.n_envs, -1).astype(np.float32)
            self.actions = self.actions.astype(np.float32)
            self._allocated = True
        self.pos, self.full = 0, False

    @property
    def rollout(self) -> Rollout:
        """The arrays, as kernels take them."""
        return Rollout(
            self.observations, self.actions, self.rewards, self.episode_starts,
            self.values, self.log_probs, self.advantages, self.returns,
        )  # fmt: skip


class FastPPO(PPO):
    """PPO whose acting, advantages and update run in compiled code.

    The same mathematics and the same random streams as stock PPO (torch's global generator for actions, NumPy's for
    minibatches); numbers differ by rounding alone. Needs a policy that :mod:`rlx.algorithms.ppo.coverage` covers, and a
    :class:`rlx.envs.vector_envs.training_env.TrainingEnv`.
    """

    rollout_buffer: FlatRolloutBuffer

    def __init__(self, *args: Any, portable: bool = False, **kwargs: Any):
        self._portable = portable
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self.rollout_buffer = FlatRolloutBuffer(
            self.n_steps, self.observation_space, self.action_space,
            device=self.device, gamma=self.gamma, gae_lambda=self.gae_lambda, n_envs=self.n_envs,
        )  # fmt: skip
        self._parameters = FlatParameters(self.policy, portable=self._portable)
        flat, elements = self._parameters, self.rollout_buffer.action_dim
        self._noise_TW = torch.zeros(self.n_steps, self.n_envs * int(flat.head.options.sum()))
        self._noise = self._noise_TW.numpy()
        self._noise_views = noise_views(flat.head, self._noise_TW, self.n_envs)
        self._acting = workspace(flat.actor, flat.critic, self.n_envs)
        self._updating = workspace(flat.actor, flat.critic, self.batch_size)
        self._batch = batch(self.batch_size, int(flat.actor.widths[0]), elements)
        self._bounds = bounds_of(self.action_space, elements)

    def _excluded_save_params(self) -> list[str]:
        own = [
            "_parameters", "_noise_TW", "_noise", "_noise_views", "_acting", "_updating", "_batch", "_bounds", "_portable",
        ]  # fmt: skip
        return [*super()._excluded_save_params(), *own]

    def begin_segment(self, seed: int) -> None:
        """See :meth:`rlx.algorithms.ppo.stock.PPO.begin_segment`."""
        self._parameters.bind()
        super().begin_segment(seed)
        assert isinstance(self.env, TrainingEnv)
        self.env.arrays.dones_N[:] = True  # every copy begins an episode

    def collect_rollouts(self, env: Any, callback: Any, rollout_buffer: Any, n_rollout_steps: int) -> bool:
        """Collect one rollout from a training environment."""
        rollout_buffer.reset()
        flat, arrays, rollout = self._parameters, env.arrays, rollout_buffer.rollout
        flat.refresh()
        refresh(flat.head, self._noise_views)
        env.make_room(n_rollout_steps * self.n_envs)
        if isinstance(env.source, NativeSource):
            env.source.refill()
            code, taken = collect_rollout(
                flat.acting, self._acting, env.source.state, env.ledger, self._noise, self._bounds, rollout
            )
            env.count_compiled(taken * self.n_envs)
            env.stop_if(code)
        else:
            with env.surroundings:  # nothing of the learner's draws from the generators meanwhile
                self._step_by_step(env, rollout)
        last_values = np.empty(self.n_envs, np.float32)
        values(flat.acting, arrays.observations_ND, self._acting, last_values)
        estimate(rollout, last_values, arrays.dones_N.astype(np.float32), self.gamma, self.gae_lambda)
        rollout_buffer.pos, rollout_buffer.full = n_rollout_steps, True
        self.num_timesteps += n_rollout_steps * self.n_envs
        self._last_obs, self._last_episode_starts = arrays.observations_ND, arrays.dones_N
        return True

    def _step_by_step(self, env: TrainingEnv, rollout: Rollout) -> None:
        rest = (self._parameters.acting, self._acting, env.ledger, self._noise, rollout)
        begin_step(0, *rest)
        proceed = bound(end_and_begin_step, 0, *rest)
        for t in range(len(rollout.rewards)):
            env.step_source(executable(rollout.actions[t], self.action_space))
            if code := proceed(t, *rest):
                env.stop_if(code)

    def train(self) -> None:
        """Update on the rollout buffer; logs what stock PPO logs, and the gradient norm."""
        self._update_learning_rate(self.policy.optimizer)
        flat, buffer, settings = self._parameters, self.rollout_buffer, self._hyperparameters()
        samples = buffer.buffer_size * buffer.n_envs
        epochs: list[Array] = []
        for _ in range(self.n_epochs):
            order = np.random.permutation(samples)  # noqa: NPY002 — the stream that SB3 draws from
            numbers = np.zeros((-(-samples // self.batch_size), NUMBERS))
            flat.adam_steps, looked_at, stopped = run_epoch(
                flat.policy, flat.optimizer, flat.adam_steps, buffer.rollout, order,
                self._batch, self._updating, settings, numbers,
            )  # fmt: skip
            epochs.append(numbers[:looked_at])
            self._n_updates += 1
            if stopped:
                break
        flat.count(flat.adam_steps)
        if not np.isfinite(flat.values).all():
            raise ran_away(self.num_timesteps, flat.values)
        self._log(epochs, settings, stopped)

    def _hyperparameters(self) -> Hyperparameters:
        left = self._current_progress_remaining
        return Hyperparameters(
            adam_settings(self.policy.optimizer, self.max_grad_norm),
            float(self.clip_range(left)),  # type: ignore[operator]
            -1.0 if self.clip_range_vf is None else float(self.clip_range_vf(left)),  # type: ignore[operator]
            float(self.ent_coef),
            float(self.vf_coef),
            -1.0 if self.target_kl is None else float(self.target_kl),
            bool(self.normalize_advantage),
        )

    def _log(self, epochs: list[Array], settings: Hyperparameters, stopped: bool) -> None:
        every, last, record = np.concatenate(epochs), epochs[-1], self.logger.record
        loss = every[-1, POLICY_LOSS] + settings.entropy_coef * every[-1, ENTROPY_LOSS]
        stepped = every[: len(every) - stopped, GRADIENT_NORM]
        record("train/entropy_loss", every[:, ENTROPY_LOSS].mean())
        record("train/policy_gradient_loss", every[:, POLICY_LOSS].mean())
        record("train/value_loss", every[:, VALUE_LOSS].mean())
        record("train/approx_kl", last[:, KL].mean())
        record("train/clip_fraction", every[:, CLIP_FRACTION].mean())
        record("train/loss", loss + settings.value_coef * every[-1, VALUE_LOSS])
        record("train/gradient_norm", stepped.mean() if len(stepped) else 0.0)
        buffer = self.rollout_buffer
        record("train/explained_variance", explained_variance(buffer.values.flatten(), buffer.returns.flatten()))
        if self._parameters.head.log_std >= 0:
            record("train/std", float(torch.exp(self.policy.log_std.detach()).mean()))
        record("train/n_updates", self._n_updates)
        record("train/clip_range", settings.clip_range)
        if self.clip_range_vf is not None:
            record("train/clip_range_vf", settings.clip_range_vf)
