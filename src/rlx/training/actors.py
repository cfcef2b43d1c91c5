"""Who plays in evaluation and film: a trained policy with its normaliser, uniform randomness, or nobody."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from rlx.algorithms import Actor, device_for, trained_config
from rlx.config import RunConfig
from rlx.envs import PLACES, Environments, Normalizer
from rlx.errors import CheckpointDamaged, TrainingFailed
from rlx.records import Checkpoint


class Player(Protocol):
    """Chooses actions for a batch of slots, each of which plays its own episodes."""

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn that ``slot`` starts the episode of ``reset_seed``."""

    def act(self, observations: Any) -> Any:
        """Return one action per slot (first axis) for a batch of observations."""


class PolicyPlayer:
    """A policy with the observation statistics it was trained with.

    Attributes:
        actor: The policy.
        normalizer: Its observation statistics, if it was trained with any.
        deterministic: Take the most likely action instead of drawing one.
    """

    def __init__(self, actor: Actor, normalizer: Normalizer | None, *, deterministic: bool):
        self.actor, self.normalizer, self.deterministic = actor, normalizer, deterministic
        self._memory: Any = None
        self._starts_N = np.ones(PLACES, np.bool_)

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Note that what the policy remembers in this slot counts no more."""
        self._starts_N[slot] = True

    def act(self, observations: Any) -> Any:
        """Return the policy's actions."""
        if self.normalizer is not None:
            observations = self.normalizer(observations)
        actions_N, self._memory = self.actor.act(observations, self._memory, self._starts_N, None, self.deterministic)
        self._starts_N = np.zeros(PLACES, np.bool_)
        return actions_N


class RandomPlayer:
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


class StillPlayer:
    """Does nothing: continuous actions of 0."""

    def __init__(self) -> None:
        self._actions: dict[int, Any] = {}

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn the shape of an action."""
        self._actions[slot] = np.zeros(action_space.shape or (), action_space.dtype)

    def act(self, observations: Any) -> Any:
        """Return zeros for each slot in use."""
        return dict(self._actions)


def load_player(  # noqa: PLR0913
    root: Path,
    config: RunConfig,
    checkpoint: Checkpoint,
    env: gym.Env[Any, Any],
    *,
    deterministic: bool,
    seed: int = 0,
) -> PolicyPlayer:
    """Build the policy of a checkpoint from the run's configuration, and load its weights.

    Args:
        root: The project (for networks and algorithms of its own).
        config: The run's configuration.
        checkpoint: As :func:`rlx.records.checkpoints.load` gives it.
        env: An environment of the run, for its spaces.
        deterministic: See :class:`PolicyPlayer`.
        seed: Of what the policy draws by itself.

    Raises:
        CheckpointDamaged: The weights do not fit the network that the configuration describes.
    """
    algorithm, config = trained_config(root, config)
    try:
        actor = algorithm.actor_of(Environments(root, config, env), checkpoint.policy, seed, device_for(config))
    except TrainingFailed as error:
        raise CheckpointDamaged(f"{checkpoint.path}: {error}") from None
    return PolicyPlayer(actor, checkpoint.normalizer, deterministic=deterministic)


def stack(observations: list[Any]) -> Any:
    """Return observations as one batch: arrays stacked on a new first axis, dict observations by key."""
    if isinstance(observations[0], dict):
        return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)
