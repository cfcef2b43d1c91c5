"""The noise floor: how much the baseline's score differs between seeds, and what a confirmation could tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlx.stats import minimum_detectable_effect

LEVEL = 0.95


@dataclass(frozen=True)
class Floor:
    """A noise floor.

    Attributes:
        mean: Over seeds.
        sd: Between seeds (n − 1).
        low: Lower end of the standard deviation's interval.
        high: Upper end.
        detectable: The smallest true gain, minimum effect included, that a slot shows four times in five.
    """

    mean: float
    sd: float
    low: float
    high: float
    detectable: float


def floor_of(scores: Mapping[int, float], seeds: int, alpha: float, minimum_effect: float) -> Floor:
    """Return the floor that some scores show.

    The standard deviation's interval is that of χ² (exact for normal scores); what can be detected is by the noncentral t
    of :func:`rlx.stats.minimum_detectable_effect`, beyond the minimum effect.

    Args:
        scores: By seed, five or more.
        seeds: Of each arm of a confirmation.
        alpha: Of a slot, two-sided.
        minimum_effect: A gain that is not beyond it counts as none.
    """
    from scipy.stats import chi2

    scores_S = np.array([scores[seed] for seed in sorted(scores)], dtype=float)
    n, sd = len(scores_S), float(np.std(scores_S, ddof=1))
    freedom = n - 1
    low, high = (sd * math.sqrt(freedom / chi2.ppf(share, freedom)) for share in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    seen = minimum_detectable_effect(sd, seeds, alpha) or 0.0
    return Floor(float(scores_S.mean()), sd, float(low), float(high), minimum_effect + seen)


def guardrail_pass_rate(margin: float, sd: float, seeds: int, alpha: float) -> float:
    """Return how often an equal candidate is shown to be no worse by more than a margin.

    One-sided two-sample t with equal spreads: the power at a true difference of zero, by the noncentral t (Julious 2004).

    Args:
        margin: In the metric's unit, above 0.
        sd: Between seeds.
        seeds: Of each arm.
        alpha: One-sided.
    """
    from scipy.stats import nct, t

    if sd == 0:
        return 1.0
    freedom = 2 * seeds - 2
    return float(1 - nct.cdf(t.ppf(1 - alpha, freedom), freedom, margin / (sd * math.sqrt(2 / seeds))))
