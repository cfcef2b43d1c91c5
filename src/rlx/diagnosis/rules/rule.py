"""What a rule is, and the words that most of them need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import numpy as np

from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.signals import Signals, start_of
from rlx.stats import Array

MAJORITY = 0.5
"""A fault of the configuration shows in at least half of the seeds."""


ON_POLICY, OFF_POLICY = frozenset({"on-policy"}), frozenset({"off-policy"})
OUTCOMES = frozenset({
    "never-left-the-floor", "unstable", "collapse-after-success", "collapse-in-some-seeds", "seeds-disagree", "value-function-not-learning",
    "plateau", "gradients-grow", "still-improving", "degenerate-episodes",
})  # fmt: skip
"""What a cause of any family does to the course of training."""


@dataclass(frozen=True)
class Needs:
    """What a rule reads that not every algorithm has.

    Attributes:
        families: The families of algorithms (:class:`rlx.algorithms.Algorithm`) that it makes sense for; empty: all.
        settings: Settings of ``algo``, all of which must exist.
        metrics: Metrics that the algorithm must document.
    """

    families: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    def met_by(self, signals: Signals) -> bool:
        """Tell whether a run has them."""
        documented = signals.record.metrics
        return (
            (not self.families or signals.record.family in self.families)
            and signals.has(*self.settings)
            and (documented is None or documented.keys() >= {*self.metrics})
        )


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a run.

    Attributes:
        id: Its name in files and tests.
        title: In a few words, for people.
        why: Why it matters.
        source: Where the rule and its threshold come from.
        check: Looks for it.
        explains: Ids of the findings that it can be the cause of.
        needs_training: Whether it looks at updates; the others judge the configuration alone.
        needs: Which algorithms it is for.
    """

    id: str
    title: str
    why: str
    source: str
    check: Callable[[Signals], Detection | None]
    explains: frozenset[str] = frozenset()
    needs_training: bool = True
    needs: Needs = Needs()


def ratio(above_S: Array, below_S: Array) -> Array:
    """Return a ratio per seed; NaN where it is not defined."""
    sound = np.isfinite(above_S) & np.isfinite(below_S) & (below_S > 0)
    return np.asarray(np.divide(above_S, below_S, out=np.full(len(above_S), np.nan), where=sound))


def most(holds_S: Array) -> bool:
    """Tell whether something holds for at least half of the seeds; of two, for both."""
    return bool(len(holds_S)) and float(np.mean(holds_S)) >= (1.0 if len(holds_S) <= 2 else MAJORITY)


def which(signals: Signals, holds_S: Array) -> tuple[int, ...]:
    """Return the numbers of the seeds for which something holds."""
    return tuple(seed for seed, holds in zip(signals.numbers, holds_S, strict=True) if holds)


def of_seeds(seeds: Sequence[int], in_all: int) -> str:
    """Return ``all 5 seeds``, ``3 of 5 seeds`` or ``the only seed``."""
    if in_all == 1:
        return "the only seed"
    if len(seeds) == in_all == 2:
        return "both seeds"
    return f"all {in_all} seeds" if len(seeds) == in_all else f"{len(seeds)} of {in_all} seeds"


def measured(  # noqa: PLR0913
    signals: Signals,
    metric: str,
    values_S: Array,
    holds_S: Array,
    relation: Literal["above", "below"],
    threshold: float,
    windows: tuple[int, int] | None = None,
) -> Evidence:
    """Return evidence: the median of a number over the seeds for which it holds.

    Args:
        signals: Of the run.
        metric: What the number is.
        values_S: It, per seed.
        holds_S: Which seeds show the finding.
        relation: On which side of the threshold.
        threshold: What it was held against.
        windows: First and last window looked at; by default all.
    """
    first, last = windows or (0, signals.windows - 1)
    shown = np.asarray(values_S, dtype=float)[np.asarray(holds_S, dtype=bool)]
    shown = shown[np.isfinite(shown)]
    return Evidence(
        metric,
        float(np.median(shown)) if len(shown) else float("nan"),
        relation,
        threshold,
        signals.span_of(first, last),
        which(signals, holds_S),
        len(signals.seeds),
    )


def learned_nothing(signals: Signals) -> bool:
    """Tell whether most seeds have held-out scores that are not above those of random actions."""
    played = [seed.held_out is not None for seed in signals.seeds]
    return bool(played) and all(played) and signals.record.random is not None and signals.held_out_above_S.mean() < 0.5


def went_well(signals: Signals) -> bool:
    """Tell whether the return ends near its best, so that what looks odd did no harm."""
    return (
        signals.scale is not None and signals.scale.span > 0 and bool(np.median(signals.late(signals.place_SW)) > 0.8)
    )


def smell(signals: Signals) -> Severity:
    """Return how serious an odd setting is by itself: before training a warning; after it, what it did is what counts."""
    return "info" if signals.seeds else "warning"


def told_by_outcome(signals: Signals, what: str) -> tuple[str, Severity]:
    """Return what is said of an odd setting, and how serious it is where nothing was learned with it, too."""
    return (f"{what} Nothing was learned with it.", "error") if learned_nothing(signals) else (what, smell(signals))


def value_of(signals: Signals, key: str) -> float | None:
    """Return a number of the configuration (the start of a schedule); None where it is none, or not there."""
    section, _, name = key.rpartition(".")
    return signals.setting(name) if section == "algo" else start_of(attrgetter(key)(signals.config))
