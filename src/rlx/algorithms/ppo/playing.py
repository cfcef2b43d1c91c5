"""Policies that the kernels know, playing: step by step, or all episodes of an evaluation at once where the environment is compiled too.

What a policy does is what the kernels compute, whoever trained it and wherever it plays: they add up in one order on every processor
and for every number of rows, so an episode comes out the same at once, in a batch, alone and in a film. torch's numbers differ by
rounding, and so do its actions where two are as likely as each other but for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rlx.algorithms.kernels.network import forward
from rlx.algorithms.ppo.coverage import unknown_policy
from rlx.algorithms.ppo.kernels import workspace
from rlx.algorithms.ppo.kernels.distributions import mode, sample
from rlx.algorithms.ppo.kernels.playing import play_episodes
from rlx.algorithms.ppo.parameters import acting_copy, bounds_of, log_std_of, noise_views, refresh
from rlx.algorithms.registry import EpisodesAtOnce
from rlx.envs import (
    NATIVE,
    Environments,
    Ledger,
    NativeSource,
    Normalizer,
    backend_of,
    executable,
    largest_actions,
    new_episodes,
    step_arrays,
    still_statistics,
)

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Array, Observations


class TorchActor:
    """An actor-critic policy of Stable-Baselines3's that acts; see :class:`rlx.algorithms.learner.Actor`."""

    def __init__(self, policy: Any):
        self.policy = policy

    def act(
        self, observations: Observations, memory: Any, episode_starts_N: Array, masks: Array | None, deterministic: bool
    ) -> tuple[Array, Any]:
        """Return the policy's actions, clipped to the action space as in training."""
        actions_N, _ = self.policy.predict(observations, deterministic=deterministic)
        return actions_N, memory


class KernelActor:
    """The same policy in compiled code; what it draws comes from torch's global generator, as torch's own would.

    Attributes:
        policy: Its parameters, a copy.
    """

    def __init__(self, policy: Any):
        self.policy = acting_copy(policy)
        self._space = policy.action_space
        self._rows = 0

    def act(
        self, observations: Observations, memory: Any, episode_starts_N: Array, masks: Array | None, deterministic: bool
    ) -> tuple[Array, Any]:
        """Return the policy's actions, clipped to the action space as in training."""
        rows, policy = len(observations), self.policy
        if rows != self._rows:
            self._rows, self._work = rows, workspace(policy.actor, policy.critic, rows)
        x_ND = np.ascontiguousarray(observations, np.float32).reshape(rows, -1)
        y = forward(policy.parameters, policy.actor, x_ND, self._work.actor)
        actions_NA = np.empty((rows, policy.head.options.size), np.float32)
        if deterministic:
            mode(policy.head, y, actions_NA)
        else:
            noise_TW = torch.empty(1, rows * int(policy.head.options.sum()))
            refresh(policy.head, noise_views(policy.head, noise_TW, rows))
            sample(policy.head, log_std_of(policy), y, noise_TW.numpy()[0], actions_NA, np.empty(rows, np.float32))
        return executable(actions_NA, self._space), memory


def actor_for(policy: Any, env: Environments) -> Actor:
    """Return who acts by a policy of Stable-Baselines3's: the kernels, if they know it."""
    if unknown_policy(env.config, env.observation_space, env.action_space):
        return TorchActor(policy)
    return KernelActor(policy)


def play_all(
    actor: Any, env: Environments, normalizer: Normalizer | None, reset_seeds: Sequence[int]
) -> EpisodesAtOnce | None:
    """Play an episode per reset seed with the most likely actions; see :attr:`rlx.algorithms.registry.Algorithm.play`."""
    if not isinstance(actor, KernelActor) or backend_of(env.config.env).name != NATIVE:
        return None
    policy, copies = actor.policy, len(reset_seeds)
    source, work = NativeSource(env.config.env.id, copies, 1), workspace(policy.actor, policy.critic, copies)
    arrays, episodes = step_arrays(copies, source.observation_space), new_episodes(copies, 1)
    source.reset(arrays, reset_seeds)
    ledger = Ledger(arrays, still_statistics(normalizer, arrays.raw_ND.shape[1], copies), episodes, 0.0)
    largest, elements = largest_actions(env.action_space), policy.head.options.size
    sizes = np.ones(elements) if largest is None else largest.reshape(-1)
    efforts_N, over_N = np.zeros(copies), np.zeros(copies, np.bool_)
    bounds = bounds_of(env.action_space, elements)
    play_episodes(policy, work, source.state, ledger, bounds, sizes, efforts_N, over_N)
    noted = None if largest is None else efforts_N
    return EpisodesAtOnce(episodes.returns_N, episodes.lengths_N, source.state.limit, noted)
