"""Distributions of seed scores with known means, each drawn on the scale of its own standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Distribution:
    """Scores of seeds as trainings give them, or worse.

    Attributes:
        name: What the tables call it.
        draw: From a generator and a shape to scores.
        mean: Its true mean.
        std: Its true standard deviation.
        what: What it stands for.
    """

    name: str
    draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
    mean: float
    std: float
    what: str


def failing(share: float, noise: float = 0.05) -> Distribution:
    """Return scores around 1 where a share of the trainings fails and scores around 0."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return (rng.random(shape) >= share) + noise * rng.normal(size=shape)

    std = float(np.sqrt(share * (1 - share) + noise**2))
    return Distribution(f"{100 * (1 - share):.0f}/{100 * share:.0f} bimodal", draw, 1 - share, std, "some seeds fail")


def capped(centre: float = 0.8, spread: float = 0.2) -> Distribution:
    """Return normal scores cut off at a maximum of 1, where 16 % of them end up."""
    z = (1 - centre) / spread
    mean = centre + spread * (z * stats.norm.sf(z) - stats.norm.pdf(z))
    square = stats.norm.cdf(z) - z * stats.norm.pdf(z) + z**2 * stats.norm.sf(z)
    below = spread * (z * stats.norm.sf(z) - stats.norm.pdf(z))
    std = float(np.sqrt(spread**2 * square - below**2))
    return Distribution(
        "bounded",
        lambda rng, shape: np.minimum(1.0, rng.normal(centre, spread, shape)),
        float(mean),
        std,
        "scores end at a maximum",
    )


DISTRIBUTIONS = (
    Distribution("normal", lambda rng, shape: rng.normal(size=shape), 0.0, 1.0, "the textbook's case"),
    failing(0.2),
    Distribution(
        "skewed",
        lambda rng, shape: rng.lognormal(size=shape),
        float(np.exp(0.5)),
        float(np.sqrt((np.e - 1) * np.e)),
        "log-normal: a few seeds score far higher",
    ),
    Distribution(
        "heavy-tailed",
        lambda rng, shape: rng.standard_t(3, size=shape),
        0.0,
        float(np.sqrt(3)),
        "t with 3 degrees of freedom: now and then a far outlier",
    ),
    capped(),
)
