"""How much a number of seeds can show: power, detectable effects, and the seeds that a question needs."""

from __future__ import annotations

import bisect
import math
from functools import lru_cache

import scipy

from rlx.stats.permutation import smallest_p

SEEDS_FOR_VERDICT = 5
"""Seeds that a verdict wants at least: fewer reach p ≤ 0.05 only where every one of one run is above all of the other (rlx's own)."""


def seeds_needed(effect: float, std: float, alpha: float = 0.05, power: float = 0.8, limit: int = 1000) -> int | None:
    """Return how many seeds each would detect ``effect`` with the given power; None beyond ``limit``.

    Args:
        effect: The true difference of means to detect.
        std: Standard deviation of the scores between seeds.
        alpha: Two-sided error rate of the test.
        power: The chance wanted.
        limit: Where to stop looking.
    """
    candidates = range(2, limit + 1)
    index = bisect.bisect_left(candidates, True, key=lambda n: _detectable(n, alpha, power) * std <= abs(effect))
    return candidates[index] if effect and index < len(candidates) else None


def seeds_for_equivalence(margin: float, std: float, alpha: float = 0.05, limit: int = 1000) -> int | None:
    """Return how many seeds each make the interval's expected half-width smaller than ``margin``; None beyond ``limit``.

    Args:
        margin: How far the difference seen lies inside the minimum effect.
        std: Standard deviation of the scores between seeds.
        alpha: One minus the level of the interval.
        limit: Where to stop looking.
    """
    candidates = range(2, limit + 1)
    index = bisect.bisect_left(candidates, True, key=lambda n: _critical(n, alpha) * std * math.sqrt(2 / n) < margin)
    return candidates[index] if index < len(candidates) else None


def seeds_to_reach(alpha: float) -> int | None:
    """Return the fewest seeds each with which a permutation test can reach a p-value of ``alpha``; None if none can."""
    return next((n for n in range(2, 100) if smallest_p(n, n) <= alpha), None)


def seeds_to_see(share: float, alpha: float = 0.05) -> int:
    """Return how many seeds show, but for a chance of ``alpha``, at least one of the failures that strike ``share``."""
    return math.ceil(math.log(alpha) / math.log(1 - share))


def minimum_detectable_effect(std: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return the smallest true difference that n seeds each detect with the given power (None below two seeds)."""
    return None if n < 2 else std * _detectable(n, alpha, power)


@lru_cache(maxsize=4096)
def _detectable(n: int, alpha: float, power: float) -> float:
    """Return the difference that n seeds each detect with the given power, in standard deviations (noncentral t; Cohen 1988, §2).

    The permutation test that decides a verdict has nearly the same power (``docs/statistics.md``). The noncentrality at which the upper tail alone has that power: the lower one adds less than 10⁻⁶ there.
    """
    return float(scipy.special.nctdtrinc(2 * n - 2, 1 - power, _critical(n, alpha))) * math.sqrt(2 / n)


@lru_cache(maxsize=4096)
def _critical(n: int, alpha: float) -> float:
    """Return the two-sided critical value of Student's t for n scores on each side."""
    return float(scipy.special.stdtrit(2 * n - 2, 1 - alpha / 2))
