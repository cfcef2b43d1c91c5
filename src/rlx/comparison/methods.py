"""Several environments: the same method trained on each, judged over all of them by normalised scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx import stats, wording
from rlx.comparison.case import Criteria, Verdict
from rlx.comparison.runs import RunScores

Reference = tuple[float, float]
"""The returns that count as 0 and as 1 on a task."""
THRESHOLDS = 81


@dataclass(frozen=True)
class Method:
    """A method (an algorithm, or a way to set it) with one run on each task.

    Attributes:
        name: What to call it.
        runs: Its run on each task, by the task's name.
    """

    name: str
    runs: Mapping[str, RunScores]

    def normalised(self, references: Mapping[str, Reference]) -> list[stats.Array]:
        """Return the normalised scores of each task's seeds, in the order of the references."""
        return [(self.runs[task].scores_S - low) / (high - low) for task, (low, high) in references.items()]


@dataclass(frozen=True)
class MethodComparison:
    """One method over all tasks.

    Attributes:
        method: Its name.
        iqm: Interquartile mean of its normalised scores, with its stratified interval.
        mean: Mean over the tasks of its normalised scores.
        profile: Its performance profile.
        verdict: Against the baseline method; None for the baseline itself.
        difference: Of the mean normalised score to the baseline's, with the deciding interval.
        p_value: Of the permutation test within tasks, adjusted for the number of candidates (Holm).
        probability_of_improvement: Chance that its seed beats the baseline's, mean over the tasks.
        reason: What the verdict rests on.
    """

    method: str
    iqm: stats.Estimate
    mean: float
    profile: stats.Profile
    verdict: Verdict | None = None
    difference: stats.Estimate | None = None
    p_value: float | None = None
    probability_of_improvement: float | None = None
    reason: str | None = None


def compare_methods(
    methods: Sequence[Method], baseline: str, references: Mapping[str, Reference], criteria: Criteria
) -> list[MethodComparison]:
    """Judge methods over all tasks that ``references`` names; every method needs a run with two seeds on each.

    Scores are normalised task by task and seeds compared within their task only, so that no environment's scale
    outweighs another's, and nothing is averaged before it is comparable.

    Args:
        methods: All of them, the baseline among them.
        baseline: Its name.
        references: For each task the returns that count as 0 and 1.
        criteria: Error rate; the minimum effect is in return units and does not apply to normalised scores.

    Returns:
        One result per method, best IQM first.
    """
    base = next(method for method in methods if method.name == baseline)
    base_K, family = base.normalised(references), len(methods) - 1
    scores = {method.name: method.normalised(references) for method in methods}
    everything = np.concatenate([np.concatenate(scores_K) for scores_K in scores.values()])
    thresholds = np.linspace(min(0.0, float(everything.min())), max(1.0, float(everything.max())), THRESHOLDS)
    names = [method.name for method in methods if method.name != baseline]
    tests = {name: stats.permutation_test_across_tasks(scores[name], base_K) for name in names}
    adjusted = dict(zip(names, stats.holm([test.p for test in tests.values()]), strict=True))
    found = []
    for name, scores_K in scores.items():
        judged: dict[str, Any] = {}
        if name != baseline:
            difference = stats.difference_across_tasks(scores_K, base_K, 1 - criteria.alpha / family)
            verdict, reason = _verdict(difference, adjusted[name], criteria.alpha)
            chances = [stats.probability_of_improvement(*pair) for pair in zip(scores_K, base_K, strict=True)]
            judged = {
                "verdict": verdict,
                "difference": difference,
                "p_value": adjusted[name],
                "probability_of_improvement": float(np.mean(chances)),
                "reason": reason,
            }
        mean = float(np.mean([scores_S.mean() for scores_S in scores_K]))
        iqm, profile = (
            stats.interquartile_mean_across_tasks(scores_K),
            stats.performance_profile(scores_K, thresholds),
        )
        found.append(MethodComparison(name, iqm, mean, profile, **judged))
    return sorted(found, key=lambda method: -method.iqm.mean)


def _verdict(difference: stats.Estimate, p_value: float, alpha: float) -> tuple[Verdict, str]:
    interval = difference.interval
    if interval is None:
        return "inconclusive", "a task has only one seed: nothing can be said about luck"
    shown = f"the {100 * interval.level:.3g} % interval of the difference, {wording.interval(interval, sign=True)},"
    if interval.low > 0 or interval.high < 0:
        if p_value <= alpha:
            return (
                "improved" if interval.low > 0 else "regressed",
                f"{shown} excludes 0, and p = {wording.p_value(p_value)}",
            )
        return "inconclusive", f"{shown} excludes 0, but p = {wording.p_value(p_value)} is above {alpha:g}"
    return "inconclusive", f"{shown} includes 0"
