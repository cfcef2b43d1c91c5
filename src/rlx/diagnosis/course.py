"""The course of one metric over training in numbers: its levels, its trend against its own noise, when it settled.

A curve is the median over seeds of windowed means, so one seed's spike does not make the story. What counts as a
movement is free of scale: it must exceed the curve's noise, measured between neighbouring updates, and a small share of
its level; the thresholds are rlx's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlx.config import Usual
from rlx.diagnosis.signals import Signals
from rlx.stats import Array

Trend = Literal[
    "rises", "falls", "rises then falls", "falls then rises", "oscillates", "flat", "constant", "unknown"
]  # fmt: skip
FEWEST_WINDOWS = 4
"""Below so many windows with values there is no trend to speak of."""
FEWEST_SEEDS = 5
"""From so many seeds on, what they share is a trend even where each is noisy."""
ERRORS = 5.0
"""A movement exceeds so many standard errors of a window: over 20 windows, noise spans about four."""
SHARE, RELATIVE = 0.25, 0.05
"""A turn is at least a quarter of the curve's range, and any movement a twentieth of its level."""
NET = 0.6
"""With several turns a curve still rises or falls where so much of its range remains between its ends."""
SETTLED = 0.1
"""It has settled where it stays within a tenth of its range around its last level, or within its noise."""
LARGEST = 1e100
"""Numbers beyond this are left out: their sums and squares overflow."""


@dataclass(frozen=True)
class Course:
    """What one metric did.

    Attributes:
        trend: Its shape, against its own noise; ``unknown`` where there are too few windows.
        early: Its level at the beginning: the first window of the median curve.
        middle: In the middle: the mean over its middle tenth.
        late: At the end: the mean over its last tenth.
        lowest: The lowest window of the median curve.
        highest: The highest.
        turn: The environment step of the turn, of a curve that rises then falls or falls then rises.
        settled: The environment step from which it stayed near its last level; None where it did not.
        first_step: The environment step of the first value.
        last_step: The environment step of the last.
        seeds: Each seed's level at the end, of those that logged it.
        alike: Whether these are close, against what the curve did.
        agreeing: The seeds that moved the same way, of one that rises or falls.
        below_usual: The seeds with a window below the usual range.
        above_usual: The seeds with a window above it.
        share_outside: Which share of training these spent outside of it (median over them).
    """

    trend: Trend
    early: float
    middle: float
    late: float
    lowest: float
    highest: float
    turn: int | None
    settled: int | None
    first_step: int
    last_step: int
    seeds: Mapping[int, float]
    alike: bool
    agreeing: tuple[int, ...]
    below_usual: tuple[int, ...]
    above_usual: tuple[int, ...]
    share_outside: float


@dataclass(frozen=True)
class _Curve:
    """Windowed values of the seeds that have any, in the windows where at least half of them have.

    Attributes:
        seeds: Their numbers.
        values_SK: The values; NaN in gaps.
        median_K: Median over seeds.
        edges_K: Environment steps between which each window lies (K × 2).
        noise_S: Each seed's noise of a window mean.
    """

    seeds: tuple[int, ...]
    values_SK: Array
    median_K: Array
    edges_K: Array
    noise_S: Array

    @property
    def noise(self) -> float:
        """Noise of the median curve."""
        seeds = len(self.seeds)
        return float(np.median(self.noise_S)) * (1.25 if seeds > 2 else 1.0) / float(np.sqrt(seeds))


def course_of(signals: Signals, metric: str, usual: Usual) -> Course | None:
    """Return what a metric did over training; None where no seed with enough updates has a value of it."""
    with np.errstate(all="ignore"):
        curve = _curve(signals, metric)
        return None if curve is None else _course(curve, usual)


