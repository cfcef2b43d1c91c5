"""Who plays in evaluation and film: a trained policy with its normaliser, uniform randomness, or nobody."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.algorithms import Actor, EpisodesAtOnce, device_for, trained_config
from rlx.config import RunConfig
from rlx.envs import (
    PLACES,
    Environments,
    Normalizer,
    all_allowed,
    check_allowed,
    executable,
    sample_allowed,
    shape_misfit,
)
from rlx.errors import CheckpointDamaged, PolicyUnusable
from rlx.records import Checkpoint
from rlx.training.compiling import make_ready
from rlx.training.page_places import broken

Array = np.ndarray[Any, Any]


class Player(Protocol):
    """Chooses actions for a batch of slots, each of which plays its own episodes.

    Attributes:
        masked: Whether it heeds masks, so that environments that have some are to be asked.
    """

    masked: bool

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn that ``slot`` starts the episode of ``reset_seed``."""

    def act(self, observations: Any, masks: Array | None = None) -> Any:
        """Return one action per slot for a batch of observations.

        Args:
            observations: One row per slot.
            masks: Which actions each slot may take, one row per slot; None where the environment does not tell.
        """


class PolicyPlayer:
    """A policy with the observation statistics it was trained with.

    Attributes:
        actor: The policy.
        normalizer: Its observation statistics, if it was trained with any.
        deterministic: Take the most likely action instead of drawing one.
        masked: Whether the policy needs masks (:attr:`rlx.algorithms.Algorithm.masks`); one that ignores them is given none.
        at_once: Plays an episode per reset seed faster than step by step, where there is such a way.
    """

    def __init__(self, actor: Actor, normalizer: Normalizer | None, *, deterministic: bool, masked: bool = False):
        self.actor, self.normalizer, self.deterministic, self.masked = actor, normalizer, deterministic, masked
        self.at_once: Callable[[Sequence[int]], EpisodesAtOnce | None] = lambda _: None
        self._memory: Any = None
        self._space: gym.Space[Any] | None = None
        self._starts_N = np.ones(PLACES, np.bool_)

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Note that what the policy remembers in this slot counts no more."""
        self._starts_N[slot], self._space = True, action_space

    def act(self, observations: Any, masks: Array | None = None) -> Any:
        """Return the policy's actions; continuous ones are clipped to what the environment takes, as in training."""
        if self.normalizer is not None:
            observations = self.normalizer(observations)
        acted: Any = self.actor.act(
            observations, self._memory, self._starts_N, masks if self.masked else None, self.deterministic
        )
        if not isinstance(acted, tuple) or len(acted) != 2:
            told = f"act() of the policy returned {type(acted).__name__}; it returns the actions and the memory (None without one)"
            raise broken(self.actor.act, f"algo.name: {told}")
        actions_N, self._memory = acted
        self._starts_N = np.zeros(PLACES, np.bool_)
        if self._space is None:
            return actions_N
        if wrong := shape_misfit(actions_N, PLACES, self._space):
            raise broken(self.actor.act, f"algo.name: act() of the policy returned {wrong}")
        check_allowed(actions_N, self._space, "the policy")
        return executable(np.asarray(actions_N), self._space) if isinstance(self._space, spaces.Box) else actions_N


class RandomPlayer:
    """Uniformly random actions, where masks are told from those that are allowed; each episode draws from its own reset seed."""

    masked = True

    def __init__(self) -> None:
        self._spaces: dict[int, gym.Space[Any]] = {}

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Seed the slot's own copy of the action space."""
        self._spaces[slot] = copy.deepcopy(action_space)
        self._spaces[slot].seed(reset_seed)

    def act(self, observations: Any, masks: Array | None = None) -> Any:
        """Draw one action per slot in use."""
        return {
            slot: sample_allowed(space, None if masks is None else masks[slot]) for slot, space in self._spaces.items()
        }


class StillPlayer:
    """Does nothing: continuous actions of 0."""

    masked = False

    def __init__(self) -> None:
        self._actions: dict[int, Any] = {}

    def begin(self, slot: int, action_space: gym.Space[Any], reset_seed: int) -> None:
        """Learn the shape of an action."""
        self._actions[slot] = np.zeros(action_space.shape or (), action_space.dtype)

    def act(self, observations: Any, masks: Array | None = None) -> Any:
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
    say: Callable[[str], None] = lambda _: None,
) -> PolicyPlayer:
    """Build the policy of a checkpoint from the run's configuration, and load its weights.

    Args:
        root: The project (for networks and algorithms of its own).
        config: The run's configuration.
        checkpoint: As :func:`rlx.records.checkpoints.load` gives it.
        env: An environment of the run, for its spaces.
        deterministic: See :class:`PolicyPlayer`.
        seed: Of what the policy draws by itself.
        say: Called with a line for people, before something that takes a while.

    Raises:
        CheckpointDamaged: It does not fit the learner that the configuration describes.
    """
    algorithm, config = trained_config(root, _on_a_device_of_here(config, say))
    environments = Environments(root, config, env)
    make_ready(algorithm, config, env, say)
    with taking_over(checkpoint.path):
        actor = algorithm.actor_of(environments, checkpoint.policy, seed, device_for(config))
    masked = algorithm.masks == "needed"
    player = PolicyPlayer(actor, checkpoint.normalizer, deterministic=deterministic, masked=masked)
    if deterministic and algorithm.play is not None:
        player.at_once = partial(algorithm.play, actor, environments, checkpoint.normalizer)
    return player


def _on_a_device_of_here(config: RunConfig, say: Callable[[str], None]) -> RunConfig:
    """Return a configuration whose device this machine has: what a GPU has trained can be played without one."""
    try:
        device_for(config)
    except PolicyUnusable:
        say(f"trained on {config.device}, which is not here; plays on the CPU, where the last digits may be others")
        return config.model_copy(update={"device": "cpu"})
    return config


@contextmanager
def taking_over(path: Path) -> Iterator[None]:
    """Name the checkpoint whose state a learner cannot take over, whatever it raises then.

    Raises:
        CheckpointDamaged: It is of another network, or of another version of the algorithm.
    """
    try:
        yield
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointDamaged(
            f"{path}: does not fit the learner of this configuration ({told}); it is of another network, or of another version "
            "of the algorithm: put those back, or train anew"
        ) from error


def masks_row_by_row(space: gym.Space[Any], told: Mapping[int, Array | None]) -> Array | None:
    """Return the masks of all places as one batch: of those told, and all true for the others; None where none is told.

    Args:
        space: The action space of one place.
        told: By place which actions it allows.
    """
    rows = {place: mask_W for place, mask_W in told.items() if mask_W is not None}
    if not rows:
        return None
    idle_W = all_allowed(space)
    return np.stack([rows.get(place, idle_W) for place in range(PLACES)])
