"""The methods of a study judged over its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlx.comparison.case import Criteria
from rlx.comparison.methods import Method, MethodComparison, compare_methods
from rlx.comparison.runs import RunScores, task_name
from rlx.config import CompareConfig
from rlx.errors import ConfigError


def judge_methods(
    groups: Mapping[str, Sequence[RunScores]],
    baseline: str,
    settings: CompareConfig,
    criteria: Criteria,
) -> tuple[tuple[MethodComparison, ...], dict[str, tuple[float, float]]]:
    """Judge methods over the tasks that the baseline shares with others; nothing with fewer than two such tasks.

    Args:
        groups: The runs of each method.
        baseline: The method that the others are compared with.
        settings: The returns that count as 0 and 1 (``compare.reference_scores``).
        criteria: How methods are judged.

    Returns:
        The methods, best first, and the references of the tasks that have them.

    Raises:
        ConfigError: A method has two runs on a task, or references are in no order, or of a task that nobody has.
    """
    methods = []
    for name, runs in groups.items():
        tasks = [task_name(run) for run in runs]
        if twice := next((task for task in tasks if tasks.count(task) > 1), None):
            raise ConfigError(f"study.methods.{name} has two runs on {twice}; keep one")
        methods.append(Method(name, dict(zip(tasks, runs, strict=True))))
    if len(methods) < 2:
        return (), {}
    base = next(method for method in methods if method.name == baseline)
    shared = [task for task in base.runs if any(task in method.runs for method in methods if method is not base)]
    if len(shared) < 2:
        return (), {}
    environments = {str(run.task.get("environment")) for run in base.runs.values()}
    if unknown := sorted(set(settings.reference_scores) - environments):
        known = ", ".join(sorted(environments))
        raise ConfigError(f"compare.reference_scores: no run is on {unknown[0]!r}; there are: {known}")
    given = ((task, _reference(base.runs[task], settings)) for task in shared)
    references = {task: scale for task, scale in given if scale is not None}
    found = compare_methods(methods, baseline, references, criteria)
    if all(method.verdict in (None, "not comparable") for method in found):
        return (), {}
    return tuple(found), references


def _reference(baseline: RunScores, settings: CompareConfig) -> tuple[float, float] | None:
    """Return the returns that count as 0 and 1 on a task, where both are given; random actions count as 0 where only 1 is.

    Raises:
        ConfigError: They are not in order.
    """
    given = settings.reference_scores.get(str(baseline.task.get("environment")))
    if given is None or given.high is None:
        return None
    low = baseline.random_return if given.low is None else given.low
    if low is None:
        return None
    if not given.high > low:
        raise ConfigError(
            f"compare.reference_scores.{task_name(baseline)}: high ({given.high:g}) is not above low ({low:g}); give both"
        )
    return float(low), float(given.high)