def _curve(signals: Signals, metric: str) -> _Curve | None:
    if not signals.seeds:
        return None
    windowed_SW = signals.windowed(metric)
    windowed_SW = np.where(np.abs(windowed_SW) < LARGEST, windowed_SW, np.nan)
    has_S = np.asarray(np.isfinite(windowed_SW).any(axis=1))
    if not has_S.any():
        return None
    seeds = [seed for seed, has in zip(signals.seeds, has_S, strict=True) if has]
    values_SW = windowed_SW[has_S]
    kept_W = np.isfinite(values_SW).mean(axis=0) >= 0.5
    if not kept_W.any():
        kept_W = np.isfinite(values_SW).any(axis=0)
    values_SK = values_SW[:, kept_W]
    median_K = np.array([np.median(column[np.isfinite(column)]) for column in values_SK.T])
    edges_K = np.stack([signals.edges[:-1], signals.edges[1:]], axis=1)[kept_W]
    noise_S = np.array([_noise(seed.metric(metric), int(kept_W.sum())) for seed in seeds])
    return _Curve(tuple(seed.seed for seed in seeds), values_SK, median_K, edges_K, noise_S)


def _noise(values_U: Array, windows: int) -> float:
    """Return the noise of a window's mean, from how far neighbouring updates are apart.

    Differences of Gaussian noise have a mean size of σ √(2k/π), k = 2 for first and 6 for second ones; a steep curve
    without noise has large first differences but small second ones, so the smaller estimate counts.
    """
    known = values_U[np.isfinite(values_U) & (np.abs(values_U) < LARGEST)]
    if len(known) < 3:
        return 0.0
    sizes = [float(np.abs(np.diff(known, order)).mean()) / np.sqrt(2 * k / np.pi) for order, k in ((1, 2), (2, 6))]
    return float(min(sizes) / np.sqrt(max(1.0, len(known) / windows)))


