"""Where the uncertainty of a score comes from: training seeds, episodes, and repeats of one seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlx.stats.arrays import Array


@dataclass(frozen=True)
class Component:
    """One source of uncertainty.

    Attributes:
        sd: Standard deviation of single results by this source alone, in units of return; None where it cannot be told.
        of_score: What it adds to the standard error of the score, in units of return.
        share: Its share of the score's variance; None where that is 0 or not known.
    """

    sd: float | None
    of_score: float | None
    share: float | None


@dataclass(frozen=True)
class Components:
    """Where the uncertainty of the mean over seeds and episodes comes from.

    Attributes:
        seeds: Between training seeds: what their policies would score in infinitely many episodes.
        episodes: Between episodes of one policy.
        repeats: Between two trainings of one seed: 0 where they give the same bits.
        standard_error: Of the score, by all of them; None with a single seed.
        n_seeds: Seeds.
        n_episodes: Episodes of each.
    """

    seeds: Component
    episodes: Component
    repeats: Component
    standard_error: float | None
    n_seeds: int
    n_episodes: int


def variance_components(returns_SE: Array, repeat: float | None) -> Components:
    """Split the variance of a score: the mean over seeds of the means over episodes.

    A random-effects analysis of variance, one way, balanced (Searle, Casella & McCulloch 1992, *Variance Components*, §3.6): the
    variance of the seeds' means is that between policies plus that between episodes divided by their number. What the first
    estimate is below 0 counts as 0. A repeat adds as another draw of a seed would, so what repeats vary is part of what seeds
    seem to vary, and is taken out of it.

    Args:
        returns_SE: Returns of the final policy of each seed (rows) in each held-out episode (columns).
        repeat: By how much the mean of one seed changed when it was trained again; 0 for the same bits, None if not known.
    """
    seeds, episodes = returns_SE.shape
    means_S = returns_SE.mean(axis=1)
    within = float(returns_SE.var(axis=1, ddof=1).mean()) if episodes > 1 else None
    repeated = None if repeat is None else repeat**2 / 2  # two draws: half of the squared difference
    if seeds < 2:
        return Components(
            Component(None, None, None), _alone(within), _alone(repeated), None, n_seeds=seeds, n_episodes=episodes
        )
    whole = float(means_S.var(ddof=1))
    by_episodes = 0.0 if within is None else min(whole, within / episodes)
    by_repeats = 0.0 if repeated is None else min(whole - by_episodes, repeated)
    by_seeds = whole - by_episodes - by_repeats
    return Components(
        _component(by_seeds, by_seeds, whole, seeds),
        _component(within, by_episodes, whole, seeds),
        _component(repeated, by_repeats, whole, seeds),
        math.sqrt(whole / seeds),
        n_seeds=seeds,
        n_episodes=episodes,
    )


def _alone(variance: float | None) -> Component:
    return Component(None if variance is None else math.sqrt(variance), None, None)


def _component(variance: float | None, part: float, whole: float, seeds: int) -> Component:
    """Return a component from its own variance, and its part of the variance of the seeds' means."""
    if variance is None:
        return Component(None, None, None)
    return Component(math.sqrt(variance), math.sqrt(part / seeds), part / whole if whole > 0 else None)
