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
        looks: The looks taken, when judged look by look.
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
    looks: tuple[stats.Look, ...] = ()


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
        criteria: Error rate and looks; the minimum effect is in return units and does not apply to normalised scores.

    Returns:
        One result per method, best IQM first.
    """
    scores = {method.name: method.normalised(references) for method in methods}
    everything = np.concatenate([np.concatenate(scores_K) for scores_K in scores.values()])
    thresholds = np.linspace(min(0.0, float(everything.min())), max(1.0, float(everything.max())), THRESHOLDS)
    candidates = {name: scores_K for name, scores_K in scores.items() if name != baseline}
    judge = _judge_once if criteria.looks is None else _judge_by_looks
    judged = judge(candidates, scores[baseline], criteria)
    found = [
        MethodComparison(
            name,
            stats.interquartile_mean_across_tasks(scores_K),
            float(np.mean([scores_S.mean() for scores_S in scores_K])),
            stats.performance_profile(scores_K, thresholds),
            **judged.get(name, {}),
        )
        for name, scores_K in scores.items()
    ]
    return sorted(found, key=lambda method: -method.iqm.mean)


Scores = Mapping[str, list[stats.Array]]


def _judge_once(candidates: Scores, base_K: list[stats.Array], criteria: Criteria) -> dict[str, dict[str, Any]]:
    """Judge each candidate method with all the seeds there are."""
    tests = {name: stats.permutation_test_across_tasks(scores_K, base_K) for name, scores_K in candidates.items()}
    adjusted = dict(zip(tests, stats.holm([test.p for test in tests.values()]), strict=True))
    judged: dict[str, dict[str, Any]] = {}
    for name, scores_K in candidates.items():
        difference = stats.difference_across_tasks(scores_K, base_K, 1 - criteria.alpha / len(candidates))
        verdict, reason = _verdict(difference, adjusted[name], criteria.alpha)
        judged[name] = {"verdict": verdict, "reason": reason, "difference": difference, "p_value": adjusted[name]}
        judged[name]["probability_of_improvement"] = _chance(scores_K, base_K)
    return judged


def _judge_by_looks(candidates: Scores, base_K: list[stats.Array], criteria: Criteria) -> dict[str, dict[str, Any]]:
    """Judge each candidate method look by look; the first verdict stands."""
    judged: dict[str, dict[str, Any]] = {}
    for name, scores_K in candidates.items():
        looks = stats.group_sequential_test_across_tasks(
            scores_K, base_K, criteria.looks or (), criteria.alpha / len(candidates)
        )
        if not looks:
            reason = "the first look is not reached"
            judged[name] = {"verdict": "inconclusive", "reason": reason, "looks": ()}
            judged[name]["difference"] = stats.difference_across_tasks(scores_K, base_K)
        else:
            last = next((look for look in looks if look.crossed), looks[-1])
            word = "improved" if last.difference.mean > 0 else "regressed"
            judged[name] = {
                "verdict": word if last.crossed else "inconclusive",
                "difference": last.difference,
                "reason": f"t = {last.statistic:.2f} at {last.n} seeds each, boundary {last.boundary:.2f}",
                "looks": tuple(look for look in looks if look.n <= last.n),
            }
        judged[name]["probability_of_improvement"] = _chance(scores_K, base_K)
    return judged


def _chance(candidate_K: list[stats.Array], base_K: list[stats.Array]) -> float:
    """Return the chance that a candidate's seed beats one of the baseline's, mean over the tasks."""
    return float(np.mean([stats.probability_of_improvement(*pair) for pair in zip(candidate_K, base_K, strict=True)]))


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
