"""A rule of diagnosis: a search over weights that narrowed before it could find anything.

A rule judges by what was logged alone: it plays nothing and reads no files. `rlx diagnose` shows it among rlx's own.
"""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import Detection, Evidence, Needs, Rule, Signals, Suggestion

METRIC = "train/spread"
NARROW = 0.1
"""Of the spread at first."""


def check(signals: Signals) -> Detection | None:
    """Look for seeds whose spread fell below a tenth of `algo.spread` in the first half of training."""
    first = signals.setting("spread")
    if not first:
        return None
    middle = signals.windows // 2
    lowest_S = (
        np.fmin.reduce(signals.windowed(METRIC)[:, :middle], axis=1, initial=np.inf) / first
    )  # fmin: past windows without rows
    shown = tuple(seed for seed, lowest in zip(signals.numbers, lowest_S, strict=True) if lowest < NARROW)
    if not shown or len(shown) < len(lowest_S) / 2:
        return None
    narrow, in_all = float(np.median(lowest_S[lowest_S < NARROW])), len(lowest_S)
    where = f"{METRIC}, over algo.spread"
    return Detection(
        f"In {len(shown)} of {in_all} seeds the search narrowed to {narrow:.2g} of its first spread before half of training.",
        (Evidence(where, narrow, "below", NARROW, signals.span_of(0, middle - 1), shown, in_all),),
        severity="warning",
        confidence="medium",
        suggestions=(_more_noise(signals),),
    )


def _more_noise(signals: Signals) -> Suggestion:
    noise = signals.setting("noise") or 0.0
    return Suggestion(
        {"algo.noise": max(0.05, 4 * noise)},
        reason="Noise that is added after each update keeps the search wide.",
        effect=f"{METRIC} stays higher, and rollout/return_mean rises later and further.",
        steps=signals.config.algo.total_timesteps * len(signals.numbers),
    )


RULES = [
    Rule(
        "spread-collapsed",
        "The search narrowed too soon",
        "Candidates that hardly differ can find nothing that the first ones had not: the search has ended, whatever the budget.",
        "Szita and Lőrincz 2006: without noise the cross-entropy method converges too early; the threshold is this package's own",
        check,
        explains=frozenset({"plateau", "never-left-the-floor"}),
        needs=Needs(families=frozenset({"evolution"}), settings=("spread", "noise"), metrics=(METRIC,)),
    )
]
