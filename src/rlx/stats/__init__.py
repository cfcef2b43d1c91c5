"""Estimates, intervals, tests and power: arrays in, frozen dataclasses out. Pure; SciPy computes what it can.

The unit of replication is the training seed: an array ``_S`` has one score per seed, each the mean over that seed's
episodes; ``_T`` is time along a learning curve. How far every method here can be trusted at 3 to 20 seeds is measured
by ``python -m benchmarks.calibration`` and told in ``docs/statistics.md``.
"""

from rlx.stats.curves import (
    Band,
    Reaching,
    area_under_curve,
    mean_band,
    seeds_for_mean,
    steps_to_threshold,
    time_to_threshold,
)
from rlx.stats.estimates import (
    NO_SPREAD,
    Array,
    Description,
    Estimate,
    Interval,
    describe,
    difference_of_means,
    interquartile_mean,
    largest_share,
    largest_unseen_share,
    mean_of_differences,
    mean_with_interval,
    median_interval,
    probability_of_improvement,
    success_interval,
    welch_t,
)
from rlx.stats.families import Pair, closed_test
from rlx.stats.permutation import Test, holm, permutation_test, smallest_p
from rlx.stats.power import (
    minimum_detectable_effect,
    power_of_welch,
    seeds_for_equivalence,
    seeds_needed,
    seeds_to_reach,
    seeds_to_see,
)
from rlx.stats.sequential import Look, group_sequential_test, group_sequential_test_across_tasks
from rlx.stats.tasks import (
    Profile,
    average_ranks,
    difference_across_tasks,
    improvement_across_tasks,
    interquartile_mean_across_tasks,
    performance_profile,
    permutation_test_across_tasks,
    rank_test_across_tasks,
)

__all__ = [
    "NO_SPREAD",
    "Array",
    "Band",
    "Description",
    "Estimate",
    "Interval",
    "Look",
    "Pair",
    "Profile",
    "Reaching",
    "Test",
    "area_under_curve",
    "average_ranks",
    "closed_test",
    "describe",
    "difference_across_tasks",
    "difference_of_means",
    "group_sequential_test",
    "group_sequential_test_across_tasks",
    "holm",
    "improvement_across_tasks",
    "interquartile_mean",
    "interquartile_mean_across_tasks",
    "largest_share",
    "largest_unseen_share",
    "mean_band",
    "mean_of_differences",
    "mean_with_interval",
    "median_interval",
    "minimum_detectable_effect",
    "performance_profile",
    "permutation_test",
    "permutation_test_across_tasks",
    "power_of_welch",
    "probability_of_improvement",
    "rank_test_across_tasks",
    "seeds_for_equivalence",
    "seeds_for_mean",
    "seeds_needed",
    "seeds_to_reach",
    "seeds_to_see",
    "smallest_p",
    "steps_to_threshold",
    "success_interval",
    "time_to_threshold",
    "welch_t",
]
