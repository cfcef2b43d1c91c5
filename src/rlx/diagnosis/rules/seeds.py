"""What differs between seeds that differ in nothing but chance."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence
from rlx.diagnosis.rules.rule import Rule
from rlx.diagnosis.signals import Signals
from rlx.wording import number

GAP = 0.4
WITHIN = 2.0
FEWEST = 5
"""Of fewer seeds with one kind of outcome, one in eight or more looks like two groups by chance."""


def _disagree(signals: Signals) -> Detection | None:
    scale = signals.scale
    if scale is None or len(signals.seeds) < 3:
        return None
    final_S = signals.final_S
    if not np.isfinite(final_S).all():
        return None
    order = np.argsort(final_S)
    sorted_S = final_S[order]
    top = max(scale.high, float(sorted_S[-1]))
    span = top - min(scale.low, float(sorted_S[0]))
    if span <= 0 or top - scale.low <= 2 * scale.deviation:
        return None
    gaps = np.diff(sorted_S) / span
    cut = int(gaps.argmax()) + 1
    low, high = sorted_S[:cut], sorted_S[cut:]
    within = max(float(np.ptp(low)), float(np.ptp(high))) / span
    if gaps[cut - 1] < GAP or gaps[cut - 1] < WITHIN * within:
        return None
    worse = tuple(sorted(int(signals.numbers[index]) for index in order[:cut]))
    evidence = Evidence(
        "gap between two groups of seeds, of the range of returns", float(gaps[cut - 1]), "above", GAP,
        None, worse, len(final_S),
    )  # fmt: skip
    numbers = ", ".join(map(str, worse[:8]))
    played = np.isfinite(signals.held_out_S).all()
    where = " in held-out episodes" if played else " in their last training episodes so far"
    what = (
        f"Seeds fall into two groups: {len(low)} of {len(final_S)} ({numbers}) score {number(float(low.mean()))}{where}, the "
        f"others {number(float(high.mean()))}."
    )
    return Detection(
        what, (evidence,), "warning" if len(final_S) >= FEWEST and played else "info", "high" if len(final_S) >= FEWEST else "low",
        suggestions.more_seeds(signals),
        advice="Look at what the failing seeds did: `rlx plot` draws each of them, and `rlx video RUN --seed SEED` films one.",
    )  # fmt: skip


RULES = (
    Rule(
        "seeds-disagree",
        "Some seeds succeed and others fail",
        "With two kinds of outcome the mean describes neither; what one would get by training once is a lottery, and a few "
        "seeds more or less turn a verdict.",
        "Henderson et al. 2018 (Deep RL that matters), figure 5: two halves of ten identical seeds differed at p = 0.0016; the gap of 40 % is rlx's own threshold",
        _disagree,
        frozenset({"collapse-after-success", "collapse-in-some-seeds", "unstable", "degenerate-episodes", "evaluation-below-training", "plateau"}),
    ),
)  # fmt: skip
