"""Trends and rank correlations of what was logged in windows of training: robust, and only where most seeds agree."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from rlx.stats import Array

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import Trend

AGREEING = 0.8
"""Share of the seeds whose slopes must have one sign for a trend."""
FEWEST = 4
"""Pairs of values below which no slope and no correlation is computed."""
PER_STEPS = 1000.0
"""Environment steps that a slope is given for."""
_NOISE = 1e-9
"""Change over training, relative to the values' size, below which a slope is zero but for rounding."""


def theil_sen(steps_W: Array, values_W: Array) -> float | None:
    """Return the Theil–Sen slope (the median of all pairs' slopes; Sen 1968) per 1,000 steps, gaps left out.

    None where fewer than :data:`FEWEST` windows have a value; 0 where the change is rounding.
    """
    from scipy.stats import theilslopes

    known = np.isfinite(values_W)
    if known.sum() < FEWEST:
        return None
    steps, values = np.asarray(steps_W, dtype=float)[known], values_W[known]
    slope = float(theilslopes(values, steps).slope)
    if abs(slope) * float(np.ptp(steps)) <= _NOISE * float(np.abs(values).max()):
        return 0.0
    return slope * PER_STEPS


def slopes(seeds: list[int], steps_W: Array, values_SW: Array) -> dict[int, float]:
    """Return the slope of each seed that has one."""
    found = {seed: theil_sen(steps_W, values_W) for seed, values_W in zip(seeds, values_SW, strict=True)}
    return {seed: slope for seed, slope in found.items() if slope is not None}


def trend(found: dict[int, float]) -> Trend:
    """Return the direction that at least 80 % of the seeds' slopes agree on."""
    values = np.array(list(found.values()))
    if len(values) and np.mean(values > 0) >= AGREEING:
        return "rising"
    if len(values) and np.mean(values < 0) >= AGREEING:
        return "falling"
    return "none"


def rank_correlation(one: Array, other: Array) -> float | None:
    """Return Spearman's correlation of the pairs of which both are known; None below :data:`FEWEST`, and of a constant."""
    from scipy.stats import spearmanr

    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < FEWEST or np.ptp(one[known]) == 0 or np.ptp(other[known]) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = float(spearmanr(one[known], other[known]).statistic)
    return found if math.isfinite(found) else None
