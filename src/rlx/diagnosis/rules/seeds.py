"""What differs between seeds that differ in nothing but chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Confidence, Detection, Evidence, Severity
from rlx.diagnosis.rules.progress import learned_S
from rlx.diagnosis.rules.rule import Rule
from rlx.diagnosis.signals import Signals
from rlx.stats import number

GAP = 0.4
WITHIN = 2.0
FEWEST = 5
"""Of fewer seeds with one kind of outcome, one in eight or more looks like two groups by chance."""


@dataclass(frozen=True)
class Groups:
    """Two groups of seeds that a wide gap parts.

    Attributes:
        worse: The seeds of the lower one.
        low: Their mean final return.
        high: That of the others.
        gap: Between the groups, as a share of the range from random (or the worst seed) to the best.
    """

    worse: tuple[int, ...]
    low: float
    high: float
    gap: float


def groups(signals: Signals) -> Groups | None:
    """Return the two groups that seeds fall into; None where they do not."""
    scale, final_S = signals.scale, signals.final_S
    if scale is None or len(final_S) < 3 or not np.isfinite(final_S).all():
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
    return Groups(worse, float(low.mean()), float(high.mean()), float(gaps[cut - 1]))


def _disagree(signals: Signals) -> Detection | None:
    found, n = groups(signals), len(signals.seeds)
    if found is None:
        return None
    name = "gap between two groups of seeds, of the range of returns"
    evidence = Evidence(name, found.gap, "above", GAP, None, found.worse, n)
    played = bool(np.isfinite(signals.held_out_S).all())
    where = " in held-out episodes" if played else " in their last training episodes so far"
    what = (
        f"Seeds fall into two groups: {len(found.worse)} of {n} ({', '.join(map(str, found.worse[:8]))}) score "
        f"{number(found.low)}{where}, the others {number(found.high)}."
    )
    behind_S = np.isin(signals.numbers, found.worse)
    lucky = len(found.worse) == n - 1 and bool(learned_S(signals)[behind_S].all())  # ahead of others that learn too
    severity: Severity = "warning" if n >= FEWEST and played and not lucky else "info"
    confidence: Confidence = "high" if n >= FEWEST else "low"
    return Detection(what, (evidence,), severity, confidence, suggestions.more_seeds(signals), ADVICE)


ADVICE = "Look at what the failing seeds did: `rlx plot RUN` draws each of them, and `rlx video RUN:latest --show worst` films the worst."
RULES: tuple[Rule, ...] = (
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
