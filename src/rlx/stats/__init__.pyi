from . import wording as wording
from .arrays import Array as Array
from .components import (
    Component as Component,
    Components as Components,
    variance_components as variance_components,
)
from .curves import (
    Band as Band,
    Reaching as Reaching,
    SeedCurve as SeedCurve,
    area_under_curve as area_under_curve,
    mean_band as mean_band,
    seeds_for_mean as seeds_for_mean,
    steps_to_threshold as steps_to_threshold,
    time_to_threshold as time_to_threshold,
)
from .estimates import (
    NO_SPREAD as NO_SPREAD,
    Description as Description,
    Estimate as Estimate,
    Interval as Interval,
    describe as describe,
    difference_of_means as difference_of_means,
    interquartile_mean as interquartile_mean,
    largest_share as largest_share,
    largest_unseen_share as largest_unseen_share,
    mean_of_differences as mean_of_differences,
    mean_with_interval as mean_with_interval,
    median_interval as median_interval,
    probability_of_improvement as probability_of_improvement,
    success_interval as success_interval,
    welch_t as welch_t,
)
from .families import Pair as Pair, closed_test as closed_test
from .grid import Grid as Grid
from .markdown import markdown_line as markdown_line, markdown_table as markdown_table
from .permutation import Test as Test, holm as holm, permutation_test as permutation_test, smallest_p as smallest_p
from .power import (
    SEEDS_FOR_VERDICT as SEEDS_FOR_VERDICT,
    minimum_detectable_effect as minimum_detectable_effect,
    seeds_for_equivalence as seeds_for_equivalence,
    seeds_needed as seeds_needed,
    seeds_to_reach as seeds_to_reach,
    seeds_to_see as seeds_to_see,
)
from .sequential import (
    Look as Look,
    group_sequential_test as group_sequential_test,
    group_sequential_test_across_tasks as group_sequential_test_across_tasks,
)
from .tasks import (
    Profile as Profile,
    average_ranks as average_ranks,
    difference_across_tasks as difference_across_tasks,
    improvement_across_tasks as improvement_across_tasks,
    interquartile_mean_across_tasks as interquartile_mean_across_tasks,
    performance_profile as performance_profile,
    permutation_test_across_tasks as permutation_test_across_tasks,
    rank_test_across_tasks as rank_test_across_tasks,
)
from .wording import (
    MISSING as MISSING,
    brief as brief,
    first_line as first_line,
    interval as interval,
    leveled as leveled,
    listed as listed,
    nearest as nearest,
    number as number,
    p_value as p_value,
    plain_text as plain_text,
    raised as raised,
    shown as shown,
    visible as visible,
    visible_json as visible_json,
)
