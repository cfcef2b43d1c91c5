"""From the scores of runs to verdicts. Pure: scores in, frozen dataclasses out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlx import stats

Verdict = Literal["improved", "regressed", "equivalent", "inconclusive", "identical", "not comparable"]


@dataclass(frozen=True)
class RunScores:
    """What comparing needs to know of one run.

    Attributes:
        run: Its name.
        scores: Mean held-out return of each training seed.
        policies: Hash of each seed's policy; equal hashes are equal policies.
        task: What the scores measure: environment, evaluation protocol, engine version. Only equal tasks compare.
        config: Effective configuration, flattened to dotted keys.
        success: Successful episodes and episodes in all, where the environment reports success.
        environment_steps: Training budget of one seed.
    """

    run: str
    scores: Mapping[int, float]
    policies: Mapping[int, str]
    task: Mapping[str, Any]
    config: Mapping[str, Any]
    success: tuple[int, int] | None = None
    environment_steps: int | None = None

    @property
    def scores_S(self) -> stats.Array:  # noqa: N802 — S is the axis of seeds
        """The scores in order of the seeds."""
        return np.array([self.scores[seed] for seed in sorted(self.scores)])

    @property
    def worst(self) -> tuple[int, float]:
        """The worst seed and its score."""
        seed = min(self.scores, key=lambda seed: (self.scores[seed], seed))
        return seed, self.scores[seed]


@dataclass(frozen=True)
class Criteria:
    """How to judge: error rate and the smallest difference that matters."""

    alpha: float = 0.05
    minimum_effect: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """One run against the baseline.

    Attributes:
        run: The candidate.
        verdict: One of the six words.
        difference: Candidate − baseline, with the interval; None where nothing can be compared.
        relative: The difference as a share of the baseline's mean (None when that is not positive).
        p_value: Of the permutation test, adjusted for the number of candidates (Holm).
        test: The test before adjustment.
        probability_of_improvement: Chance that a seed of the candidate beats one of the baseline.
        reason: One sentence that says what the verdict rests on.
        next_step: What would settle an inconclusive comparison.
        changes: Settings that differ: dotted key → (baseline's, candidate's).
    """

    run: str
    verdict: Verdict
    difference: stats.Estimate | None
    relative: float | None
    p_value: float | None
    test: stats.Test | None
    probability_of_improvement: float | None
    reason: str
    next_step: str | None
    changes: Mapping[str, tuple[Any, Any]]


def compare(baseline: RunScores, candidates: Sequence[RunScores], criteria: Criteria) -> list[Comparison]:
    """Judge each candidate against the baseline; the error rate holds over all of them together.

    Args:
        baseline: The run to compare with.
        candidates: The others.
        criteria: Error rate and minimum effect.

    Returns:
        One comparison per candidate, in their order.
    """
    sound = [run for run in candidates if run.scores and baseline.scores and not task_differences(baseline, run)]
    tests = {run.run: stats.permutation_test(run.scores_S, baseline.scores_S) for run in sound}
    adjusted = dict(zip(tests, stats.holm([test.p for test in tests.values()]), strict=True))
    return [
        _judge(_Case(baseline, run, criteria, tests[run.run], adjusted[run.run], len(tests)))
        if run.run in tests
        else _not_comparable(baseline, run)
        for run in candidates
    ]


def task_differences(one: RunScores, other: RunScores) -> list[str]:
    """Return in which respects two runs' scores measure different things."""
    keys = sorted(set(one.task) | set(other.task))
    return [
        f"{key} ({one.task.get(key)!r} and {other.task.get(key)!r})"
        for key in keys
        if one.task.get(key) != other.task.get(key)
    ]


