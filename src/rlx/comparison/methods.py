"""Several environments: the same method trained on each, judged over all of them by normalised scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlx import stats
from rlx.comparison.case import Criteria, Verdict, agreeing, is_beyond
from rlx.comparison.runs import RunScores
from rlx.stats import wording

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
        rank: Its rank by mean score, mean over the tasks that all methods have; None where these have none in common.
        iqm: Interquartile mean of its normalised scores over these tasks; None without references for all of them.
        mean: Mean over the tasks of its normalised scores; None likewise.
        profile: Its performance profile; None likewise.
        verdict: Against the baseline method, over the tasks that both have; None for the baseline itself.
        tasks: How many tasks that are.
        difference: Of the mean normalised score to the baseline's, with the deciding interval; None without references.
        p_value: Of the permutation test within tasks that decides.
        probability_of_improvement: Chance that its seed beats the baseline's, mean over the tasks.
        reason: What the verdict rests on.
        looks: The looks taken, when judged look by look.
        improvement: That chance with its interval, which decides where there are no references.
    """

    method: str
    rank: stats.Estimate | None = None
    iqm: stats.Estimate | None = None
    mean: float | None = None
    profile: stats.Profile | None = None
    verdict: Verdict | None = None
    tasks: int = 0
    difference: stats.Estimate | None = None
    p_value: float | None = None
    probability_of_improvement: float | None = None
    reason: str | None = None
    looks: tuple[stats.Look, ...] = ()
    improvement: stats.Estimate | None = None


def compare_methods(
    methods: Sequence[Method], baseline: str, references: Mapping[str, Reference], criteria: Criteria
) -> list[MethodComparison]:
    """Judge methods over the tasks that each shares with the baseline; every run needs two seeds.

    Seeds are compared within their task only. Scores are never rescaled by the data: with reference scores for all its tasks a
    method is judged by the mean normalised score, without them by the chance that a seed of it beats one of the baseline's,
    which needs no scale. A verdict depends on the two methods alone, so alpha is the error rate of each: no other method, no
    order of rows and no change of a task's units changes it.

    Args:
        methods: All of them, the baseline among them.
        baseline: Its name.
        references: The returns that count as 0 and 1 on tasks where they are known.
        criteria: Error rate and looks; the minimum effect is in return units and does not apply over tasks.

    Returns:
        One result per method, best first.
    """
    base = next(method for method in methods if method.name == baseline)
    found = [
        replace(
            _described(method, methods, references),
            **({} if method is base else _judged(method, base, references, criteria)),
        )
        for method in methods
    ]
    return sorted(
        found, key=lambda one: (-(one.iqm.mean if one.iqm else 0.0), one.rank.mean if one.rank else 0.0, one.method)
    )


def _described(method: Method, methods: Sequence[Method], references: Mapping[str, Reference]) -> MethodComparison:
    """Return what is said of a method beside the others, over the tasks that all of them have."""
    tasks = sorted(task for task in method.runs if all(task in other.runs for other in methods))
    if not tasks:
        return MethodComparison(method.name)
    ranks = stats.average_ranks([[other.runs[task].scores_S for task in tasks] for other in methods])
    plain = MethodComparison(method.name, ranks[list(methods).index(method)])
    if not references.keys() >= set(tasks):
        return plain
    scales = {task: references[task] for task in tasks}
    together = np.concatenate([np.concatenate(other.normalised(scales)) for other in methods])
    thresholds = np.linspace(min(0.0, float(together.min())), max(1.0, float(together.max())), THRESHOLDS)
    scores_K = method.normalised(scales)
    return replace(
        plain,
        iqm=stats.interquartile_mean_across_tasks(scores_K),
        mean=float(np.mean([scores_S.mean() for scores_S in scores_K])),
        profile=stats.performance_profile(scores_K, thresholds),
    )


