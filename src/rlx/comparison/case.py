"""Two runs to be judged, how to judge them, and the comparison that comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from rlx import stats
from rlx.comparison.differences import Differences, OwnSettings, config_differences, settings_in_common, warnings
from rlx.comparison.runs import RunScores

Verdict = Literal["improved", "regressed", "equivalent", "inconclusive", "identical", "not comparable"]
DEFAULT_LOOKS = (5, 10, 15, 20)
"""When to look at a growing comparison, where ``compare.looks`` does not say: after these numbers of seeds each."""
REASONABLE = 100
"""More seeds than this are not suggested as a command."""
FAILING_SHARE = 0.2
"""Where nobody knows what a failing seed scores, ``equivalent`` is only said with so many seeds that a failure of one training
in five would have shown: rare failures are what intervals over a few agreeing seeds miss (``docs/statistics.md``)."""


@dataclass(frozen=True)
class Criteria:
    """How to judge.

    Attributes:
        alpha: Error rate over all candidates together.
        minimum_effect: The smallest difference in return that matters.
        looks: Numbers of seeds each at which the comparison is looked at; None judges once, with all seeds.
        derived: Whether nobody said the minimum effect, so that it was derived from the scores.
        fragility: How many failing seeds ``improved`` and ``regressed`` must withstand.
    """

    alpha: float = 0.05
    minimum_effect: float = 0.0
    looks: tuple[int, ...] | None = None
    derived: bool = False
    fragility: int = 0


@dataclass(frozen=True)
class Comparison:
    """One run against the baseline.

    Attributes:
        run: The candidate.
        baseline: What it is compared with.
        verdict: One of the six words.
        difference: Candidate − baseline, with the interval; None where nothing can be compared.
        relative: The difference as a share of the baseline's mean (None when that is not positive).
        p_value: Of no difference, by the permutation test, adjusted for all candidates together
            (:func:`rlx.stats.closed_test`).
        p_beyond: Of a difference no larger than the minimum effect, adjusted likewise; it decides.
        test: The test of no difference before adjustment; None when judged look by look.
        probability_of_improvement: Chance that a seed of the candidate beats one of the baseline.
        seeds: Numbers of seeds of candidate and baseline.
        reason: What the verdict rests on, as half a sentence.
        next_step: What would settle an inconclusive comparison.
        more_seeds: The settings with which both runs would have to be trained for that; empty where more seeds do not help.
        command: The command that does it, where somebody has said how these runs are made.
        fragility: How many further seeds, had they failed, would take ``improved`` or ``regressed`` away; None where ten would
            not, and for other verdicts.
        unexcluded: The share of failing seeds that the better run's seeds do not exclude (of two that are alike, the run
            with the larger one); None where nothing was judged.
        minutes: How long the command would take where the runs were trained, if it is known how long a seed took.
        changes: Settings that differ: dotted key → (baseline's, candidate's). Of different algorithms only those that both have.
        families: Of different algorithms: their kinds (on-policy, off-policy, evolution); left out otherwise.
        own_settings: Of different algorithms: the settings that only one of them has; left out otherwise.
        provenance: The same of code, engine and libraries.
        warnings: What makes the comparison weaker than it looks.
        looks: The looks taken, when judged look by look.
        minimum_effect: The smallest difference in return that mattered.
        derived: Whether that was derived from the scores, since nobody said it.
    """

    run: str
    baseline: str
    verdict: Verdict
    difference: stats.Estimate | None
    relative: float | None
    p_value: float | None
    p_beyond: float | None
    test: stats.Test | None
    probability_of_improvement: float | None
    seeds: tuple[int, int]
    reason: str
    next_step: str | None
    changes: Differences
    provenance: Differences = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    looks: tuple[stats.Look, ...] = ()
    minimum_effect: float = 0.0
    derived: bool = False
    more_seeds: Mapping[str, int] = field(default_factory=dict)
    command: str | None = None
    fragility: int | None = None
    unexcluded: float | None = None
    families: tuple[str | None, str | None] | None = field(default=None, metadata={"unless": None})
    own_settings: OwnSettings | None = field(default=None, metadata={"unless": None})
    minutes: float | None = field(default=None, metadata={"document": False})


@dataclass(frozen=True)
class Case:
    """Two runs, and how to judge them.

    The interval's level is 1 − alpha over the ``family`` of candidates judged together (Bonferroni).
    """

    baseline: RunScores
    candidate: RunScores
    criteria: Criteria
    family: int

    @property
    def alpha(self) -> float:
        """The error rate of this candidate alone."""
        return self.criteria.alpha / self.family

    @cached_property
    def difference(self) -> stats.Estimate:
        """Candidate − baseline, with the deciding interval."""
        return stats.difference_of_means(self.candidate.scores_S, self.baseline.scores_S, 1 - self.alpha)

    @cached_property
    def difference_alone(self) -> stats.Estimate:
        """Candidate − baseline, with an interval that is not corrected for the number of candidates."""
        return stats.difference_of_means(self.candidate.scores_S, self.baseline.scores_S, 1 - self.criteria.alpha)

    @property
    def seeds(self) -> tuple[int, int]:
        """Numbers of seeds of candidate and baseline."""
        return len(self.candidate.scores), len(self.baseline.scores)

    @property
    def counts(self) -> str:
        """The numbers of seeds, in words."""
        return seeds_in_words(self.seeds)

    def fresh_seeds(self, n: int) -> dict[str, int]:
        """Return the settings that train ``n`` seeds that no look has seen."""
        return {"seed": 1 + max(*self.candidate.scores, *self.baseline.scores), "num_seeds": n}

    def blank(self) -> Comparison:
        """Return what is known of this comparison before it is judged."""
        baseline, candidate = self.baseline, self.candidate
        changes, own = settings_in_common(baseline, candidate)
        return Comparison(
            run=candidate.run,
            baseline=baseline.run,
            verdict="not comparable",
            difference=None,
            relative=None,
            p_value=None,
            p_beyond=None,
            test=None,
            probability_of_improvement=None,
            seeds=self.seeds,
            reason="",
            next_step=None,
            changes=changes,
            families=(baseline.family, candidate.family) if own else None,
            own_settings=own,
            provenance=config_differences(baseline.provenance, candidate.provenance),
            warnings=warnings(baseline, candidate, None if self.criteria.looks else self.alpha),
            minimum_effect=self.criteria.minimum_effect,
            derived=self.criteria.derived,
        )


def relative_to(baseline_S: stats.Array, difference: float) -> float | None:
    """Return a difference as a share of the baseline's mean; None where that is not positive."""
    mean = float(baseline_S.mean())
    return difference / mean if mean > 0 else None


