"""Signals: what a run's metrics show over windows of training and over seeds, free of the return's scale.

Training is cut into equal windows of environment steps. Returns are placed between the random policy's mean return (0)
and the best window of any seed (1). No signal rests on a single value.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rlx.config import COMMON
from rlx.diagnosis.record import RunRecord, SeedRecord
from rlx.stats import Array

WINDOWS = 20
"""Windows of training: enough to see a collapse, few enough to average noise away."""
FEWEST_TO_TRIM = 5
FEWEST_UPDATES = 8
"""Below so many updates per seed nothing can be said about the course of training."""
STANDARD_ERRORS, EFFECT = 3.0, 0.1
"""A window is above random actions when its mean exceeds theirs by a tenth of the standard deviation of their episodes
and by three standard errors of the difference more: by chance it passes the second in about one of 700."""
LARGE_TARGETS = 100.0
"""Value targets beyond this are large: ideally they are within ±3, at most ±10 (Jones 2021)."""
RELATIVE_FLOOR = 0.02
"""Where random episodes all score alike, so that they have no deviation, 2 % of their return stand in for it."""


@dataclass(frozen=True)
class Scale:
    """The units that returns are placed in.

    Attributes:
        low: Mean return of random actions, or of the first window where that was not measured.
        high: Best windowed return of any seed.
        measured: Whether the random policy was measured.
        deviation: Standard deviation of the returns of single episodes under random actions; where these all score
            alike or were not measured, of early training episodes, as the windows of early training show it.
        episodes: How many episodes of random actions were measured.
    """

    low: float
    high: float
    measured: bool
    deviation: float
    episodes: int

    @property
    def span(self) -> float:
        """What 1 means, in returns."""
        return self.high - self.low

    def place(self, returns: Any) -> Any:
        """Return where returns lie between random (0) and best (1); all 0 where nothing rose above random."""
        return (np.asarray(returns, dtype=float) - self.low) / self.span if self.span > 0 else np.asarray(returns) * 0.0


class Signals:
    """What one run shows; axes are ``S`` seeds (that have enough updates) and ``W`` windows."""

    def __init__(self, record: RunRecord):
        self.record, self.config, self.task = record, record.config, record.task
        self.seeds: Sequence[SeedRecord] = [s for s in record.seeds if len(s.steps_U) >= FEWEST_UPDATES]
        self._windowed: dict[tuple[str, bool], Array] = {}

    def has(self, *settings: str) -> bool:
        """Tell whether the algorithm has settings; of one that is not here, whether the run was made with them."""
        algo = self.config.algo
        return all(setting in type(algo).model_fields or setting in (algo.model_extra or {}) for setting in settings)

    def is_off(self, setting: str) -> bool:
        """Tell whether the algorithm has a setting that switches something off by being null, and does."""
        return self.has(setting) and self.config.algo.setting(setting) is None

    def setting(self, name: str) -> float | None:
        """Return a number among the algorithm's settings, of a schedule its start; None where it is none, or not there."""
        return start_of(self.config.algo.setting(name)) if self.has(name) else None

    @property
    def numbers(self) -> list[int]:
        """The seeds' numbers, in the order of axis S."""
        return [seed.seed for seed in self.seeds]

    @cached_property
    def edges(self) -> Array:
        """Environment steps at which windows begin and end (W + 1)."""
        longest = max((seed.steps_U for seed in self.seeds), key=lambda steps: int(steps[-1]))
        return np.linspace(0, float(longest[-1]), min(WINDOWS, len(longest) // 2) + 1)

    @property
    def half_trained(self) -> bool:
        """Whether at least half of the budget is behind some seed, so that late windows are late in training."""
        return bool(self.edges[-1] >= 0.5 * self.config.algo.total_timesteps)

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self.edges) - 1

    def span_of(self, first: int, last: int) -> tuple[int, int]:
        """Return the environment steps from the beginning of window ``first`` to the end of window ``last``."""
        return int(self.edges[first]), int(self.edges[last + 1])

    def windowed(self, metric: str, *, trimmed: bool = True) -> Array:
        """Return a metric's mean per seed and window (S × W), NaN where it has no value.

        Numbers of episodes are weighted by the episodes behind them; of others the smallest and the largest value of a
        window are left out where it has enough (unless ``trimmed`` is false), so that no single update decides.
        """
        trimmed = trimmed and not self.is_per_episode(metric)
        if (metric, trimmed) not in self._windowed:
            rows = [self._windowed_seed(seed, metric, trimmed=trimmed) for seed in self.seeds]
            self._windowed[metric, trimmed] = np.array(rows).reshape(len(self.seeds), self.windows)
        return self._windowed[metric, trimmed].copy()

    def is_per_episode(self, metric: str) -> bool:
        """Tell whether a metric is a mean over the training episodes that ended, by what the run was trained with."""
        row = COMMON.get(metric) or (self.record.metrics or {}).get(metric)
        return row is not None and row.per_episode

    def _windowed_seed(self, seed: SeedRecord, metric: str, *, trimmed: bool) -> Array:
        values_U = seed.metric(metric)
        counts_U = seed.metric("rollout/episodes") if self.is_per_episode(metric) else np.ones(len(values_U))
        known_U = np.isfinite(values_U) & (np.nan_to_num(counts_U) > 0)
        result_W = np.full(self.windows, np.nan)
        for window, (first, last) in enumerate(self._bounds(seed)):
            inside = known_U[first:last]
            values, weights = values_U[first:last][inside], counts_U[first:last][inside]
            if trimmed and len(values) >= FEWEST_TO_TRIM:
                result_W[window] = (values.sum() - values.min() - values.max()) / (len(values) - 2)
            elif len(values):
                result_W[window] = np.average(values, weights=weights)
        return result_W

    def _bounds(self, seed: SeedRecord) -> list[tuple[int, int]]:
        """Return which updates of a seed fall into each window."""
        places = np.searchsorted(seed.steps_U, self.edges, side="right")
        places[0] = 0
        return list(itertools.pairwise(places.tolist()))

    @cached_property
    def returns_SW(self) -> Array:
        """Mean return of the training episodes that ended in each window; NaN where none did."""
        return self.windowed("rollout/return_mean")

    @cached_property
    def episodes_SW(self) -> Array:
        """How many training episodes ended in each window."""
        result_SW = np.zeros((len(self.seeds), self.windows))
        for row, seed in enumerate(self.seeds):
            episodes_U = np.nan_to_num(seed.metric("rollout/episodes"))
            result_SW[row] = [episodes_U[first:last].sum() for first, last in self._bounds(seed)]
        return result_SW

    @cached_property
    def scale(self) -> Scale | None:
        """The units of returns; None where no training episode ended."""
        if not np.isfinite(self.returns_SW).any():
            return None
        random, high = self.record.random, float(np.nanmax(self.returns_SW))
        noise = self._episode_deviation()
        if random is not None:
            low = float(random.returns_E.mean())
            deviation = max(float(random.returns_E.std()), RELATIVE_FLOOR * abs(low), noise)
            return Scale(low, high, True, deviation, len(random.returns_E))
        first = self.returns_SW[:, : max(1, self.windows // 10)]
        low = float(np.nanmean(first)) if np.isfinite(first).any() else float(np.nanmin(self.returns_SW))
        known = self.episodes_SW[:, : max(1, self.windows // 10)].sum()
        return Scale(low, high, False, max(noise, RELATIVE_FLOOR * abs(low)), max(1, int(known)))

    def _episode_deviation(self) -> float:
        """Return the standard deviation of single episodes' returns in early training, as rollouts' means scatter.

        The mean of k episodes scatters by their deviation over the root of k; the difference of two rollouts in a row
        by the root of two times that. The first tenth of training, medians over seeds.
        """
        found = []
        for seed in self.seeds:
            returns_U, episodes_U = seed.metric("rollout/return_mean"), np.nan_to_num(seed.metric("rollout/episodes"))
            known = np.flatnonzero(np.isfinite(returns_U) & (episodes_U > 0))
            known = known[: max(4, len(known) // 10)]
            if len(known) >= 4:
                weight = 1 / np.sqrt(1 / episodes_U[known[1:]] + 1 / episodes_U[known[:-1]])
                found.append(float(np.std(np.diff(returns_U[known]) * weight)))
        return float(np.median(found)) if found else 0.0

    @cached_property
    def place_SW(self) -> Array:
        """Returns placed between random (0) and the best window of any seed (1), gaps filled with the value before."""
        if self.scale is None:
            return np.zeros_like(self.returns_SW)
        return carried_forward(self.scale.place(self.returns_SW))

    @cached_property
    def floor_SW(self) -> Array:
        """What a window's mean return must exceed to be above random actions, by how many episodes it has."""
        assert self.scale is not None
        error_SW = np.sqrt(1 / np.maximum(self.episodes_SW, 1.0) + 1 / self.scale.episodes)
        return np.asarray(self.scale.low + self.scale.deviation * (EFFECT + STANDARD_ERRORS * error_SW))

    @cached_property
    def error_SW(self) -> Array:
        """Standard error of each window's place, from the spread of single episodes that play as the final policy does."""
        assert self.scale is not None
        spread = [s.held_out.returns_E.std() for s in self.seeds if s.held_out is not None]
        deviation = max(float(np.median(spread)) if spread else 0.0, 0.0 if spread else self.scale.deviation)
        if self.scale.span <= 0:
            return np.zeros_like(self.episodes_SW)
        return np.asarray(deviation / np.sqrt(np.maximum(self.episodes_SW, 1.0)) / self.scale.span)

    @cached_property
    def held_out_above_S(self) -> Array:
        """Whether each seed's held-out return is clearly above that of random actions; False where it was not played."""
        random = self.record.random
        if random is None:
            return np.zeros(len(self.seeds), dtype=bool)
        found = []
        for seed in self.seeds:
            played = seed.held_out
            if played is None:
                found.append(False)
                continue
            error = np.sqrt(
                played.returns_E.var() / len(played.returns_E) + random.returns_E.var() / len(random.returns_E)
            )
            margin = RELATIVE_FLOOR * abs(float(random.returns_E.mean())) + STANDARD_ERRORS * error
            found.append(bool(played.returns_E.mean() > random.returns_E.mean() + margin))
        return np.array(found, dtype=bool)

    @cached_property
    def above_floor_SW(self) -> Array:
        """Whether a window's mean return is clearly above that of random actions."""
        return np.nan_to_num(self.returns_SW, nan=-np.inf) > self.floor_SW

    @cached_property
    def held_out_S(self) -> Array:
        """Each seed's mean held-out return with its final policy; NaN where it was not played."""
        return np.array([np.nan if s.held_out is None else s.held_out.returns_E.mean() for s in self.seeds])

    @cached_property
    def final_S(self) -> Array:
        """Each seed's final return: held out, or else of its last tenth of training."""
        last = self.late(carried_forward(self.returns_SW), 0.1)
        return np.where(np.isfinite(self.held_out_S), self.held_out_S, last)

    def late(self, values_SW: Array, share: float = 0.25) -> Array:
        """Return the mean over the last part of training, per seed."""
        return mean_over(values_SW[:, -max(1, round(share * values_SW.shape[1])) :])

    def early(self, values_SW: Array, share: float = 0.25) -> Array:
        """Return the mean over the first part of training, per seed."""
        return mean_over(values_SW[:, : max(1, round(share * values_SW.shape[1]))])

    @cached_property
    def target_size_S(self) -> tuple[str, Array]:
        """Root mean square of the value targets per seed, and its name; where it was not logged, that of the errors."""
        mean_SW, std_SW = self.windowed("train/value_target_mean"), self.windowed("train/value_target_std")
        if np.isfinite(mean_SW).any():
            return "value targets, root mean square", mean_over(np.sqrt(mean_SW**2 + std_SW**2))
        return "square root of train/value_loss", mean_over(np.sqrt(np.maximum(self.windowed("train/value_loss"), 0)))

    @cached_property
    def relative_entropy_SW(self) -> Array | None:
        """Entropy of the policy over that of the uniform one; None where the number of actions is not known."""
        if self.task is None or not self.task.max_entropy:
            return None
        return -self.windowed("train/entropy_loss") / self.task.max_entropy


def start_of(value: Any) -> float | None:
    """Return a number, or where a schedule begins (``{start, end}``, also of an algorithm that is not here); else None."""
    found = value.get("start") if isinstance(value, Mapping) else getattr(value, "start", value)
    return float(found) if isinstance(found, int | float) else None


def mean_over(values_SW: Array) -> Array:
    """Return means over windows, NaN only where a seed has no value."""
    known = np.isfinite(values_SW)
    counts = known.sum(axis=1)
    totals = np.where(known, values_SW, 0.0).sum(axis=1)
    return np.asarray(np.divide(totals, counts, out=np.full(len(values_SW), np.nan), where=counts > 0))


def carried_forward(values_SW: Array) -> Array:
    """Fill windows without a value with the one before (at the start: the first)."""
    filled = values_SW.copy()
    for row in filled:
        known = np.flatnonzero(np.isfinite(row))
        if len(known):
            newest = np.maximum(np.searchsorted(known, np.arange(len(row)), side="right") - 1, 0)
            row[:] = row[known[newest]]
    return filled
