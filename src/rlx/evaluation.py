"""Playing episodes: each has its own reset seed and runs to its end, none is replaced.

("The first N episodes to finish" is biased towards short ones: −27 % on CartPole.) Episodes are batched over slots.
Episode k always plays in slot k mod :data:`SLOTS`, and the network always sees :data:`SLOTS` rows, because both the
size of a batch and the place in it can change the last bits of an action: so an episode comes out the same whichever
others are played beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlx.actors import Actor, stack
from rlx.env_wrappers import first_non_finite, success_of
from rlx.errors import NonFiniteValue

SLOTS = 32


@dataclass(frozen=True)
class Episode:
    """One played episode.

    Attributes:
        index: Its place in the list of reset seeds.
        reset_seed: What the environment was reset with.
        episode_return: Undiscounted sum of rewards.
        length: Steps taken.
        success: As the environment reports it, None where it does not.
        cut: Whether it hit the step limit of the evaluation rather than its own end.
    """

    index: int
    reset_seed: int
    episode_return: float
    length: int
    success: bool | None
    cut: bool


@dataclass
class _Slot:
    """A place in the batch, and the episodes that wait for it."""

    env: gym.Env[Any, Any]
    waiting: list[int]
    index: int = -1
    observation: Any = None
    total: float = 0.0
    length: int = 0


def play(
    actor: Actor,
    make_env: Callable[[], gym.Env[Any, Any]],
    reset_seeds: Sequence[int],
    step_limit: int,
    only: Sequence[int] | None = None,
) -> list[Episode]:
    """Play the episodes of ``reset_seeds`` to their ends.

    Args:
        actor: Who acts.
        make_env: Makes an environment; called at most :data:`SLOTS` times.
        reset_seeds: The list of episodes.
        step_limit: Steps after which an episode is cut.
        only: Indices into ``reset_seeds`` to play (by default all); with deterministic actions they come out as they would among all.

    Returns:
        The episodes in order of their index.
    """
    with contextmanager(_slots)(make_env, range(len(reset_seeds)) if only is None else only) as slots:
        return sorted(
            (episode for episode in _play(actor, slots, reset_seeds, step_limit)), key=lambda episode: episode.index
        )


def _slots(make_env: Callable[[], gym.Env[Any, Any]], indices: Sequence[int]) -> Iterator[dict[int, _Slot]]:
    slots: dict[int, _Slot] = {}
    try:
        for index in indices:
            place = index % SLOTS
            if place not in slots:
                slots[place] = _Slot(make_env(), [])
            slots[place].waiting.append(index)
        yield slots
    finally:
        for slot in slots.values():
            slot.env.close()


def _play(actor: Actor, slots: dict[int, _Slot], reset_seeds: Sequence[int], step_limit: int) -> Iterator[Episode]:
    for place, slot in slots.items():
        _start_next(actor, place, slot, reset_seeds)
    padding = next(iter(slots.values())).observation if slots else None
    while active := {place: slot for place, slot in slots.items() if slot.index >= 0}:
        batch = [active[place].observation if place in active else padding for place in range(SLOTS)]
        actions = actor.act(stack(batch))
        for place, slot in active.items():
            slot.observation, reward, terminated, truncated, info = slot.env.step(actions[place])
            slot.total += float(reward)
            slot.length += 1
            _check_finite(slot, "reward", reward, reset_seeds[slot.index])
            _check_finite(slot, "observation", slot.observation, reset_seeds[slot.index])
            cut = slot.length >= step_limit and not (terminated or truncated)
            if terminated or truncated or cut:
                yield Episode(slot.index, reset_seeds[slot.index], slot.total, slot.length, success_of(info), cut)
                _start_next(actor, place, slot, reset_seeds)


def _check_finite(slot: _Slot, what: str, value: Any, seed: int) -> None:
    """Stop at the first reward or observation that is not a finite number."""
    if found := first_non_finite(value):
        name = slot.env.spec.id if slot.env.spec else "the environment"
        raise NonFiniteValue(
            f"{name} gave {found} as {what} in step {slot.length} of evaluation episode {slot.index} (reset seed {seed}); "
            f"fix the environment, or guard it with a wrapper (env.wrappers)"
        )


def _start_next(actor: Actor, place: int, slot: _Slot, reset_seeds: Sequence[int]) -> None:
    """Begin the next episode that waits for a slot, or leave the slot idle."""
    slot.index = slot.waiting.pop(0) if slot.waiting else -1
    if slot.index >= 0:
        seed = reset_seeds[slot.index]
        slot.total, slot.length = 0.0, 0
        slot.observation, _ = slot.env.reset(seed=seed)
        _check_finite(slot, "observation", slot.observation, seed)
        actor.begin(place, slot.env.action_space, seed)


@contextmanager
def untouched_generators(seed: int) -> Iterator[None]:
    """Run a block on generators seeded with ``seed``, and put the global ones back as they were.

    So that evaluating more often changes nothing in training, and sampled actions are the same every time.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 — SB3 and environments use it
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if torch.cuda.is_available() else []):
        try:
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
