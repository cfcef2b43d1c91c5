"""SAC on compiled kernels: Stable-Baselines3's algorithm, random streams and files, without its overhead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import stable_baselines3
import torch
from torch import nn

from rlx.algorithms.flat_memory import FlatMemory, network_of
from rlx.algorithms.kernels import Network, Optimizer, adam_settings
from rlx.algorithms.off_policy.continuous import FastContinuous
from rlx.algorithms.off_policy.kernels.sac import (
    ACTOR_LOSS,
    CRITIC_LOSS,
    ENTROPY_COEF,
    ENTROPY_LOSS,
    NUMBERS,
    Entropy,
    SACSettings,
    update_sac,
)
from rlx.algorithms.off_policy.kernels.squashed import draw

Array = np.ndarray[Any, Any]


def sac_actor_parameters(actor: Any) -> list[nn.Parameter]:
    """Return a stock SAC actor's parameters so that the heads for μ and log σ lie as one layer of twice the width."""
    heads = [actor.mu.weight, actor.log_std.weight, actor.mu.bias, actor.log_std.bias]
    return [*actor.latent_pi.parameters(), *heads]


def sac_actor_network(places: Mapping[nn.Parameter, int], actor: Any) -> Network:
    """Return where a stock SAC actor lies, its two heads as one layer."""
    hidden: list[Any] = [layer for layer in actor.latent_pi if isinstance(layer, nn.Linear)]
    layers = [*hidden, actor.mu]
    found = np.array([[places[layer.weight], places[layer.bias]] for layer in layers])
    network = network_of(found, layers, [layer for layer in actor.latent_pi if not isinstance(layer, nn.Linear)])
    return network._replace(widths=np.array([*network.widths[:-1], 2 * network.widths[-1]]))


class FastSAC(FastContinuous, stable_baselines3.SAC):
    """SAC whose acting and update run in compiled code."""

    def _actor_memory(self, actor: Any, adam: Any = None) -> FlatMemory:
        return FlatMemory(sac_actor_parameters(actor), adam)

    def _actor_network(self, actor: Any) -> Network:
        return sac_actor_network(self._actor.places, actor)

    def _lay_out(self) -> None:
        super()._lay_out()
        learned = self.ent_coef_optimizer is not None
        coefficient: Any = self.log_ent_coef if learned else nn.Parameter(torch.zeros(1))
        memory = FlatMemory([coefficient], self.ent_coef_optimizer)
        self._memories.append(memory)
        self._coefficient = memory
        fixed = 0.0 if learned else float(self.ent_coef_tensor)
        optimizer = Optimizer(memory.gradient, memory.moments1, memory.moments2, memory.turned)
        self._entropy = Entropy(memory.values, optimizer, float(self.target_entropy), learned, fixed)
        self._log_probs_N = np.zeros(self.n_envs, np.float32)

    def _noise_ahead(self, steps: int, added: list[Array] | None) -> Any:
        drawn = torch.empty(steps, self.n_envs, self._elements)
        for each in drawn:  # call by call, as stock draws
            each.normal_()
        return drawn.numpy(), added

    def _act(self, observations_ND: Array, noise_NA: Any) -> None:
        rest = (self._outputs(observations_ND), noise_NA, self._scaled_NA, self._log_probs_N)
        self._code(draw, *rest)(*rest)

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Update on minibatches of the replay buffer; logs what stock SAC logs."""
        assert batch_size == self.batch_size
        learned = self._entropy.learned
        optimizers: list[Any] = [self.actor.optimizer, self.critic.optimizer, self.ent_coef_optimizer]
        self._update_learning_rate(optimizers if learned else optimizers[:2])
        noise = torch.empty(gradient_steps, 2, batch_size, self._elements)
        for each in noise.flatten(0, 1):
            each.normal_()
        numbers = np.zeros(NUMBERS)
        arguments = (
            self._actor_kernel, self._critics_kernel, self._entropy, self._minibatch, self.replay_buffer.replay,
            self.env.statistics, self._stream.words, self._rows(), noise.numpy(), self._critics.adam_steps,
            adam_settings(self.critic.optimizer, np.inf),
            SACSettings(float(self.gamma), float(self.tau), self.target_update_interval), numbers,
        )  # fmt: skip
        self._code(update_sac, *arguments)(*arguments)
        for memory in (self._actor, self._critics, *([self._coefficient] if learned else [])):
            memory.count(memory.adam_steps + gradient_steps)
        self._is_turned = False
        self._n_updates += gradient_steps
        numbers /= gradient_steps
        record = self.logger.record
        record("train/n_updates", self._n_updates, exclude="tensorboard")
        record("train/ent_coef", numbers[ENTROPY_COEF])
        record("train/actor_loss", numbers[ACTOR_LOSS])
        record("train/critic_loss", numbers[CRITIC_LOSS])
        if learned:
            record("train/ent_coef_loss", numbers[ENTROPY_LOSS])
