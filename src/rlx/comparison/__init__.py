"""From the scores of runs to verdicts. Pure: scores in, frozen dataclasses out."""

from rlx.comparison.case import DEFAULT_LOOKS, Comparison, Criteria, Verdict
from rlx.comparison.differences import config_differences, flatten, task_differences
from rlx.comparison.learning import Learning, learning_of
from rlx.comparison.methods import Method, MethodComparison, compare_methods
from rlx.comparison.runs import RunScores
from rlx.comparison.verdicts import compare, compare_pairs

__all__ = [
    "DEFAULT_LOOKS",
    "Comparison",
    "Criteria",
    "Learning",
    "Method",
    "MethodComparison",
    "RunScores",
    "Verdict",
    "compare",
    "compare_methods",
    "compare_pairs",
    "config_differences",
    "flatten",
    "learning_of",
    "task_differences",
]
