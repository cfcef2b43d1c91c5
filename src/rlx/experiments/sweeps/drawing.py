"""Samplers that learn nothing: random points, and Sobol's, which fill a space evenly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlx.experiments.sweeps.space import Space


class RandomSampler:
    """Every point as likely as every other; each is drawn from the search's seed and its own number alone."""

    def __init__(self, space: Space):
        self._space = space

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return a point."""
        shares = np.random.default_rng([self._space.seed, number]).random(len(self._space))
        return self._space.at([float(share) for share in shares])

    def tell(self, number: int, value: float) -> None:
        """Ignore what came of it."""


class SobolSampler:
    """Points of a scrambled Sobol sequence: every stretch of them covers the space more evenly than chance does.

    Scrambling (Owen 1998; scipy's ``LMS+shift``, Matoušek 1998) is drawn from the search's seed. Numbers of points that are
    powers of two are balanced best.
    """

    def __init__(self, space: Space):
        self._space = space

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return the point of a number."""
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(self._space), scramble=True, rng=np.random.default_rng(self._space.seed))
        if number:
            sequence.fast_forward(number)
        return self._space.at([min(float(share), 1 - 1e-12) for share in sequence.random(1)[0]])

    def tell(self, number: int, value: float) -> None:
        """Ignore what came of it."""
