"""Playing episodes: each has its own reset seed and runs to its end, none is replaced.

("The first N episodes to finish" is biased towards short ones: −27 % on CartPole.) Episodes are batched over slots.
Episode k always plays in slot k mod :data:`SLOTS`, and the network always sees :data:`SLOTS` rows, because both the
size of a batch and the place in it can change the last bits of an action: so an episode comes out the same whichever
others are played beside it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch

from rlx.config import RunConfig
from rlx.envs import (
    Episode,
    EpisodesPlayed,
    Surroundings,
    first_non_finite,
    make_env,
    plain_flag,
    plain_reward,
    preserved,
    success_of,
    surroundings_for,
)
from rlx.errors import NonFiniteValue
from rlx.launch import close_later, watch
from rlx.training.actors import ROWS as SLOTS, Player, stack


class Stepper(Protocol):
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

    def reseed(self, seed: int) -> None:
        """Start the global generators that the environments share anew."""

    def close(self) -> None:
        """Let go of the environments."""


class GymnasiumStepper:
    """One Gymnasium environment per place, made when it is first needed and kept; see :class:`Stepper`."""

    alone = False

    def __init__(self, make_env: Callable[[], gym.Env[Any, Any]], surroundings: Surroundings | None = None):
        self._make, self._envs = make_env, dict[int, gym.Env[Any, Any]]()
        self._surroundings = Surroundings(0) if surroundings is None else surroundings

    @property
    def name(self) -> str:
        """See :attr:`Stepper.name`."""
        specs = [env.spec.id for env in self._envs.values() if env.spec]
        return specs[0] if specs else "the environment"

    def space(self, place: int) -> gym.Space[Any]:
        """See :meth:`Stepper.space`."""
        return self._envs[place].action_space

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Stepper.begin`."""
        with self._surroundings:
            if place not in self._envs:
                self._envs[place] = self._make()
            with watch.calling(watch.Call.RESET):
                return self._envs[place].reset(seed=reset_seed)[0]

    def step(self, actions: Any, places: Iterable[int]) -> Iterator[tuple[int, Any, float, bool, dict[str, Any]]]:
        """See :meth:`Stepper.step`."""
        found = []
        with self._surroundings:
            for place in places:
                watch.stepping()
                observation, reward, terminated, truncated, info = self._envs[place].step(actions[place])
                watch.returned()
                over = plain_flag(terminated, "terminated") or plain_flag(truncated, "truncated")
                found.append((place, observation, plain_reward(reward), over, info))
        yield from found

    def reseed(self, seed: int) -> None:
        """See :meth:`Stepper.reseed`."""
        self._surroundings.reseed(seed)

    def close(self) -> None:
        """See :meth:`Stepper.close`."""
        for env in self._envs.values():
            close_later(env)


