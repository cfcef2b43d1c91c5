"""What acts in evaluation and film: a trained policy with its normaliser, or uniform randomness."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from rlx.algorithms import device_for, policy_arguments
from rlx.config import RunConfig
from rlx.envs import Normalizer
from rlx.errors import CheckpointDamaged
from rlx.records import Checkpoint


class Actor(Protocol):
    """Chooses actions for a batch of slots, each of which plays its own episodes."""

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn that ``slot`` starts the episode of ``reset_seed``."""

    def act(self, observations: Any) -> Any:
        """Return one action per slot (first axis) for a batch of observations."""


@dataclass
class PolicyActor:
    """A policy with the observation statistics it was trained with.

    Attributes:
        policy: An SB3 policy.
        normalizer: Its observation statistics, if it was trained with any.
        deterministic: Take the most likely action instead of sampling one.
    """

    policy: Any
    normalizer: Normalizer | None
    deterministic: bool

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Nothing to prepare: the policy has no memory."""

    def act(self, observations: Any) -> Any:
        """Return the policy's actions, clipped to the action space as in training."""
        if self.normalizer is not None:
            observations = self.normalizer(observations)
        actions, _ = self.policy.predict(observations, deterministic=self.deterministic)
        return actions


class RandomActor:
    """Uniformly random actions; each episode draws from its own reset seed."""

    def __init__(self) -> None:
        self._spaces: dict[int, gym.Space[Any]] = {}

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Seed the slot's own copy of the action space."""
        self._spaces[slot] = copy.deepcopy(action_space)
        self._spaces[slot].seed(reset_seed)

    def act(self, observations: Any) -> Any:
        """Draw one action per slot in use."""
        return {slot: space.sample() for slot, space in self._spaces.items()}


class StillActor:
    """Does nothing: continuous actions of 0."""

    def __init__(self) -> None:
        self._actions: dict[int, Any] = {}

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn the shape of an action."""
        self._actions[slot] = np.zeros(action_space.shape or (), action_space.dtype)

    def act(self, observations: Any) -> Any:
        """Return zeros for each slot in use."""
        return dict(self._actions)


def load_actor(
    root: Path, config: RunConfig, checkpoint: Checkpoint, env: gym.Env[Any, Any], *, deterministic: bool
) -> PolicyActor:
    """Build the policy of a checkpoint from the run's configuration, and load its weights.

    Args:
        root: The project (for networks of its own).
        config: The run's configuration.
        checkpoint: As :func:`rlx.records.checkpoints.load` gives it.
        env: An environment of the run, for its spaces.
        deterministic: See :class:`PolicyActor`.

    Raises:
        CheckpointDamaged: The weights do not fit the network that the configuration describes.
    """
    space = _as_network_sees(env.observation_space)
    policy_class, arguments = policy_arguments(root, config, space)
    policy = policy_class(space, env.action_space, _no_learning, **arguments)
    try:
        policy.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        raise CheckpointDamaged(
            f"{checkpoint.path}: its weights do not fit the network of the configuration: {error}"
        ) from None
    policy.to(device_for(config))
    policy.set_training_mode(False)
    return PolicyActor(policy, checkpoint.normalizer, deterministic)


def _no_learning(_: float) -> float:
    """Give the learning rate of a policy that is only played."""
    return 0.0


def _as_network_sees(space: gym.Space[Any]) -> gym.Space[Any]:
    """Return the observation space with images' channels first, as SB3 wraps environments in training."""
    from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
    from stable_baselines3.common.vec_env import VecTransposeImage

    if isinstance(space, gym.spaces.Dict):
        return gym.spaces.Dict({key: _as_network_sees(member) for key, member in space.spaces.items()})
    if isinstance(space, gym.spaces.Box) and is_image_space(space) and not is_image_space_channels_first(space):
        return VecTransposeImage.transpose_space(space)
    return space


def stack(observations: list[Any]) -> Any:
    """Return observations as one batch: arrays stacked on a new first axis, dict observations by key."""
    if isinstance(observations[0], dict):
        return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)
