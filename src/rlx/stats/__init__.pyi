from .curves import (
    Band as Band,
)
from .curves import (
    Reaching as Reaching,
)
from .curves import (
    area_under_curve as area_under_curve,
)
from .curves import (
    mean_band as mean_band,
)
from .curves import (
    seeds_for_mean as seeds_for_mean,
)
from .curves import (
    steps_to_threshold as steps_to_threshold,
)
from .curves import (
    time_to_threshold as time_to_threshold,
)
from .estimates import (
    NO_SPREAD as NO_SPREAD,
)
from .estimates import (
    Array as Array,
)
from .estimates import (
    Description as Description,
)
from .estimates import (
    Estimate as Estimate,
)
from .estimates import (
    Interval as Interval,
)
from .estimates import (
    describe as describe,
)
from .estimates import (
    difference_of_means as difference_of_means,
)
from .estimates import (
    interquartile_mean as interquartile_mean,
)
from .estimates import (
    largest_share as largest_share,
)
from .estimates import (
    largest_unseen_share as largest_unseen_share,
)
from .estimates import (
    mean_of_differences as mean_of_differences,
)
from .estimates import (
    mean_with_interval as mean_with_interval,
)
from .estimates import (
    median_interval as median_interval,
)
from .estimates import (
    probability_of_improvement as probability_of_improvement,
)
from .estimates import (
    success_interval as success_interval,
)
from .estimates import (
    welch_t as welch_t,
)
from .families import (
    Pair as Pair,
)
from .families import (
    closed_test as closed_test,
)
from .permutation import (
    Test as Test,
)
from .permutation import (
    holm as holm,
)
from .permutation import (
    permutation_test as permutation_test,
)
from .permutation import (
    smallest_p as smallest_p,
)
from .power import (
    minimum_detectable_effect as minimum_detectable_effect,
)
from .power import (
    power_of_welch as power_of_welch,
)
from .power import (
    seeds_for_equivalence as seeds_for_equivalence,
)
from .power import (
    seeds_needed as seeds_needed,
)
from .power import (
    seeds_to_reach as seeds_to_reach,
)
from .power import (
    seeds_to_see as seeds_to_see,
)
from .sequential import (
    Look as Look,
)
from .sequential import (
    group_sequential_test as group_sequential_test,
)
from .sequential import (
    group_sequential_test_across_tasks as group_sequential_test_across_tasks,
)
from .tasks import (
    Profile as Profile,
)
from .tasks import (
    average_ranks as average_ranks,
)
from .tasks import (
    difference_across_tasks as difference_across_tasks,
)
from .tasks import (
    improvement_across_tasks as improvement_across_tasks,
)
from .tasks import (
    interquartile_mean_across_tasks as interquartile_mean_across_tasks,
)
from .tasks import (
    performance_profile as performance_profile,
)
from .tasks import (
    permutation_test_across_tasks as permutation_test_across_tasks,
)
from .tasks import (
    rank_test_across_tasks as rank_test_across_tasks,
)