def zone(effect: float) -> str:
    """Return the differences that do not matter, in words."""
    return "0" if effect == 0 else f"differences up to ±{effect:g}"


def is_beyond(interval: stats.Interval, effect: float) -> bool:
    """Tell whether an interval lies beyond the differences that do not matter."""
    return interval.low > effect or interval.high < -effect


def agreeing(interval: stats.Interval, effect: float, *, above: bool, decided: bool) -> stats.Interval:
    """Return an interval that ends where the test does, so that the two never say different things.

    Where the test of all candidates together decides what the interval of one does not, its near end is moved just beyond
    the differences that do not matter (Guilbaud 2008: simultaneous intervals that go with a closed procedure end there);
    where the test does not decide what the interval does, it is moved back to their edge.
    """
    if decided == is_beyond(interval, effect):
        return interval
    edge = effect if above else -effect
    near = math.nextafter(edge, math.inf if above else -math.inf) if decided else edge
    method = f"{interval.method}, ended by the permutation test"
    return replace(interval, low=near, method=method) if above else replace(interval, high=near, method=method)


def up_to_seeds(n: int) -> dict[str, int]:
    """Return the settings that bring a run to ``n`` seeds."""
    return {"num_seeds": n}


def seeds_in_words(seeds: tuple[int, int]) -> str:
    """Return two numbers of seeds as words: ``5 seeds each``, ``5 against 20 seeds``."""
    n, m = seeds
    return f"{n} against {m} seeds" if n != m else f"{n} seed{'s' * (n > 1)} each"
