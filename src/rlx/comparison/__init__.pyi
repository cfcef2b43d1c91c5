from .bars import Bars as Bars
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
)
from .effort import Effort as Effort, differ_in_effort as differ_in_effort
from .learning import Learning as Learning, trains_elsewhere as trains_elsewhere
from .methods import MethodComparison as MethodComparison
from .runs import RunScores as RunScores, task_name as task_name
from .study import (
    UNITS as UNITS,
    Choice as Choice,
    StudyComparison as StudyComparison,
    choice_of as choice_of,
    judge as judge,
)
from .unseen import failed_seeds as failed_seeds
from .verdicts import compare as compare
