"""TD3 on compiled kernels: Stable-Baselines3's algorithm, random streams and files, without its overhead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import stable_baselines3
import torch
from torch import nn

from rlx.algorithms.flat_memory import FlatMemory, perceptron
from rlx.algorithms.kernels import Network, adam_settings
from rlx.algorithms.kernels.network import turn
from rlx.algorithms.off_policy.continuous import FastContinuous
from rlx.algorithms.off_policy.kernels import Target
from rlx.algorithms.off_policy.kernels.squashed import most_likely
from rlx.algorithms.off_policy.kernels.td3 import (
    ACTOR_LOSS,
    ACTOR_STEPS,
    CRITIC_LOSS,
    NUMBERS,
    TD3Settings,
    update_td3,
)

Array = np.ndarray[Any, Any]


def td3_actor_network(places: Mapping[nn.Parameter, int], actor: Any) -> Network:
    """Return where a stock TD3 actor lies, without the tanh of its outputs."""
    return perceptron(places, list(actor.mu)[:-1])


class FastTD3(FastContinuous, stable_baselines3.TD3):
    """TD3 whose acting and update run in compiled code."""

    def _actor_memory(self, actor: Any, adam: Any = None) -> FlatMemory:
        return FlatMemory(list(actor.parameters()), adam)

    def _actor_network(self, actor: Any) -> Network:
        return td3_actor_network(self._actor.places, actor)

    def _lay_out(self) -> None:
        super()._lay_out()
        self._actor_target = self._actor_memory(self.actor_target)
        self._memories.append(self._actor_target)

    def bind(self) -> None:
        """See :meth:`rlx.algorithms.off_policy.fast.FastOffPolicy.bind`."""
        super().bind()
        turn(self._actor_target.values, self._actor_kernel.network, self._actor_target.turned)

    def _noise_ahead(self, steps: int, added: list[Array] | None) -> Any:
        return None, added

    def _act(self, observations_ND: Array, noise_NA: Any) -> None:
        rest = (self._outputs(observations_ND), self._scaled_NA)
        self._code(most_likely, *rest)(*rest)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Update on minibatches of the replay buffer; logs what stock TD3 logs."""
        assert batch_size == self.batch_size
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        noise = torch.empty(gradient_steps, batch_size, self._elements)
        for each in noise:  # call by call, as stock draws
            each.normal_(0, self.target_policy_noise)
        noise.clamp_(-self.target_noise_clip, self.target_noise_clip)
        numbers = np.zeros(NUMBERS)
        arguments = (
            self._actor_kernel, Target(self._actor_target.values, self._actor_target.turned), self._critics_kernel,
            self._minibatch, self.replay_buffer.replay, self.env.statistics, self._stream.words, self._rows(),
            noise.numpy(), self._n_updates, self._critics.adam_steps, self._actor.adam_steps,
            adam_settings(self.critic.optimizer, np.inf), TD3Settings(float(self.gamma), float(self.tau), self.policy_delay),
            numbers,
        )  # fmt: skip
        self._actor.count(self._code(update_td3, *arguments)(*arguments))
        self._critics.count(self._critics.adam_steps + gradient_steps)
        self._is_turned = False
        self._n_updates += gradient_steps
        record = self.logger.record
        record("train/n_updates", self._n_updates, exclude="tensorboard")
        if numbers[ACTOR_STEPS]:
            record("train/actor_loss", numbers[ACTOR_LOSS] / numbers[ACTOR_STEPS])
        record("train/critic_loss", numbers[CRITIC_LOSS] / gradient_steps)
