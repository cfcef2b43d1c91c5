"""Whether training slows down as it goes."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis.finding import Detection
from rlx.diagnosis.record import Array, SeedRecord
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds
from rlx.diagnosis.signals import Signals
from rlx.wording import number

SLOWER = 2.0
RISING = 0.8
TENTHS = 10


def pace_T(seed: SeedRecord) -> Array | None:
    """Return the median seconds per environment step over each tenth of training; None where they are not known.

    Updates with a validation are left out: it takes its time, and longer episodes take more.
    """
    if seed.seconds_U is None:
        return None
    timed = np.isfinite(seed.seconds_U)  # of a run in training the newest updates have no times yet
    if timed.sum() < 4 * TENTHS:
        return None
    per_step = np.diff(seed.seconds_U[timed]) / np.diff(seed.steps_U[timed])
    validated = np.isfinite(seed.metric("validation/return_mean"))[timed][1:]
    kept = per_step[~validated] if (~validated).sum() >= 4 * TENTHS else per_step
    return np.array([np.median(part) for part in np.array_split(kept, TENTHS)])


def _decays(signals: Signals) -> Detection | None:
    from scipy.stats import spearmanr

    paces = [pace_T(seed) for seed in signals.seeds]
    ratio_S, trend_S = np.full(len(paces), np.nan), np.zeros(len(paces))
    for row, pace in enumerate(paces):
        if pace is not None and pace[0] > 0:
            ratio_S[row] = pace[-2:].mean() / pace[:2].mean()
            trend_S[row] = spearmanr(np.arange(TENTHS), pace).statistic
    begun = [pace[0] for pace in paces if pace is not None and pace[0] > 0]
    if begun and max(begun) > np.sqrt(SLOWER) * min(begun):
        return None  # seeds that began later were slow from the start: the machine filled up, whatever trains grows from nothing
    holds_S = (np.nan_to_num(ratio_S) > SLOWER) & (np.nan_to_num(trend_S) > RISING)
    if not most(holds_S):
        return None
    evidence = measured(
        signals, "seconds per environment step, last fifth over first", ratio_S, holds_S, "above", SLOWER
    )
    what = (
        f"A step took {number(evidence.value)} times as long at the end of training as at its beginning, rising all the "
        f"way, in {of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "warning", "high", advice=ADVICE)


ADVICE = (
    "Something grows with every step or episode: look in the environment for lists, caches or renderers that are never "
    "emptied in reset(), and watch the memory of the training process. Episodes that become costlier to simulate as the "
    "policy improves look the same and are no fault."
)
RULES = (
    Rule(
        "throughput-decays",
        "Training slows down as it goes",
        "A leak costs time first and memory in the end: long runs get ever slower, and are killed.",
        "Jones, Debugging RL (2021), describes it; twice as slow, with a rank correlation of 0.8 between time and tenth of training, all seeds as fast as each other at first, is rlx's own threshold",
        _decays,
    ),
)
