"""Policies of Stable-Baselines3's shape that act: taken from a training, or built from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv

from rlx.algorithms.off_policy.coverage import unknown_policy
from rlx.algorithms.policies import device_for
from rlx.algorithms.sb3.building import build
from rlx.algorithms.sb3.table import HAVE_KERNELS, TABLE
from rlx.envs import PLACES, Environments, preserved

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Array, Observations

UNUSED = {"buffer_size": 1, "replay_buffer_class": None, "replay_buffer_kwargs": None, "n_steps": 1}
"""What a policy that only acts needs nothing of."""


class SB3Actor:
    """See :class:`rlx.algorithms.learner.Actor`.

    Of DQN and its kind, not deterministic means ε-greedy with the ε of the training, drawn for each row.
    """

    def __init__(self, policy: Any, epsilon: float, *, masked: bool):
        self.policy, self.epsilon, self.masked = policy, epsilon, masked

    def act(
        self,
        observations: Observations,
        memory: Any,
        episode_starts_N: Array,
        masks: Array | None,
        deterministic: bool,
    ) -> tuple[Array, Any]:
        """Return the policy's actions, clipped to the action space as in training."""
        more = {"action_masks": masks} if self.masked else {}
        actions_N, memory = self.policy.predict(observations, memory, episode_starts_N, deterministic, **more)
        if not deterministic and self.epsilon > 0:
            explored_N = np.random.random(len(actions_N)) < self.epsilon  # noqa: NPY002 — the generator that the caller seeds
            drawn_N = np.random.randint(self.policy.action_space.n, size=len(actions_N))  # noqa: NPY002
            actions_N = np.where(explored_N, drawn_N + self.policy.action_space.start, actions_N)
        return actions_N, memory


class Spaces(VecEnv):
    """The spaces of an environment, in place of it."""

    def __init__(self, copies: int, observation_space: gym.Space[Any], action_space: gym.Space[Any]):
        super().__init__(copies, observation_space, action_space)

    def reset(self) -> Any:
        """Refuse: nothing is there."""
        raise NotImplementedError

    step_async = step_wait = env_method = set_attr = reset  # type: ignore[assignment]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Tell of nothing but how it is drawn: not at all."""
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Say no."""
        return [False] * self.num_envs

    def close(self) -> None:
        """Nothing is open."""


def actor_of(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    """Build the policy of a checkpoint from the run's configuration, and load its weights.

    With gSDE its noise is drawn anew, from ``seed`` and with the trained ``log_std``: the matrices are in no state.
    """
    config, name = env.config, env.config.algo.name
    space = Spaces(1, env.observation_space, env.action_space)
    is_replaying = "buffer_size" in type(config.algo).model_fields
    with preserved():
        given = UNUSED if is_replaying else {}
        model: Any = build(env.root, config, 0, space, device_for(config), TABLE[name], **given)
    model.policy.load_state_dict(policy["network"])
    return playing(model, env, float(policy.get("exploration_rate", 0.0)), seed)


def playing(model: Any, env: Environments, epsilon: float, seed: int) -> Actor:
    """Return who acts by the present policy of an algorithm: compiled kernels where they know it, whoever trained it."""
    model.policy.set_training_mode(False)
    config = env.config
    if config.algo.name in HAVE_KERNELS and not unknown_policy(config, env.observation_space, env.action_space):
        from rlx.algorithms.off_policy.playing import kernel_actor

        return kernel_actor(model.policy, epsilon)
    if getattr(model, "use_sde", False):
        with preserved():
            torch.manual_seed(seed)
            (model.policy.actor if hasattr(model.policy, "actor") else model.policy).reset_noise(PLACES)
    return SB3Actor(model.policy, epsilon, masked=type(model).__name__ == "MaskablePPO")
