"""What the fast SAC and TD3 share: actor and twin critics in flat memory, and actions within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.algorithms.flat_memory import FlatMemory, is_wide, perceptron
from rlx.algorithms.kernels import Network, layer_space
from rlx.algorithms.kernels.network import forward, turn
from rlx.algorithms.off_policy.fast import FastOffPolicy
from rlx.algorithms.off_policy.kernels import Actor, Critics, Learned, Target
from rlx.algorithms.off_policy.kernels.targets import fresh
from rlx.algorithms.off_policy.streams import GlobalStream
from rlx.envs import TrainingEnv
from rlx.launch import has_fma

Array = np.ndarray[Any, Any]


class FastContinuous(FastOffPolicy):
    """An actor, and twin critics with their targets."""

    actor: Any
    critic: Any
    critic_target: Any
    action_space: Any

    def _actor_memory(self, actor: Any, adam: Any = None) -> FlatMemory:
        """Bind an actor's parameters."""
        raise NotImplementedError

    def _actor_network(self, actor: Any) -> Network:
        """Return where an actor lies."""
        raise NotImplementedError

    def _lay_out(self) -> None:
        self._actor = self._actor_memory(self.actor, self.actor.optimizer)
        self._critics = FlatMemory(list(self.critic.parameters()), self.critic.optimizer)
        self._critic_targets = FlatMemory(list(self.critic_target.parameters()))
        self._memories = [self._actor, self._critics, self._critic_targets]
        network = self._actor_network(self.actor)
        first, second = (perceptron(self._critics.places, each) for each in (self.critic.qf0, self.critic.qf1))
        own = has_fma() and (self._portable or not is_wide(network, first))
        rows, elements, inputs = self.batch_size, self._elements, self._inputs

        def space(*shape: int) -> Array:
            return np.zeros(shape, np.float32)

        learning = network._replace(turned=own, own=own)
        self._actor_kernel = Actor(
            Learned(self._actor.values, self._actor.optimizer), learning,
            layer_space(network, rows), layer_space(network, rows), layer_space(network, rows), space(rows, elements), space(rows, elements), space(rows), space(rows),
        )  # fmt: skip
        widest = rows * int(first.widths.max())
        self._critics_kernel = Critics(
            Learned(self._critics.values, self._critics.optimizer),
            Target(self._critic_targets.values, self._critic_targets.turned),
            first._replace(turned=own, own=own), second._replace(turned=own, own=own),
            space(rows, inputs + elements), layer_space(first, rows), layer_space(first, rows), layer_space(first, rows), space(rows), space(rows),
            space(rows, elements), np.zeros(rows, np.int64), space(widest), space(widest), space(widest),
        )  # fmt: skip
        self._acting_layers = layer_space(network, self.n_envs)
        self._scaled_NA = space(self.n_envs, elements)
        self._bounds = tuple(np.ravel(edge) for edge in (self.action_space.low, self.action_space.high))

    def bind(self) -> None:
        """See :meth:`rlx.algorithms.off_policy.fast.FastOffPolicy.bind`."""
        super().bind()
        for network in (self._critics_kernel.first, self._critics_kernel.second):
            turn(self._critic_targets.values, network, self._critic_targets.turned)

    def _turn(self) -> None:
        arguments = (self._actor_kernel.learned, self._actor_kernel.network)
        self._code(fresh, *arguments)(*arguments)

    def _outputs(self, observations_ND: Array) -> Array:
        """Return what the actor says of the observations of all copies."""
        network = self._actor_kernel.network
        values = self._actor.turned if network.turned else self._actor.values
        arguments = (values, network, observations_ND, self._acting_layers)
        outputs: Array = self._code(forward, *arguments)(*arguments)
        return outputs

    def _act(self, observations_ND: Array, noise_NA: Any) -> None:
        """Write what the policy does into ``_scaled_NA``, within [−1, 1]."""
        raise NotImplementedError

    def _choose(self, env: TrainingEnv, stream: GlobalStream, noise: Any, t: int, warm: int) -> tuple[Any, Any]:
        drawn, added = noise
        low, high = self._bounds
        if t < warm:
            actions_NA = np.array([self.action_space.sample() for _ in range(env.num_envs)]).reshape(env.num_envs, -1)
        else:  # stock's policy gives actions in the environment's units, which are then scaled again
            self._act(env.arrays.observations_ND, drawn[t - warm] if drawn is not None else None)
            actions_NA = low + (0.5 * (self._scaled_NA + 1.0) * (high - low))
        scaled_NA = 2.0 * ((actions_NA - low) / (high - low)) - 1.0
        if added is not None:
            scaled_NA = np.clip(scaled_NA + added[t].reshape(scaled_NA.shape), -1, 1)
        executed_NA = low + (0.5 * (scaled_NA + 1.0) * (high - low))
        return executed_NA.reshape(env.num_envs, *self.action_space.shape), scaled_NA
