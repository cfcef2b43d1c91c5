"""Places in which episodes are played one by one, each with its own reset seed: validation, held-out evaluation, film."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from rlx.envs.masks import masks_of, tells_masks
from rlx.envs.surroundings import Surroundings
from rlx.envs.value_checks import plain_flag, plain_reward
from rlx.launch import close_later, watch

Array = np.ndarray[Any, Any]
PLACES = 32
"""How many episodes are played beside one another: the rows of the batch that a policy sees."""


class Places(Protocol):
    """Environments for the slots: each place plays one episode at a time.

    Attributes:
        alone: Whether there is one environment only, so that places play one after another.
    """

    alone: bool

    @property
    def name(self) -> str:
        """The environment's id, for messages."""

    def space(self, place: int) -> gym.Space[Any]:
        """Return the action space of a place."""

    def begin(self, place: int, reset_seed: int) -> Any:
        """Begin an episode; returns its first observation."""

    def step(self, actions: Any, places: Iterable[int]) -> Iterator[tuple[int, Any, float, bool, dict[str, Any]]]:
        """Step some places; yields (place, observation, reward, over, info) of each."""

    def masks(self, place: int) -> Array | None:
        """Return which actions a place allows now (:func:`rlx.envs.masks.masks_of`); None where its environment does not tell."""

    def reseed(self, seed: int) -> None:
        """Start the global generators that the environments share anew."""

    def close(self) -> None:
        """Let go of the environments."""


class GymnasiumPlaces:
    """One Gymnasium environment per place, made when it is first needed and kept; see :class:`Places`."""

    alone = False

    def __init__(self, make_env: Callable[[], gym.Env[Any, Any]], surroundings: Surroundings | None = None):
        self._make, self._envs = make_env, dict[int, gym.Env[Any, Any]]()
        self._lengths: dict[int, int] = {}
        self._tells = False
        self._surroundings = Surroundings(0) if surroundings is None else surroundings

    @property
    def name(self) -> str:
        """See :attr:`Places.name`."""
        specs = [env.spec.id for env in self._envs.values() if env.spec]
        return specs[0] if specs else "the environment"

    def space(self, place: int) -> gym.Space[Any]:
        """See :meth:`Places.space`."""
        return self._envs[place].action_space

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Places.begin`."""
        with self._surroundings:
            if place not in self._envs:
                self._envs[place] = self._make()
            self._lengths[place], self._tells = 0, tells_masks(self._envs[place])
            with watch.calling(watch.Call.RESET):
                return self._envs[place].reset(seed=reset_seed)[0]

    def step(self, actions: Any, places: Iterable[int]) -> Iterator[tuple[int, Any, float, bool, dict[str, Any]]]:
        """See :meth:`Places.step`."""
        found = []
        with self._surroundings:
            for place in places:
                watch.stepping()
                observation, reward, terminated, truncated, info = self._envs[place].step(actions[place])
                watch.returned()
                self._lengths[place] += 1
                over = plain_flag(terminated, "terminated") or plain_flag(truncated, "truncated")
                found.append((place, observation, plain_reward(reward), over, info))
        yield from found

    def masks(self, place: int) -> Array | None:
        """See :meth:`Places.masks`."""
        if not self._tells:
            return None
        with self._surroundings:
            return masks_of(self._envs[place], self._lengths[place])

    def reseed(self, seed: int) -> None:
        """See :meth:`Places.reseed`."""
        self._surroundings.reseed(seed)

    def close(self) -> None:
        """See :meth:`Places.close`."""
        for env in self._envs.values():
            close_later(env)


class LonePlaces(GymnasiumPlaces):
    """One Gymnasium environment for all places, of a kind of which a process can hold one only; see :class:`Places`."""

    alone = True

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Places.begin`."""
        self._envs = dict.fromkeys([place], next(iter(self._envs.values()))) if self._envs else {}
        return super().begin(place, reset_seed)


class NativePlaces:
    """A compiled environment that gives the same bits as Gymnasium's; see :class:`Places`."""

    alone = False

    def __init__(self, env_id: str):
        from rlx.envs.vector_envs.native import NativeSource, step_arrays

        self._source = NativeSource(env_id, PLACES, 1)
        self._arrays = step_arrays(PLACES, self._source.observation_space)

    @property
    def name(self) -> str:
        """See :attr:`Places.name`."""
        return self._source.env_id

    def space(self, _: int) -> gym.Space[Any]:
        """See :meth:`Places.space`."""
        return self._source.action_space

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Places.begin`."""
        return self._source.begin(place, reset_seed)

    def step(self, actions: Any, places: Iterable[int]) -> Iterator[tuple[int, Any, float, bool, dict[str, Any]]]:
        """See :meth:`Places.step`. Idle places step too, and what comes of it is ignored."""
        if isinstance(actions, dict):
            idle = next(iter(actions.values()))
            actions = np.stack([actions.get(place, idle) for place in range(PLACES)])
        self._source.step(self._arrays, actions)
        arrays = self._arrays
        for place in places:
            over = bool(arrays.dones_N[place])
            seen = arrays.raw_final_ND if over else arrays.raw_ND
            yield place, seen[place].astype(np.float32), float(arrays.raw_rewards_N[place]), over, {}

    def masks(self, _: int) -> Array | None:
        """See :meth:`Places.masks`: none of these tells any."""
        return None

    def reseed(self, seed: int) -> None:
        """See :meth:`Places.reseed`: these use none."""

    def close(self) -> None:
        """See :meth:`Places.close`."""
        self._source.close()
