"""The course of the return: never risen, fallen again, swinging, flat, or still rising."""

from __future__ import annotations

from functools import partial

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds, which
from rlx.diagnosis.signals import Signals, carried_forward
from rlx.stats import Array, number

RETURN = "rollout/return_mean"
FALLEN = 0.5
SWING = 0.2
STILL_KL = 2e-4
"""A hundredth of the usual KL: below it a policy hardly changes."""
IMPROVING = 0.05
FLAT = 0.03
ERRORS = 3.0
SUSTAINED = 3
"""Windows above random that make a seed one that learned something."""


def learned_S(signals: Signals) -> Array:
    """Tell which seeds rose clearly above random actions for a while."""
    if signals.scale is None:
        return np.zeros(len(signals.seeds), dtype=bool)
    return np.asarray(signals.above_floor_SW.sum(axis=1) >= min(SUSTAINED, signals.windows))


def smooth(values_SW: Array, width: int = 3) -> Array:
    """Return centred running means over windows (shorter at the ends)."""
    columns = [
        values_SW[:, max(0, i - width // 2) : i + width // 2 + 1].mean(axis=1) for i in range(values_SW.shape[1])
    ]
    return np.array(columns).T


def rising_fit(values_SW: Array) -> Array:
    """Return the nearest curves that never fall (isotonic regression): a learner that is steep, late or rises in steps is one."""
    filled_SW = carried_forward(values_SW)
    rows = [rising(row) if np.isfinite(row).all() else np.full(len(row), np.nan) for row in filled_SW]
    return np.array(rows).reshape(values_SW.shape)


def rising(values_W: Array) -> Array:
    """Return the isotonic regression of one curve, by pooling adjacent violators (Ayer et al. 1955): blocks that fall are averaged.

    ``scipy.optimize.isotonic_regression`` gives the same (a test compares them), and takes a third of a second to import.
    """
    blocks: list[tuple[float, int]] = []
    for value in values_W.tolist():
        total, count = value, 1
        while blocks and blocks[-1][0] * count >= total * blocks[-1][1]:
            before, many = blocks.pop()
            total, count = total + before, count + many
        blocks.append((total, count))
    return np.concatenate([np.full(count, total / count) for total, count in blocks])


def _floor(signals: Signals) -> Detection | None:
    scale = signals.scale
    if scale is None or not scale.measured or not signals.half_trained:
        return None
    rarely_S = signals.above_floor_SW.mean(axis=1) <= 0.1
    ends_low_S = ~signals.above_floor_SW[:, -max(1, signals.windows // 4) :].any(axis=1)
    moved_S = signals.held_out_above_S & ~_still_S(signals)
    holds_S = rarely_S & ends_low_S & np.isfinite(signals.returns_SW).any(axis=1) & ~moved_S
    if not most(holds_S):
        return None
    level_S = signals.late(carried_forward(signals.returns_SW))
    threshold = float(np.median(signals.floor_SW[:, -1]))
    evidence = measured(
        signals, RETURN, level_S, holds_S, "below", threshold, (3 * signals.windows // 4, signals.windows - 1)
    )
    below = evidence.measured < scale.low - max(scale.deviation, 1e-12) * 0.5
    words = "below what random actions get" if below else "at the level of random actions"
    what = (
        f"The return of training episodes stayed {words} in {of_seeds(evidence.seeds, len(signals.seeds))}: "
        f"{number(evidence.measured)} over the last quarter, random {number(scale.low)}."
    )
    played_S = signals.held_out_S
    if np.isfinite(played_S[holds_S]).any() and np.nanmedian(played_S[holds_S]) > threshold:
        what += f" The most likely actions score {number(float(np.nanmedian(played_S[holds_S])))} in held-out episodes."
    severity: Severity = "error" if holds_S.all() else "warning"
    return Detection(what, (evidence,), severity, "high", suggestions.leave_the_floor(signals))


def _still_S(signals: Signals) -> Array:
    """Tell which seeds' policies are known to have hardly changed: their most likely actions can score well by chance."""
    kl_SW = signals.windowed("train/approx_kl")[:, : max(1, signals.windows // 2)]
    return np.asarray(np.isfinite(kl_SW).any(axis=1) & (np.nan_to_num(kl_SW).max(axis=1) < STILL_KL))


def _collapse(signals: Signals, *, in_many: bool) -> Detection | None:
    if signals.scale is None or signals.windows < 6:
        return None
    place_SW = smooth(signals.place_SW)
    peak_S, last_S = place_SW.max(axis=1), signals.place_SW[:, -2:].mean(axis=1)
    error_S = np.sqrt(np.square(signals.error_SW).mean(axis=1))
    fall_S = peak_S - last_S - ERRORS * np.sqrt(1 / 3 + 1 / 2) * error_S  # of means over three and over two windows
    holds_S = (fall_S >= FALLEN * np.maximum(peak_S, 0.2)) & (peak_S > 0.3) & learned_S(signals)
    seeds = which(signals, holds_S)
    many = len(seeds) >= max(2, len(signals.seeds) / 3) or len(seeds) == len(signals.seeds)
    if not seeds or many != in_many:
        return None
    peak = int(np.median(place_SW.argmax(axis=1)[holds_S]))
    fallen_S = (peak_S - last_S) / np.maximum(peak_S, 1e-9)
    window = (min(peak, signals.windows - 1), signals.windows - 1)
    evidence = [
        measured(
            signals,
            "share of the gained return that was lost again, best to end",
            fallen_S,
            holds_S,
            "above",
            FALLEN,
            window,
        )
    ]
    what = (
        f"In {of_seeds(seeds, len(signals.seeds))} the return fell after success: about step {signals.span_of(peak, peak)[1]:,} "
        f"it was {100 * float(np.median(peak_S[holds_S])):.0f} % of the way from random to the best seen, at the end "
        f"{100 * float(np.median(last_S[holds_S])):.0f} %."
    )
    spikes = _spikes(signals, place_SW, holds_S)
    if spikes is not None:
        evidence.append(spikes)
        what += f" The policy moved {number(spikes.value)} times as far as usual (approx_kl) on the way down."
    severity: Severity = "warning" if many else "info"
    return Detection(what, tuple(evidence), severity, "high", suggestions.settle_down(signals))


def _spikes(signals: Signals, place_SW: Array, holds_S: Array) -> Evidence | None:
    """Return the KL while the return fell over its median before, where that was three times as much."""
    kl_SW = signals.windowed("train/approx_kl")
    ratio_S = np.full(len(kl_SW), np.nan)
    for row in np.flatnonzero(holds_S):
        peak = int(place_SW[row].argmax())
        before, after = kl_SW[row, : peak + 1], kl_SW[row, peak + 1 :]
        if np.isfinite(before).any() and np.isfinite(after).any() and np.nanmedian(before) > 0:
            ratio_S[row] = np.nanmax(after) / np.nanmedian(before)
    spiked_S = np.nan_to_num(ratio_S) > 3
    if not spiked_S.any():
        return None
    return measured(signals, "train/approx_kl, highest after the best window over the median before", ratio_S, spiked_S, "above", 3)  # fmt: skip


def _unstable(signals: Signals) -> Detection | None:
    if signals.scale is None or signals.windows < 8:
        return None
    late_SW = signals.place_SW[:, -signals.windows // 2 :]
    error_SW = signals.error_SW[:, -signals.windows // 2 :]
    fall_SW = np.maximum.accumulate(late_SW, axis=1) - late_SW
    range_S = fall_SW.max(axis=1) - 4 * np.median(error_SW, axis=1)
    fell_S = (range_S > 2 * SWING) & learned_S(signals)
    if not most(fell_S):
        return None
    swing_S = np.sqrt(
        np.maximum(0.0, np.square(late_SW - rising_fit(late_SW)).mean(axis=1) - np.square(error_SW).mean(axis=1))
    )
    holds_S = (swing_S > SWING / 2) & fell_S
    if not most(holds_S):
        return None
    window = (signals.windows // 2, signals.windows - 1)
    evidence = measured(signals, "swing of the return around what only rises, of the range from random to best", swing_S, holds_S, "above", SWING / 2, window)  # fmt: skip
    what = (
        f"Over the second half of training the return swings by {100 * evidence.measured:.0f} % (standard deviation around "
        f"the nearest curve that only rises) of the range from random to best in {of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "warning", "medium", suggestions.settle_down(signals))


def _improving(signals: Signals) -> Detection | None:
    if signals.scale is None or signals.windows < 8 or signals.scale.span <= 0:
        return None
    quarter = max(2, signals.windows // 4)
    place_SW = signals.place_SW
    gain_S = place_SW[:, -quarter // 2 :].mean(axis=1) - place_SW[:, -quarter : -quarter // 2].mean(axis=1)
    noise_S = np.diff(place_SW[:, -quarter:], axis=1).std(axis=1) / np.sqrt(quarter)
    holds_S = (gain_S > np.maximum(IMPROVING, 2 * noise_S)) & learned_S(signals)
    if not most(holds_S):
        return None
    window = (signals.windows - quarter, signals.windows - 1)
    evidence = measured(signals, "gain over the last quarter, of the range from random to best", gain_S, holds_S, "above", IMPROVING, window)  # fmt: skip
    what = (
        f"The return was still rising at the end of the budget in {of_seeds(evidence.seeds, len(signals.seeds))}: by "
        f"{100 * evidence.measured:.0f} % of the range from random to best between the halves of the last quarter."
    )
    return Detection(what, (evidence,), "info", "medium", suggestions.longer(signals))


def _plateau(signals: Signals) -> Detection | None:
    if signals.scale is None or signals.windows < 10 or signals.scale.span <= 0:
        return None
    place_SW = smooth(carried_forward(signals.place_SW))
    since_S = np.array([_flat_since(row) for row in place_SW])
    holds_S = (since_S <= 0.6 * signals.windows) & learned_S(signals)
    if not most(holds_S):
        return None
    since = int(np.median(since_S[holds_S]))
    step = signals.span_of(0, min(since, signals.windows - 1))[1]
    evidence = measured(
        signals, "share of training after which the return is flat", since_S / signals.windows, holds_S, "below", 0.6,
        (min(since, signals.windows - 1), signals.windows - 1),
    )  # fmt: skip
    what = (
        f"The return has been flat since about step {step:,} in {of_seeds(evidence.seeds, len(signals.seeds))}: it "
        f"moved within {100 * FLAT:.0f} % of the range from random to best around its last level."
    )
    return Detection(what, (evidence,), "info", "medium", suggestions.shorter(signals, step))


def _flat_since(place_W: Array) -> int:
    """Return the first window from which the return stays near its last level."""
    last = float(place_W[-3:].mean())
    off = np.flatnonzero(np.abs(place_W - last) > FLAT)
    return int(off[-1]) + 1 if len(off) else 0


RULES: tuple[Rule, ...] = (
    Rule(
        "never-left-the-floor",
        "Nothing was learned",
        "A return that stays where random actions are means that training found no signal: rewards too rare to be met by "
        "chance, or settings that keep the policy from learning.",
        "random actions are measured on the same held-out episodes; CleanRL's MountainCar-v0 at -200 ± 0 is the example of the field",
        _floor,
        frozenset({"degenerate-episodes", "entropy-stuck", "value-function-not-learning", "plateau", "targets-large"}),
    ),
    Rule(
        "collapse-after-success",
        "The policy lost what it had learned",
        "The final policy is worse than one that training had already found, so the result depends on when it stopped.",
        "no firm source: half of the range is rlx's own threshold, measured in benchmarks/diagnosis",
        partial(_collapse, in_many=True),
        frozenset({"unstable", "seeds-disagree", "clipping-heavy"}),
    ),
    Rule(
        "unstable",
        "The return swings late in training",
        "When the return swings by a good part of its range, the final policy is a draw from that swing.",
        "no firm source: 10 % around the nearest rising curve and a fall by 40 % are rlx's own thresholds, measured in benchmarks/diagnosis",
        _unstable,
        frozenset({"seeds-disagree", "clipping-heavy", "collapse-in-some-seeds", "entropy-oscillates"}),
    ),
    Rule(
        "collapse-in-some-seeds",
        "Some seeds lost what they had learned",
        "A seed in ten or so that falls back is usual with constant settings; the interval over seeds counts it.",
        "as collapse-after-success, in fewer than a third of the seeds",
        partial(_collapse, in_many=False),
    ),
    Rule(
        "still-improving",
        "Training ended while the return was rising",
        "The run shows what this budget gives, not what the settings can reach.",
        "the gain is held against twice its own noise",
        _improving,
        frozenset({"plateau"}),
    ),
    Rule(
        "plateau",
        "The return has been flat for a long time",
        "Where it has come as far as it can, fewer steps would do; where it has not, more steps alone will not help.",
        "no firm source: within 3 % of the range is rlx's own threshold",
        _plateau,
        frozenset(),
    ),
)  # fmt: skip