def _judged(method: Method, base: Method, references: Mapping[str, Reference], criteria: Criteria) -> dict[str, Any]:
    """Judge one method against the baseline, over the tasks that both have."""
    tasks = sorted(task for task in method.runs if task in base.runs and _is_same(method.runs[task], base.runs[task]))
    if len(tasks) < 2:
        return {"verdict": "not comparable", "reason": "they have not two tasks in common", "tasks": len(tasks)}
    raw = [[side.runs[task].scores_S for task in tasks] for side in (method, base)]
    chance = stats.improvement_across_tasks(raw[0], raw[1], 1 - criteria.alpha)
    common = {"tasks": len(tasks), "probability_of_improvement": chance.mean, "improvement": chance}
    if not references.keys() >= set(tasks):
        return common | _by_chance(raw, chance, criteria)
    scales = {task: references[task] for task in tasks}
    candidate_K, base_K = method.normalised(scales), base.normalised(scales)
    judge = _once if criteria.looks is None else _by_looks
    return common | judge(candidate_K, base_K, criteria)


def _is_same(one: RunScores, other: RunScores) -> bool:
    return dict(one.task) == dict(other.task)


def _by_chance(raw: list[list[stats.Array]], chance: stats.Estimate, criteria: Criteria) -> dict[str, Any]:
    """Judge by the chance that a seed beats one of the baseline's, which needs no scale."""
    if criteria.looks is not None:
        reason = "looks over several environments need reference scores (compare.reference_scores)"
        return {"verdict": "inconclusive", "reason": reason}
    p = stats.rank_test_across_tasks(raw[0], raw[1]).p
    verdict, reason, ended = _verdict(chance, p, criteria.alpha, "chance to beat a seed of the baseline's", 0.5)
    return {
        "verdict": verdict,
        "reason": reason,
        "p_value": p,
        "probability_of_improvement": ended.mean,
        "improvement": ended,
    }


def _once(candidate_K: list[stats.Array], base_K: list[stats.Array], criteria: Criteria) -> dict[str, Any]:
    """Judge by normalised scores with all the seeds there are."""
    p = stats.permutation_test_across_tasks(candidate_K, base_K).p
    difference = stats.difference_across_tasks(candidate_K, base_K, 1 - criteria.alpha)
    verdict, reason, ended = _verdict(difference, p, criteria.alpha, "difference", 0.0)
    return {"verdict": verdict, "reason": reason, "difference": ended, "p_value": p}


def _by_looks(candidate_K: list[stats.Array], base_K: list[stats.Array], criteria: Criteria) -> dict[str, Any]:
    """Judge by normalised scores look by look; the first verdict stands."""
    looks = stats.group_sequential_test_across_tasks(candidate_K, base_K, criteria.looks or (), criteria.alpha)
    if not looks:
        plain = stats.difference_across_tasks(candidate_K, base_K)
        return {
            "verdict": "inconclusive",
            "reason": "the first look is not reached",
            "difference": replace(plain, interval=None),
        }
    last = next((look for look in looks if look.crossed), looks[-1])
    word = "improved" if last.difference.mean > 0 else "regressed"
    return {
        "verdict": word if last.crossed else "inconclusive",
        "difference": last.difference,
        "reason": f"t = {last.statistic:.2f} at {last.n} seeds each, boundary {last.boundary:.2f}",
        "looks": tuple(look for look in looks if look.n <= last.n),
    }


def _verdict(
    found: stats.Estimate, p_value: float, alpha: float, what: str, null: float
) -> tuple[Verdict, str, stats.Estimate]:
    """Return a verdict, what it rests on, and the estimate with an interval that agrees with it."""
    if found.interval is None:
        return "inconclusive", "a task has only one seed: nothing can be said about luck", found
    moved = replace(found.interval, low=found.interval.low - null, high=found.interval.high - null)
    above, beyond = found.mean > null, is_beyond(moved, 0.0)
    decided = beyond and p_value <= alpha
    ended = agreeing(moved, 0.0, above=above, decided=decided)
    estimate = replace(found, interval=replace(ended, low=ended.low + null, high=ended.high + null))
    shown = (
        f"the {100 * moved.level:.3g} % interval of the {what}, {wording.interval(estimate.interval, sign=not null)},"
    )
    if moved.method == stats.NO_SPREAD:
        shown = f"the {what}, {wording.number(found.interval.low, sign=not null)} without any spread,"
    p = f"p = {wording.p_value(p_value)}"
    if decided:
        return "improved" if above else "regressed", f"{shown} excludes {null:g}, and {p}", estimate
    if beyond:
        return "inconclusive", f"{p} is above {alpha:g}", estimate
    return "inconclusive", f"{shown} includes {null:g}", estimate