def _course(curve: _Curve, usual: Usual) -> Course:
    median_K, edges_K = curve.median_K, curve.edges_K
    count = len(median_K)
    tenth = max(1, round(count / 10))
    centre = slice((count - tenth) // 2, (count - tenth) // 2 + tenth)
    trend, turn = trend_of(median_K, curve.noise)
    trend = _common(curve) if trend == "flat" else trend
    agreeing = _agreeing(curve, trend, tenth)
    early, late = float(median_K[0]), float(median_K[-tenth:].mean())
    if trend in ("rises", "falls") and (
        2 * len(agreeing) < len(curve.seeds) or (late > early) != (trend == "rises") or late == early
    ):
        trend, agreeing = "flat", ()
    final_S = _last_levels(curve.values_SK, tenth)
    below_SK, above_SK = _outside(curve.values_SK, usual)
    outside_S = (below_SK | above_SK).sum(axis=1) / np.maximum(np.isfinite(curve.values_SK).sum(axis=1), 1)
    settled = _settled(median_K, curve.noise) if trend not in ("unknown", "oscillates", "flat", "constant") else None
    return Course(
        early=early,
        middle=float(median_K[centre].mean()),
        late=late,
        lowest=float(median_K.min()),
        highest=float(median_K.max()),
        trend=trend,
        turn=None if turn is None else int(edges_K[turn, 1]),
        settled=None if settled is None else int(edges_K[settled, 1]),
        agreeing=agreeing,
        seeds=dict(zip(curve.seeds, map(float, final_S), strict=True)),
        alike=_alike(curve, final_S),
        below_usual=_named(curve.seeds, np.asarray(below_SK.any(axis=1))),
        above_usual=_named(curve.seeds, np.asarray(above_SK.any(axis=1))),
        share_outside=float(np.median(outside_S[outside_S > 0])) if (outside_S > 0).any() else 0.0,
        first_step=int(edges_K[0, 0]),
        last_step=int(edges_K[-1, 1]),
    )


def trend_of(curve_K: Array, noise: float) -> tuple[Trend, int | None]:
    """Return a curve's shape, and at which window it turned where it turned once.

    Args:
        curve_K: The curve, without gaps.
        noise: Standard deviation of one of its points.
    """
    if float(np.ptp(curve_K)) <= 1e-9 * float(np.abs(curve_K).max()):
        return "constant", None
    if len(curve_K) < FEWEST_WINDOWS:
        return "unknown", None
    span, level = float(np.ptp(curve_K)), float(np.abs(curve_K).max())
    legs = legs_of(curve_K, max(ERRORS * noise, SHARE * span, RELATIVE * level))
    if not legs:
        return _drift(curve_K, noise, level), None
    if len(legs) == 2:
        return ("rises then falls" if legs[0][0] > 0 else "falls then rises"), legs[0][1]
    net = float(curve_K[-1] - curve_K[0])
    if len(legs) > 2 and abs(net) < NET * span:
        return "oscillates", None
    return ("rises" if net > 0 else "falls"), None


def _drift(curve_K: Array, noise: float, level: float) -> Trend:
    """Return the trend of a curve without a clear leg: the difference between its ends, over quarters, may still tell."""
    quarter = max(1, round(len(curve_K) / 4))
    change = float(curve_K[-quarter:].mean() - curve_K[:quarter].mean())
    if abs(change) <= max(ERRORS * noise * np.sqrt(2 / quarter), RELATIVE * level):
        return "flat"
    return "rises" if change > 0 else "falls"


def _common(curve: _Curve) -> Trend:
    """Return the trend that seeds share where the median curve is too noisy to tell: each seed is a trial of its own."""
    if len(curve.seeds) < FEWEST_SEEDS or len(curve.median_K) < FEWEST_WINDOWS:
        return "flat"
    quarter = max(1, round(len(curve.median_K) / 4))
    change_S = _last_levels(curve.values_SK, quarter) - _last_levels(curve.values_SK[:, ::-1], quarter)
    error, mean = float(change_S.std(ddof=1)) / np.sqrt(len(change_S)), float(change_S.mean())
    if abs(mean) <= max(ERRORS * error, RELATIVE * float(np.abs(curve.median_K).max())):
        return "flat"
    return "rises" if mean > 0 else "falls"


def legs_of(curve_K: Array, least: float) -> list[tuple[int, int]]:
    """Return the movements of at least some size that a curve consists of: direction, and the window where each ends."""
    legs: list[tuple[int, int]] = []
    low = high = 0
    for k, value in enumerate(curve_K):
        if not legs:
            low, high = (k if value < curve_K[low] else low), (k if value > curve_K[high] else high)
            if value - curve_K[low] >= least:
                legs.append((1, k))
            elif curve_K[high] - value >= least:
                legs.append((-1, k))
            continue
        direction, end = legs[-1]
        if direction * (value - curve_K[end]) >= 0:
            legs[-1] = direction, k
        elif abs(value - curve_K[end]) >= least:
            legs.append((-direction, k))
    return legs


def _settled(curve_K: Array, noise: float) -> int | None:
    """Return the window from which a curve stays near its last level; None where it moves to the end."""
    quarter = max(1, round(len(curve_K) / 4))
    level = float(curve_K[-quarter:].mean())
    off = np.flatnonzero(np.abs(curve_K - level) > max(SETTLED * float(np.ptp(curve_K)), 3 * noise))
    since = int(off[-1]) + 1 if len(off) else 0
    return since if since <= len(curve_K) - quarter and len(curve_K) > FEWEST_WINDOWS else None


def _agreeing(curve: _Curve, trend: Trend, tenth: int) -> tuple[int, ...]:
    if trend not in ("rises", "falls"):
        return ()
    change_S = _last_levels(curve.values_SK, tenth) - _last_levels(curve.values_SK[:, ::-1], tenth)
    least_S = np.maximum(2 * curve.noise_S * np.sqrt(2 / tenth), RELATIVE * float(np.abs(curve.median_K).max()))
    return _named(curve.seeds, (change_S if trend == "rises" else -change_S) > least_S)


def _last_levels(values_SK: Array, count: int) -> Array:
    """Return each seed's mean over the last windows in which it has a value."""
    return np.array([row[np.isfinite(row)][-count:].mean() if np.isfinite(row).any() else 0.0 for row in values_SK])


def _alike(curve: _Curve, final_S: Array) -> bool:
    """Tell whether the seeds end close to one another: against the median curve's range, or against its level."""
    near = max(SHARE * float(np.ptp(curve.median_K)), 2 * RELATIVE * float(np.abs(final_S).max()))
    return float(np.ptp(final_S)) <= near


def _outside(values_SK: Array, usual: Usual) -> tuple[Array, Array]:
    low = -np.inf if usual.low is None else usual.low
    high = np.inf if usual.high is None else usual.high
    return _less(values_SK, low), _less(-values_SK, -high)


def _less(values_SK: Array, limit: float) -> Array:
    return np.isfinite(values_SK) & (values_SK < limit)


def _named(seeds: Sequence[int], holds_S: Array) -> tuple[int, ...]:
    return tuple(seed for seed, holds in zip(seeds, holds_S, strict=True) if holds)
