"""Screening: which candidates go on. It spends no alpha, since it accepts nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Screened:
    """What a rung of screening found.

    Attributes:
        ranking: All candidates, the best first; of equal ones, the lower id.
        kept: Those that go on.
        reasons: Why each of the others does not.
    """

    ranking: tuple[str, ...]
    kept: tuple[str, ...]
    reasons: Mapping[str, str]


def ranked(means: Mapping[str, float]) -> list[str]:
    """Return candidates by their means, the best first; of equal ones, the lower id."""
    return sorted(means, key=lambda name: (-means[name], int(name[1:])))


def halved(means: Mapping[str, float], keep: float) -> Screened:
    """Return the better share of candidates.

    Args:
        means: Of each one's selection seeds; more is better.
        keep: Which share goes on, rounded up.
    """
    order = ranked(means)
    kept = order[: max(1, math.ceil(keep * len(order)))]
    reasons = {name: f"place {place} of {len(order)}" for place, name in enumerate(order, 1) if name not in kept}
    return Screened(tuple(order), tuple(kept), reasons)


def surviving(
    means: Mapping[str, float], reference: float, violated: Mapping[str, Sequence[str]], survivors: int
) -> Screened:
    """Return the candidates that are worth a confirmation.

    Args:
        means: Of each one's selection seeds; more is better.
        reference: The incumbent's mean, over seeds that did not choose it.
        violated: The guardrails whose point estimate each fails.
        survivors: How many at most.
    """
    order = ranked(means)
    reasons: dict[str, str] = {}
    for name in order:
        if means[name] <= reference:
            reasons[name] = "its mean is not above the incumbent's"
        elif violated.get(name):
            reasons[name] = f"its point estimate fails {', '.join(violated[name])}"
    good = [name for name in order if name not in reasons]
    for place, name in enumerate(good[survivors:], survivors + 1):
        reasons[name] = f"place {place} of those above the incumbent"
    return Screened(tuple(order), tuple(good[:survivors]), reasons)
