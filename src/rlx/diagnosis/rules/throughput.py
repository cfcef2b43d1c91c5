"""Whether training slows down as it goes."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis.finding import Detection
from rlx.diagnosis.record import SeedRecord
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds
from rlx.diagnosis.signals import Signals
from rlx.stats import Array, number

SLOWER = 2.0
RISING = 0.8
TENTHS = 10


def pace_T(seed: SeedRecord) -> Array | None:
    """Return the median seconds per environment step over each tenth of training; None where they are not known.

    Updates with a validation are left out: it takes its time, and longer episodes take more.
    """
    return None if seed.seconds_U is None else _tenths(seed, seed.seconds_U)


def update_pace_T(seed: SeedRecord) -> Array | None:
    """Return the same of the seconds that updates of the network took; None where they are not known."""
    if seed.update_seconds_U is None:
        return None
    seconds_U = np.where(np.isfinite(seed.update_seconds_U), np.cumsum(np.nan_to_num(seed.update_seconds_U)), np.nan)
    return _tenths(seed, seconds_U)


def _tenths(seed: SeedRecord, seconds_U: Array) -> Array | None:
    timed = np.isfinite(seconds_U)  # of a run in training the newest updates have no times yet
    if timed.sum() < 4 * TENTHS:
        return None
    per_step = np.diff(seconds_U[timed]) / np.diff(seed.steps_U[timed])
    validated = np.isfinite(seed.metric("validation/return_mean"))[timed][1:]
    kept = per_step[~validated] if (~validated).sum() >= 4 * TENTHS else per_step
    return np.array([np.median(part) for part in np.array_split(kept, TENTHS)])


def _slower(pace: Array | None) -> float:
    """Return how many times as slow the last fifth was as the first; NaN where that is not known."""
    return float(pace[-2:].mean() / pace[:2].mean()) if pace is not None and pace[0] > 0 else float("nan")


def _decays(signals: Signals) -> Detection | None:
    paces = [pace_T(seed) for seed in signals.seeds]
    ratio_S = np.array([_slower(pace) for pace in paces])
    updates_S = np.array([_slower(update_pace_T(seed)) for seed in signals.seeds])
    if signals.setting("target_kl") is None and np.isfinite(updates_S).all():
        ratio_S = ratio_S / np.maximum(updates_S, 1.0)  # a full machine slows updates of the network as well
    else:  # not logged, or updates end early, now more and now less
        begun = [pace[0] for pace in paces if pace is not None and pace[0] > 0]
        if begun and max(begun) > np.sqrt(SLOWER) * min(begun):
            return None  # later seeds were slow at once: the machine filled up, since what leaks grows from nothing
    slower_S = np.nan_to_num(ratio_S) > SLOWER
    if not most(slower_S):
        return None
    from scipy.stats import spearmanr  # takes half a second to import, and few runs get here

    trend_S = np.array([0.0 if pace is None else spearmanr(np.arange(TENTHS), pace).statistic for pace in paces])
    holds_S = slower_S & (np.nan_to_num(trend_S) > RISING)
    if not most(holds_S):
        return None
    evidence = measured(
        signals,
        "seconds per environment step, last fifth over first (beyond what updates of the network slowed down)",
        ratio_S,
        holds_S,
        "above",
        SLOWER,
    )
    what = (
        f"A step took {number(evidence.measured)} times as long at the end of training as at its beginning, rising all the "
        f"way, in {of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "warning", "high", advice=ADVICE)


ADVICE = (
    "Something grows with every step or episode: look in the environment for lists, caches or renderers that are never "
    "emptied in reset(), and watch the memory of the training process. Episodes that become costlier to simulate as the "
    "policy improves look the same and are no fault."
)
RULES: tuple[Rule, ...] = (
    Rule(
        "throughput-decays",
        "Training slows down as it goes",
        "A leak costs time first and memory in the end: long runs get ever slower, and are killed.",
        "Jones, Debugging RL (2021), describes it; twice as slow, with a rank correlation of 0.8 between time and tenth of training, beyond what updates of the network slowed down (a full machine slows both; where that is not known, all seeds as fast as each other at first), is rlx's own threshold",
        _decays,
    ),
)