def config_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, as dotted key → (of ``one``, of ``other``); a missing one is None."""
    return {
        key: (one.get(key), other.get(key)) for key in sorted(set(one) | set(other)) if one.get(key) != other.get(key)
    }


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under dotted keys; empty mappings stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


@dataclass(frozen=True)
class _Case:
    """The evidence about one candidate.

    The interval that decides carries the same correction as the test: its level is 1 − alpha over the ``family`` of
    candidates judged together (Bonferroni).
    """

    baseline: RunScores
    candidate: RunScores
    criteria: Criteria
    test: stats.Test
    p_value: float
    family: int

    @property
    def difference(self) -> stats.Estimate:
        level = 1 - self.criteria.alpha / self.family
        return stats.difference_of_means(self.candidate.scores_S, self.baseline.scores_S, level)


def _not_comparable(baseline: RunScores, candidate: RunScores) -> Comparison:
    different = task_differences(baseline, candidate)
    reason = (
        f"they measure different things: {'; '.join(different)}" if different else "one of them has no finished seed"
    )
    changes = config_differences(baseline.config, candidate.config)
    return Comparison(candidate.run, "not comparable", None, None, None, None, None, reason, None, changes)


def _judge(case: _Case) -> Comparison:
    baseline, candidate, difference = case.baseline, case.candidate, case.difference
    mean = float(baseline.scores_S.mean())
    verdict, reason = _verdict(case)
    return Comparison(
        run=candidate.run,
        verdict=verdict,
        difference=difference,
        relative=difference.mean / mean if mean > 0 else None,
        p_value=case.p_value,
        test=case.test,
        probability_of_improvement=stats.probability_of_improvement(candidate.scores_S, baseline.scores_S),
        reason=reason,
        next_step=_next_step(case) if verdict == "inconclusive" else None,
        changes=config_differences(baseline.config, candidate.config),
    )


def _verdict(case: _Case) -> tuple[Verdict, str]:  # noqa: PLR0911 — one return per verdict
    baseline, candidate, criteria, p_value = case.baseline, case.candidate, case.criteria, case.p_value
    if candidate.policies and dict(candidate.policies) == dict(baseline.policies):
        return "identical", "the trained policies are bit-equal, seed by seed"
    interval, effect = case.difference.interval, criteria.minimum_effect
    if interval is None:
        return "inconclusive", "one seed shows no spread: nothing can be said about luck"
    shown = f"{100 * interval.level:.3g} % interval of the difference [{interval.low:+.1f}, {interval.high:+.1f}]"
    if effect > 0 and -effect < interval.low and interval.high < effect:
        return "equivalent", f"{shown} lies inside ±{effect:g}"
    beyond = interval.low > effect or interval.high < -effect
    if beyond and p_value <= criteria.alpha:
        word: Verdict = "improved" if interval.low > effect else "regressed"
        return word, f"{shown} excludes {_zone(effect)}, p = {p_value:.3g}"
    if case.test.smallest_p > criteria.alpha:
        n, m = len(candidate.scores), len(baseline.scores)
        smallest = f"the smallest possible is {case.test.smallest_p:.2g}"
        return "inconclusive", f"{n} against {m} seeds cannot reach p ≤ {criteria.alpha:g} ({smallest})"
    if not beyond:
        return "inconclusive", f"{shown} includes {_zone(effect)}"
    return "inconclusive", f"{shown} excludes {_zone(effect)}, but p = {p_value:.3g} is above {criteria.alpha:g}"


def _zone(effect: float) -> str:
    return "0" if effect == 0 else f"differences up to ±{effect:g}"


def _next_step(case: _Case) -> str:
    """Say how many seeds would settle an inconclusive comparison."""
    alpha, difference = case.criteria.alpha / case.family, case.difference
    n = min(len(case.baseline.scores), len(case.candidate.scores))
    enough = next(k for k in range(2, 50) if 2 / math.comb(2 * k, k) <= alpha)
    if difference.std is None or case.test.smallest_p > alpha:
        return f"train at least {enough} seeds each: `dvc exp run -S num_seeds={enough}`"
    detectable = stats.minimum_detectable_effect(difference.std, n, alpha)
    excess = abs(difference.mean) - case.criteria.minimum_effect
    if excess < 0:
        needed = stats.seeds_for_equivalence(-excess, difference.std, alpha)
        shows = "that it is too small to matter"
    else:
        needed, shows = stats.seeds_needed(excess, difference.std, alpha), "it"
    text = f"{n} seeds each detect a difference of {detectable:.1f} four times in five"
    seen = f"the difference seen ({difference.mean:+.1f})"
    if needed is None:
        return f"{text}; {seen} is too small to settle with 1000 seeds each"
    wanted = max(needed, n + 1, enough)
    return f"{text}; if {seen} is the true one, {wanted} seeds each would show {shows}: `dvc exp run -S num_seeds={wanted}`"
