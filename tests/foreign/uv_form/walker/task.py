"""A point on a line: push it to the target, softly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LONGEST = 50


@dataclass
class Played:
    rewards: dict[str, float]
    length: int
    success: bool

    @property
    def total(self) -> float:
        return sum(self.rewards.values())


def reward_terms(position: float, push: float, push_cost: float) -> dict[str, float]:
    return {"distance": -abs(position), "push": -push_cost * push * push}


def is_terminated(position: float) -> bool:
    return abs(position) > 5.0


def play(gains: np.ndarray, seed: int, push_cost: float = 0.1) -> Played:
    """Play one episode with a policy of two gains."""
    draw = np.random.default_rng(seed)
    position, speed, sums, length = draw.uniform(-2, 2), 0.0, {"distance": 0.0, "push": 0.0}, 0
    while length < LONGEST and not is_terminated(position):
        push = float(np.clip(-gains[0] * position - gains[1] * speed, -2, 2))
        speed += 0.1 * push + draw.normal(0, 0.01)
        position += 0.1 * speed
        length += 1
        for name, value in reward_terms(position, push, push_cost).items():
            sums[name] += value
    return Played(sums, length, abs(position) < 0.5)
