from .case import (
    DEFAULT_LOOKS as DEFAULT_LOOKS,
    Comparison as Comparison,
    Criteria as Criteria,
    Verdict as Verdict,
    seeds_in_words as seeds_in_words,
)
from .differences import (
    config_differences as config_differences,
    flatten as flatten,
    task_differences as task_differences,
)
from .learning import Learning as Learning, learning_of as learning_of
from .methods import Method as Method, MethodComparison as MethodComparison, compare_methods as compare_methods
from .runs import RunScores as RunScores
from .unseen import failed_seeds as failed_seeds
from .verdicts import compare as compare, compare_pairs as compare_pairs
