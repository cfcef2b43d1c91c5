"""Policies of DQN, SAC and TD3 that the kernels know, playing: step by step, or all episodes at once where the environment is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rlx.algorithms.flat_memory import perceptron, places_of
from rlx.algorithms.kernels import Network, layer_space
from rlx.algorithms.kernels.network import forward, turn
from rlx.algorithms.off_policy.coverage import unknown_policy
from rlx.algorithms.off_policy.kernels.squashed import draw
from rlx.algorithms.off_policy.sac import sac_actor_network, sac_actor_parameters
from rlx.algorithms.off_policy.td3 import td3_actor_network
from rlx.algorithms.ppo.kernels import Head, Policy
from rlx.algorithms.ppo.kernels.acting import clip_actions, stretch
from rlx.algorithms.ppo.kernels.distributions import CATEGORICAL, SQUASHED, mode
from rlx.algorithms.ppo.parameters import bounds_of
from rlx.algorithms.ppo.playing import KernelActor, TorchActor, play_all

__all__ = ["actor_for", "kernel_actor", "play_all"]

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Array, Observations
    from rlx.envs import Environments


class ValueActor(KernelActor):
    """DQN's policy: the action of the highest value; else, in a part of all steps, a random one, from NumPy's global generator.

    Attributes:
        exploration_rate: That part.
    """

    def __init__(self, q_net: Any, exploration_rate: float = 0.0):
        parameters = list(q_net.parameters())
        self.policy = _played(parameters, perceptron(places_of(parameters), q_net.q_net), q_net.action_space)
        self._space, self.exploration_rate, self._rows = q_net.action_space, exploration_rate, 0

    def act(
        self, observations: Observations, memory: Any, episode_starts_N: Array, masks: Array | None, deterministic: bool
    ) -> tuple[Array, Any]:
        """Return the action of each row."""
        y_NO = self._outputs(observations)
        actions_NA = np.empty((len(y_NO), 1), np.float32)
        mode(self.policy.head, y_NO, actions_NA)
        actions_N = actions_NA[:, 0].astype(np.int64)
        if not deterministic:
            explores_N = np.random.rand(len(actions_N)) < self.exploration_rate  # noqa: NPY002 — the caller seeds it
            random_N = np.random.randint(int(self._space.n), size=len(actions_N))  # noqa: NPY002
            actions_N = np.where(explores_N, random_N, actions_N)
        return actions_N, memory

    def _outputs(self, observations: Observations) -> Any:
        rows = len(observations)
        if rows != self._rows:
            self._rows, self._layers = rows, layer_space(self.policy.actor, rows)
        x_ND = np.ascontiguousarray(observations, np.float32).reshape(rows, -1)
        return forward(self.policy.parameters, self.policy.actor, x_ND, self._layers)


class SquashedActor(ValueActor):
    """SAC's policy, drawn with numbers from torch's global generator; or TD3's, which draws nothing."""

    def __init__(self, actor: Any):
        self._draws = hasattr(actor, "log_std")
        if self._draws:
            parameters = sac_actor_parameters(actor)
            network = sac_actor_network(places_of(parameters), actor)
        else:
            parameters = list(actor.parameters())
            network = td3_actor_network(places_of(parameters), actor)
        self.policy = _played(parameters, network, actor.action_space)
        self._space, self._rows = actor.action_space, 0
        self._bounds = bounds_of(self._space, len(self.policy.head.options))

    def act(
        self, observations: Observations, memory: Any, episode_starts_N: Array, masks: Array | None, deterministic: bool
    ) -> tuple[Array, Any]:
        """Return the action of each row."""
        y_NO = self._outputs(observations)
        actions_NA = np.empty((len(y_NO), self._bounds.shape[1]), np.float32)
        if deterministic or not self._draws:
            mode(self.policy.head, y_NO, actions_NA)
        else:
            noise_NA = torch.empty(actions_NA.shape).normal_().numpy()
            draw(y_NO, noise_NA, actions_NA, np.empty(len(y_NO), np.float32))
        stretch(actions_NA, self._bounds)
        clip_actions(actions_NA, self._bounds, actions_NA)
        return actions_NA.reshape(-1, *self._space.shape), memory


def kernel_actor(policy: Any, exploration_rate: float = 0.0) -> ValueActor:
    """Return who acts by a stock policy of DQN's, SAC's or TD3's through the kernels; a copy of its parameters."""
    return SquashedActor(policy.actor) if hasattr(policy, "actor") else ValueActor(policy.q_net, exploration_rate)


def actor_for(policy: Any, env: Environments, exploration_rate: float = 0.0) -> Actor:
    """Return who acts by a stock policy of DQN's, SAC's or TD3's: the kernels, if they know it.

    Args:
        policy: It.
        env: What it plays in.
        exploration_rate: How often DQN's takes a random action, where it is not asked for the best ones.
    """
    if unknown_policy(env.config, env.observation_space, env.action_space):
        return TorchActor(policy)
    return kernel_actor(policy, exploration_rate)


def _played(parameters: Any, network: Network, space: Any) -> Policy:
    """Return a policy as the kernels play it, apart from torch's."""
    values = np.concatenate([each.detach().reshape(-1).cpu().numpy() for each in parameters])
    turned = np.zeros_like(values)
    turn(values, network, turned)
    if hasattr(space, "n"):
        head = Head(CATEGORICAL, np.array([space.n], np.int64), -1)
    else:
        head = Head(SQUASHED, np.ones(int(np.prod(space.shape)), np.int64), -1)
    return Policy(turned, network, network, head)
