"""The facts of one run's learning: outcome, speed, stability, spread between seeds. No judgement, no thresholds.

All scale-free: returns are placed between the random policy's score (0 %) and the best windowed return that any seed
of the run reached (100 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.diagnosis.signals import carried_forward
from rlx.stats import Array

WINDOWS = 20
"""Windows that training is divided into; enough to see a collapse, few enough to average noise away."""
LEVELS = (0.5, 0.9)


@dataclass(frozen=True)
class LearningFacts:
    """How a run learned, from the returns of its training episodes.

    Attributes:
        windows_W: Environment steps at the end of each window.
        returns_SW: Mean return per seed and window; NaN where no episode ended.
        range_low: The random policy's mean return (or the first window's, when that is not known).
        range_high: The best windowed return of any seed.
        steps_to: For each level of that range: per seed, the steps at which it was first reached (None: never).
        area: Per seed (None where no episode ended), the mean over training of the return's place in that range (area under the curve; 0–1).
        final_drop: Per seed, best window minus last window, as a share of the range.
        late_swing: Per seed, standard deviation over the windows of the last quarter, as a share of the range.
        improving_at_end: Per seed, last window minus the mean of the quarter before it, as a share of the range.
    """

    windows_W: Array
    returns_SW: Array
    range_low: float
    range_high: float
    steps_to: dict[float, list[int | None]]
    area: list[float | None]
    final_drop: list[float | None]
    late_swing: list[float | None]
    improving_at_end: list[float | None]


def windowed(steps_U: Array, returns_SU: Array, episodes_SU: Array, windows: int = WINDOWS) -> tuple[Array, Array]:
    """Average returns over equal windows of training, weighted by the episodes behind them.

    Args:
        steps_U: Environment steps at each update.
        returns_SU: Mean return of the episodes that ended in each update's rollout, NaN where none did.
        episodes_SU: How many did.
        windows: How many windows (fewer where there are fewer updates).

    Returns:
        Steps at the end of each window, and mean returns per seed and window.
    """
    parts = np.array_split(np.arange(len(steps_U)), min(windows, len(steps_U)))
    weights_SU = np.where(np.isnan(returns_SU), 0, episodes_SU)
    totals_SU = np.where(weights_SU > 0, np.nan_to_num(returns_SU) * weights_SU, 0)
    sums = np.array([totals_SU[:, part].sum(axis=1) for part in parts]).T
    counts = np.array([weights_SU[:, part].sum(axis=1) for part in parts]).T
    returns_SW = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return np.array([steps_U[part[-1]] for part in parts]), returns_SW


def learning_facts(
    steps_U: Array, returns_SU: Array, episodes_SU: Array, random_score: float | None
) -> LearningFacts | None:
    """Gather the facts of a run's learning; None when no training episode ended.

    Args:
        steps_U: Environment steps at each update.
        returns_SU: Mean return of the episodes that ended in each update's rollout, NaN where none did.
        episodes_SU: How many did.
        random_score: Mean return of a uniformly random policy, where it was measured.
    """
    windows_W, returns_SW = windowed(steps_U, returns_SU, episodes_SU)
    if np.isnan(returns_SW).all():
        return None
    filled_SW = carried_forward(returns_SW)
    low = random_score if random_score is not None else float(np.nanmean(filled_SW[:, 0]))
    high = float(np.nanmax(filled_SW))
    span = high - low if high > low else float(np.nanmax(filled_SW) - np.nanmin(filled_SW)) or 1.0
    place_SW = (filled_SW - low) / span
    quarter = max(1, place_SW.shape[1] // 4)
    steps_to = {level: [_first(windows_W, seed_W >= level) for seed_W in place_SW] for level in LEVELS}
    before_SW = place_SW[:, -1 - quarter : -1] if place_SW.shape[1] > 1 else place_SW
    return LearningFacts(
        windows_W,
        returns_SW,
        low,
        high,
        steps_to,
        area=_plain(place_SW.mean(axis=1)),
        final_drop=_plain(place_SW.max(axis=1) - place_SW[:, -1]),
        late_swing=_plain(place_SW[:, -quarter:].std(axis=1)),
        improving_at_end=_plain(place_SW[:, -1] - before_SW.mean(axis=1)),
    )


def _plain(values_S: Array) -> list[float | None]:
    """Return values per seed; None for a seed in which no episode ended."""
    return [None if np.isnan(value) else float(value) for value in values_S]


def _first(steps_W: Array, reached_W: Array) -> int | None:
    hits = np.flatnonzero(reached_W)
    return int(steps_W[hits[0]]) if len(hits) else None
