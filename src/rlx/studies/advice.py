"""How a budget is spent: candidates, seeds of screening, seeds of confirmation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlx.errors import UsageError
from rlx.studies.contracts.quantities import shown_steps

LEAST = 18
"""Trainings below which nothing can be told: 6 seeds of each arm, 2 candidates."""
FLOOR_SEEDS = 5
MOST_SEEDS, MOST_CANDIDATES = 20, 12
LEAST_SEEDS = 6
CONFIRMING = 0.6
"""The share of trainings that confirms."""
TRIAL, PROMOTION = 2, 4
"""Seeds of all candidates, and of the better half."""
ROOM = 0.01
"""Of the budget, for smoke runs."""


@dataclass(frozen=True)
class Plan:
    """How a budget is spent in one round.

    Attributes:
        trainings: How many seeds the budget has room for, the floor taken off.
        candidates: How many are tried.
        seeds: Of each arm of the confirmation.
    """

    trainings: int
    candidates: int
    seeds: int

    @property
    def used(self) -> int:
        """Seeds that it trains."""
        return 2 * self.seeds + screening(self.candidates)

    @property
    def give_up_at(self) -> list[int]:
        """Seeds after which a look may end the confirmation."""
        half = math.ceil(self.seeds / 2)
        return [half] if 4 <= half < self.seeds else []


def screening(candidates: int) -> int:
    """Return the seeds that screening trains: two of each candidate, two more of the better half."""
    return TRIAL * candidates + (PROMOTION - TRIAL) * math.ceil(candidates / 2)


def plan_budget(steps: int, steps_per_seed: int, *, floor_trained: bool, rounds: int = 1) -> Plan:
    """Return how a budget is spent, in each of some rounds.

    n ≤ 20 seeds of each arm and m ≤ 12 candidates with 2n + 2m + 2⌈m/2⌉ trainings within the budget, about 60 : 40.

    Args:
        steps: The budget, in environment steps.
        steps_per_seed: Of a training, in whole rollouts.
        floor_trained: Whether the noise floor takes five trainings first.
        rounds: How many.

    Raises:
        UsageError: The budget is too small; the message says the least that can tell.
    """
    first = FLOOR_SEEDS if floor_trained else 0
    least = (LEAST * rounds + first) * steps_per_seed
    trainings = (steps // steps_per_seed - first) // rounds
    if trainings < LEAST:
        raise UsageError(
            f"{shown_steps(steps)} steps are {steps // steps_per_seed} trainings of {steps_per_seed:,} steps; the least that can tell "
            f"anything is {LEAST * rounds + first} of them, --budget {shown_steps(math.ceil(least * (1 + ROOM)))}"
        )
    seeds = min(MOST_SEEDS, max(LEAST_SEEDS, math.floor(CONFIRMING * trainings / 2)))
    candidates = max(m for m in range(1, MOST_CANDIDATES + 1) if 2 * seeds + screening(m) <= trainings or m == 1)
    while seeds < MOST_SEEDS and 2 * (seeds + 1) + screening(candidates) <= trainings and candidates == MOST_CANDIDATES:
        seeds += 1
    return Plan(trainings, candidates, seeds)
