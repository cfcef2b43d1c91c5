"""Playing episodes: each has its own reset seed and runs to its end, none is replaced.

("The first N episodes to finish" is biased towards short ones: −27 % on CartPole.) Episodes are batched over slots.
Episode k always plays in slot k mod :data:`PLACES`, and the network always sees :data:`PLACES` rows, because both the
size of a batch and the place in it can change the last bits of an action: so an episode comes out the same whichever
others are played beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch  # noqa: F401 — its generator is seeded where it is loaded, and environments may load it as they play

from rlx.algorithms import stack
from rlx.envs import (
    PLACES,
    ComponentSums,
    Episode,
    EpisodesPlayed,
    Places,
    first_non_finite,
    largest_actions,
    preserved,
    seed_generators,
    success_of,
)
from rlx.errors import NonFiniteValue
from rlx.training.actors import Array, Player, masks_row_by_row


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
    places: Places,
    reset_seeds: Sequence[int],
    step_limit: int,
    only: Sequence[int] | None = None,
    report: Callable[[EpisodesPlayed], None] = lambda _: None,
) -> list[Episode]:
    """Play the episodes of ``reset_seeds`` to their ends.

    Args:
        actor: Who acts.
        places: The environments; they stay open.
        reset_seeds: The list of episodes.
        step_limit: Steps after which an episode is cut.
        only: Indices into ``reset_seeds`` to play (by default all); with deterministic actions they come out as they would among all.
        report: Told about once a second how far it is.

    Returns:
        The episodes in order of their index.
    """
    slots: dict[int, _Slot] = {}
    for index in range(len(reset_seeds)) if only is None else only:
        slots.setdefault(index % PLACES, _Slot([])).waiting.append(index)
    told = _Told(report, len(reset_seeds) if only is None else len(only))
    groups = [{place: slot} for place, slot in slots.items()] if places.alone else [slots]
    episodes = [e for group in groups for e in _play(actor, places, group, reset_seeds, step_limit, told)]
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
    actor: Player, places: Places, slots: dict[int, _Slot], reset_seeds: Sequence[int], step_limit: int, told: _Told
) -> Iterator[Episode]:
    components = ComponentSums(PLACES)

    def start_next(place: int, slot: _Slot) -> None:
        """Begin the next episode that waits for a slot, or leave the slot idle."""
        slot.index = slot.waiting.pop(0) if slot.waiting else -1
        if slot.index >= 0:
            slot.total, slot.length, slot.effort = 0.0, 0, 0.0
            slot.observation = places.begin(place, reset_seeds[slot.index])
            actor.begin(place, places.space(place), reset_seeds[slot.index])

    for place, slot in slots.items():
        start_next(place, slot)
    padding = next(iter(slots.values())).observation if slots else None
    reach = largest_actions(places.space(next(iter(slots)))) if slots else None
    while active := {place: slot for place, slot in slots.items() if slot.index >= 0}:
        batch = stack([active[place].observation if place in active else padding for place in range(PLACES)])
        if first_non_finite(batch):
            for slot in active.values():
                _check_finite(places, slot, "observation", slot.observation, reset_seeds[slot.index])
        told.stepped(len(active))
        actions = actor.act(batch, _masks(actor, places, active))
        for place, observation, reward, over, info in places.step(actions, active):
            slot = active[place]
            if reach is not None:
                slot.effort += float(np.mean(np.abs(actions[place]) / reach))
            slot.observation, slot.total, slot.length = observation, slot.total + reward, slot.length + 1
            if info:
                components.add(place, info, reward)
            if not math.isfinite(reward):
                _check_finite(places, slot, "reward", reward, reset_seeds[slot.index])
            cut = slot.length >= step_limit and not over
            if over or cut:
                _check_finite(places, slot, "observation", observation, reset_seeds[slot.index])
                told.ended += 1
                effort = None if reach is None else slot.effort / slot.length
                told_parts = components.end(place)
                yield Episode(
                    slot.index,
                    reset_seeds[slot.index],
                    slot.total,
                    slot.length,
                    success_of(info),
                    cut,
                    effort,
                    told_parts,
                )
                start_next(place, slot)


def _masks(actor: Player, places: Places, active: Iterable[int]) -> Array | None:
    """Return which actions each place allows, where somebody heeds it; idle places allow all."""
    if not actor.masked:
        return None
    told = {place: places.masks(place) for place in active}
    return masks_row_by_row(places.space(next(iter(told))), told)


def _check_finite(places: Places, slot: _Slot, what: str, value: Any, seed: int) -> None:
    """Stop at a reward or observation that is not a finite number."""
    if found := first_non_finite(value):
        raise NonFiniteValue(
            f"{places.name} gave {found} as {what} in step {slot.length} of evaluation episode {slot.index} "
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
        seed_generators(seed)
        yield