class LoneStepper(GymnasiumStepper):
    """One Gymnasium environment for all places, of a kind of which a process can hold one only; see :class:`Stepper`."""

    alone = True

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Stepper.begin`."""
        self._envs = dict.fromkeys([place], next(iter(self._envs.values()))) if self._envs else {}
        return super().begin(place, reset_seed)


class NativeStepper:
    """A compiled environment that gives the same bits as Gymnasium's; see :class:`Stepper`."""

    alone = False

    def __init__(self, env_id: str):
        from rlx.envs import NativeSource, step_arrays

        self._source = NativeSource(env_id, SLOTS, 1)
        self._arrays = step_arrays(SLOTS, self._source.observation_space)

    @property
    def name(self) -> str:
        """See :attr:`Stepper.name`."""
        return self._source.env_id

    def space(self, _: int) -> gym.Space[Any]:
        """See :meth:`Stepper.space`."""
        return self._source.action_space

    def begin(self, place: int, reset_seed: int) -> Any:
        """See :meth:`Stepper.begin`."""
        return self._source.begin(place, reset_seed)

    def step(self, actions: Any, places: Iterable[int]) -> Iterator[tuple[int, Any, float, bool, dict[str, Any]]]:
        """See :meth:`Stepper.step`. Idle places step too, and what comes of it is ignored."""
        if isinstance(actions, dict):
            idle = next(iter(actions.values()))
            actions = np.stack([actions.get(place, idle) for place in range(SLOTS)])
        self._source.step(self._arrays, actions)
        arrays = self._arrays
        for place in places:
            over = bool(arrays.dones_N[place])
            seen = arrays.raw_final_ND if over else arrays.raw_ND
            yield place, seen[place].copy(), float(arrays.raw_rewards_N[place]), over, {}

    def reseed(self, seed: int) -> None:
        """See :meth:`Stepper.reseed`: these use none."""

    def close(self) -> None:
        """See :meth:`Stepper.close`."""
        self._source.close()


def stepper_for(config: RunConfig, made: gym.Env[Any, Any] | None = None) -> Stepper:
    """Return the fastest environments that give an environment's own bits.

    Args:
        config: The run.
        made: An environment of it that is there already, and is used (and closed) too.
    """
    from rlx.envs.vector_envs import native

    env, kept = config.env, [] if made is None else [made]

    if native.is_plain(env) and native.stands_in(env.id):
        for each in kept:
            close_later(each)
        return NativeStepper(env.id)
    kind = LoneStepper if env.vectorization == "isolated" else GymnasiumStepper
    return kind(lambda: kept.pop() if kept else make_env(env), surroundings_for(config, 0))


@dataclass
class _Slot:
    """A place in the batch, and the episodes that wait for it."""

    waiting: list[int]
    index: int = -1
    observation: Any = None
    total: float = 0.0
    length: int = 0
    effort: float = 0.0


def play(  # noqa: PLR0913
    actor: Player,
    stepper: Stepper,
    reset_seeds: Sequence[int],
    step_limit: int,
    only: Sequence[int] | None = None,
    report: Callable[[EpisodesPlayed], None] = lambda _: None,
) -> list[Episode]:
    """Play the episodes of ``reset_seeds`` to their ends.

    Args:
        actor: Who acts.
        stepper: The environments; they stay open.
        reset_seeds: The list of episodes.
        step_limit: Steps after which an episode is cut.
        only: Indices into ``reset_seeds`` to play (by default all); with deterministic actions they come out as they would among all.
        report: Told about once a second how far it is.

    Returns:
        The episodes in order of their index.
    """
    slots: dict[int, _Slot] = {}
    for index in range(len(reset_seeds)) if only is None else only:
        slots.setdefault(index % SLOTS, _Slot([])).waiting.append(index)
    told = _Told(report, len(reset_seeds) if only is None else len(only))
    groups = [{place: slot} for place, slot in slots.items()] if stepper.alone else [slots]
    episodes = [e for group in groups for e in _play(actor, stepper, group, reset_seeds, step_limit, told)]
    return sorted(episodes, key=lambda episode: episode.index)


class _Told:
    """Says about once a second how far an evaluation is."""

    def __init__(self, report: Callable[[EpisodesPlayed], None], total: int):
        self._report, self._total, self._last = report, total, time.monotonic()
        self.ended = self.steps = 0

    def stepped(self, steps: int) -> None:
        """Count steps."""
        self.steps += steps
        now = time.monotonic()
        if now - self._last > 1.0:
            self._last = now
            self._report(EpisodesPlayed(self.ended, self._total, self.steps))


def _play(  # noqa: PLR0913
    actor: Player, stepper: Stepper, slots: dict[int, _Slot], reset_seeds: Sequence[int], step_limit: int, told: _Told
) -> Iterator[Episode]:
    def start_next(place: int, slot: _Slot) -> None:
        """Begin the next episode that waits for a slot, or leave the slot idle."""
        slot.index = slot.waiting.pop(0) if slot.waiting else -1
        if slot.index >= 0:
            slot.total, slot.length, slot.effort = 0.0, 0, 0.0
            slot.observation = stepper.begin(place, reset_seeds[slot.index])
            actor.begin(place, stepper.space(place), reset_seeds[slot.index])

    for place, slot in slots.items():
        start_next(place, slot)
    padding = next(iter(slots.values())).observation if slots else None
    reach = _reach(stepper.space(next(iter(slots)))) if slots else None
    while active := {place: slot for place, slot in slots.items() if slot.index >= 0}:
        batch = stack([active[place].observation if place in active else padding for place in range(SLOTS)])
        if first_non_finite(batch):
            for slot in active.values():
                _check_finite(stepper, slot, "observation", slot.observation, reset_seeds[slot.index])
        told.stepped(len(active))
        actions = actor.act(batch)
        for place, observation, reward, over, info in stepper.step(actions, active):
            slot = active[place]
            if reach is not None:
                slot.effort += float(np.mean(np.abs(actions[place]) / reach))
            slot.observation, slot.total, slot.length = observation, slot.total + reward, slot.length + 1
            if not math.isfinite(reward):
                _check_finite(stepper, slot, "reward", reward, reset_seeds[slot.index])
            cut = slot.length >= step_limit and not over
            if over or cut:
                _check_finite(stepper, slot, "observation", observation, reset_seeds[slot.index])
                told.ended += 1
                effort = None if reach is None else slot.effort / slot.length
                yield Episode(
                    slot.index, reset_seeds[slot.index], slot.total, slot.length, success_of(info), cut, effort
                )
                start_next(place, slot)


def _reach(space: gym.Space[Any]) -> Any:
    """Return the largest size of each element of a continuous action; None where there are no bounds, or 0 is not in them."""
    if not isinstance(space, gym.spaces.Box) or (space.low > 0).any() or (space.high < 0).any():
        return None
    reach = np.maximum(np.abs(space.low), np.abs(space.high)).astype(float)
    return reach if np.isfinite(reach).all() and (reach > 0).all() else None


def _check_finite(stepper: Stepper, slot: _Slot, what: str, value: Any, seed: int) -> None:
    """Stop at a reward or observation that is not a finite number."""
    if found := first_non_finite(value):
        raise NonFiniteValue(
            f"{stepper.name} gave {found} as {what} in step {slot.length} of evaluation episode {slot.index} "
            f"(reset seed {seed}); fix the environment, or guard it with a wrapper (env.wrappers)",
            what,
            found,
        )


@contextmanager
def untouched_generators(seed: int) -> Iterator[None]:
    """Run a block on generators seeded with ``seed``, and put the global ones back as they were.

    So that evaluating more often changes nothing in training, and sampled actions are the same every time.
    """
    with preserved():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 — SB3 and environments use it
        torch.manual_seed(seed)
        yield
