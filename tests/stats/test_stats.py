"""Statistics against SciPy, published numbers, and their defining properties."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from scipy.stats import norm

from rlx import stats
from rlx.stats.curves import survival

scores = arrays(np.float64, st.integers(2, 6), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 3)))


def test_the_t_interval_is_students() -> None:
    scores_S = np.array([3.0, 5.0, 8.0, 4.0, 6.5])
    found = stats.mean_with_interval(scores_S).interval
    expected = scipy_stats.t.interval(0.95, 4, loc=scores_S.mean(), scale=scipy_stats.sem(scores_S))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.method, found.n, found.level) == ("Student's t", 5, 0.95)


def test_no_interval_below_two_scores() -> None:
    assert stats.mean_with_interval(np.array([4.0])) == stats.Estimate(4.0, None, None, 1)
    assert stats.difference_of_means(np.array([4.0]), np.array([1.0, 2.0])).interval is None


def test_coverage_of_the_t_interval_on_normal_scores() -> None:
    rng = np.random.default_rng(1)
    for n in (3, 5, 10):
        hits = [
            (i := stats.mean_with_interval(rng.normal(size=n)).interval) is not None and i.low <= 0 <= i.high
            for _ in range(4000)
        ]
        assert 0.94 <= np.mean(hits) <= 0.96


def test_the_difference_is_welchs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 6), rng.normal(0, 3, 4)
    found = stats.difference_of_means(a, b)
    expected = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))


def test_equal_scores_have_an_interval_without_width_that_says_so() -> None:
    found = stats.difference_of_means(np.full(3, 500.0), np.full(3, 500.0))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high, found.interval.method) == (0.0, 0.0, "no spread")
    mean = stats.mean_with_interval(np.full(4, 0.1)).interval
    assert mean is not None
    assert (mean.low, mean.high, mean.method) == (0.1, 0.1, "no spread")
    assert stats.leveled(mean) == "no spread"
    wide = stats.mean_with_interval(np.array([1.0, 2.0, 3.0])).interval
    assert wide is not None
    assert stats.leveled(wide) == f"95 % interval {stats.interval(wide)}"


def welch(x: np.ndarray, y: np.ndarray) -> float:
    gap, error = x.mean() - y.mean(), np.sqrt(x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y))
    return float(gap / error) if error > 1e-9 else (0.0 if abs(gap) < 1e-9 else np.sign(gap) * 1e12)


@given(scores, scores)
@settings(max_examples=40, deadline=None)
def test_the_permutation_test_is_scipys(a: np.ndarray, b: np.ndarray) -> None:
    found = stats.permutation_test(a, b)
    expected = scipy_stats.permutation_test(
        (a, b), lambda x, y: np.round(abs(welch(x, y)), 7), n_resamples=np.inf, alternative="greater"
    ).pvalue
    if np.ptp(np.concatenate([a, b])) > 0:
        assert found.p == pytest.approx(expected)
    assert found.smallest_p - 1e-12 <= found.p <= 1
    assert found.method == "exact permutation"


def test_three_against_three_cannot_reach_five_percent() -> None:
    found = stats.permutation_test(np.array([10.0, 11, 12]), np.array([1.0, 2, 3]))
    assert found.p == found.smallest_p == pytest.approx(2 / 20)


def test_many_seeds_are_permuted_at_random_but_reproducibly() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 15), rng.normal(0, 1, 15)
    first, second = stats.permutation_test(a, b), stats.permutation_test(a, b)
    assert first == second
    assert first.p == pytest.approx(scipy_stats.ttest_ind(a, b).pvalue, abs=0.01)


def test_unequal_groups_and_spreads_keep_the_error_rate() -> None:
    """A smoke: the rate is measured by ``benchmarks/calibration`` ("same mean, other shape")."""
    # The plain difference of means rejects one in four here: few scores with much spread against many with little.
    rng = np.random.default_rng(5)
    rejected = np.mean(
        [stats.permutation_test(rng.normal(0, 3, 4), rng.normal(0, 1, 10)).p <= 0.05 for _ in range(150)]
    )
    assert rejected <= 0.13


def test_false_positives_stay_below_alpha_for_bimodal_scores() -> None:
    rng = np.random.default_rng(2)
    draws = rng.choice([0.0, 1.0], p=[0.2, 0.8], size=(1500, 10)) * 500 + rng.normal(size=(1500, 10))
    rejected = np.mean([stats.permutation_test(row[:5], row[5:]).p <= 0.05 for row in draws])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


def pairs_of(rng: np.random.Generator, shifts: list[float], n: int = 8) -> list[stats.Pair]:
    base = rng.normal(size=n)
    return [stats.Pair(rng.normal(shift, 1, n), base, "base") for shift in shifts]


def test_closed_test_of_one_pair_is_the_permutation_test() -> None:
    rng = np.random.default_rng(20)
    for shift in (0.0, 1.0):
        (pair,) = pairs_of(rng, [shift])
        assert stats.closed_test([pair]) == [stats.permutation_test(pair.candidate_S, pair.baseline_S).p]


def test_closed_test_is_between_no_correction_and_a_full_one() -> None:
    rng = np.random.default_rng(21)
    for _ in range(5):
        pairs = pairs_of(rng, [0.0, 0.5, 1.5, 2.0])
        alone = [stats.permutation_test(pair.candidate_S, pair.baseline_S).p for pair in pairs]
        adjusted = stats.closed_test(pairs)
        assert all(p >= raw for p, raw in zip(adjusted, alone, strict=True))
        order = sorted(range(4), key=lambda index: alone[index])
        assert [adjusted[index] for index in order] == sorted(adjusted)


def test_clear_candidates_beside_it_cost_a_candidate_nothing() -> None:
    rng = np.random.default_rng(22)
    pairs = pairs_of(rng, [30.0, 40.0, 50.0, 1.0])
    (alone,) = stats.closed_test(pairs[3:])
    assert stats.closed_test(pairs)[3] == pytest.approx(alone, abs=0.01)


def test_differences_within_their_margin_are_not_rejected() -> None:
    rng = np.random.default_rng(23)
    pairs = [stats.Pair(pair.candidate_S, pair.baseline_S, "base", 1.5) for pair in pairs_of(rng, [0.0, 1.0, 9.0])]
    inside = [abs(np.mean(pair.candidate_S) - np.mean(pair.baseline_S)) <= 1.5 for pair in pairs]
    adjusted = stats.closed_test(pairs)
    assert all(p == 1.0 for p, within in zip(adjusted, inside, strict=True) if within)
    assert adjusted[2] < 0.01


def test_holm_by_hand() -> None:
    # Holm (1979): sorted p times (m, m - 1, …), made monotone.
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value(p_values: list[float]) -> None:
    adjusted = stats.holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    assert all(
        (p < q) <= (a <= b) for (p, a), (q, b) in itertools.combinations(zip(p_values, adjusted, strict=True), 2)
    )


def test_probability_of_improvement_as_in_rliable() -> None:
    # rliable's own test: x = [[1,2],[2,2],[1,1],[2,1]], y = [[1,1],[2,2],[3,3]] (runs × tasks): mean over tasks 1/3.
    x, y = np.array([[1, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1, 1], [2, 2], [3, 3]])
    per_task = [stats.probability_of_improvement(x[:, task], y[:, task]) for task in range(2)]
    assert np.mean(per_task) == pytest.approx(1 / 3)
    assert stats.probability_of_improvement(y[:, 0], y[:, 0]) == 0.5


def test_interquartile_mean_says_when_it_trims_nothing() -> None:
    assert stats.interquartile_mean(np.array([1.0, 2.0, 6.0])) == (3.0, 0)
    assert stats.interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])) == (2.0, 1)


def test_means_medians_and_iqms_across_tasks_as_in_rliable() -> None:
    # rliable's own test: x = [[1,2],[2,2],[1,1],[2,1]], y = [[1,1],[2,2],[3,3]] (runs × tasks) → IQM 1.5 and 2.0.
    x, y = np.array([[1.0, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1.0, 1], [2, 2], [3, 3]])
    for scores_ST, expected in ((x, 1.5), (y, 2.0)):
        columns = list(scores_ST.T)
        assert stats.interquartile_mean_across_tasks(columns).mean == expected
        assert [stats.describe(column).median for column in columns] == [expected] * 2
        assert np.mean([stats.describe(column).mean.mean for column in columns]) == expected


def test_the_interval_across_tasks_resamples_within_tasks() -> None:
    one_task_high = [
        np.full(5, 10.0),
        np.full(5, 0.0),
    ]  # resampled together, the IQM would vary; within tasks it cannot
    found = stats.interquartile_mean_across_tasks(one_task_high).interval
    assert found is not None
    assert (found.low, found.high) == (5.0, 5.0)
    assert stats.interquartile_mean_across_tasks([np.array([1.0]), np.array([2.0])]).interval is None


def test_a_profile_is_the_share_above_each_threshold() -> None:
    profile = stats.performance_profile([np.array([0.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])], np.array([-1, 0.5, 2]))
    assert profile.share_L.tolist() == [1.0, 0.75, 0.0]  # each task weighs the same, whatever its number of seeds
    assert (profile.low_L <= profile.share_L).all()
    assert (profile.share_L <= profile.high_L).all()


def test_a_difference_across_tasks_of_one_task_is_welchs() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 2, 6), rng.normal(0, 1, 9)
    across, alone = stats.difference_across_tasks([a], [b]), stats.difference_of_means(a, b)
    assert across.interval is not None
    assert alone.interval is not None
    assert (across.mean, across.interval.low) == pytest.approx((alone.mean, alone.interval.low))


def test_the_permutation_test_across_tasks_sees_what_no_task_shows_alone() -> None:
    rng = np.random.default_rng(4)
    base, better = rng.normal(size=(4, 5)), rng.normal(size=(4, 5)) + 1.2
    assert stats.permutation_test_across_tasks(better, base).p < 0.01
    assert min(stats.permutation_test(*pair).p for pair in zip(better, base, strict=True)) > 0.02
    assert stats.permutation_test_across_tasks(base, base).p == 1.0


def test_the_interval_of_a_median_is_the_binomial_one() -> None:
    # Textbook (Conover 1999, §3.2): for n = 10 the 2nd and 9th values are a 97.9 % interval of the median.
    found = stats.median_interval(np.arange(1.0, 11))
    assert found is not None
    assert (found.low, found.high) == (2.0, 9.0)
    assert stats.median_interval(np.arange(5.0)) is None


def test_the_area_under_a_curve_is_its_mean_height() -> None:
    steps = np.array([0.0, 10, 20, 40])
    assert stats.area_under_curve(steps, np.array([0.0, 10, 10, 10])) == pytest.approx(35 * 10 / 40)
    assert stats.area_under_curve(steps, np.array([5.0, np.nan, 5, 5])) == 5.0
    assert stats.steps_to_threshold(steps, np.array([0.0, np.nan, 7, 6]), 6.5) == 20.0
    assert stats.steps_to_threshold(steps, np.array([0.0, 1, 2, 3]), 6.5) is None


def test_seeds_that_never_get_there_are_not_dropped() -> None:
    # Kaplan–Meier by hand: 5 seeds reach it at 10, 20, 30; two do not within 40: half are there at 30.
    found = stats.time_to_threshold([10, 20, 30, None, None], [40] * 5)
    assert (found.reached, found.n, found.median_steps) == (3, 5, 30)
    assert found.high is None  # the band does not come below one half within the budget
    assert stats.time_to_threshold([10, None, None], [40] * 3).median_steps is None
    none = stats.time_to_threshold([None, None], [40] * 2)
    assert (none.reached, none.median_steps, none.share.low) == (0, None, 0.0)


def test_the_optimism_of_a_choice_is_paired() -> None:
    validation, held_out = np.array([10.0, 20, 30]), np.array([8.0, 19, 27])
    found = stats.mean_of_differences(validation, held_out)
    assert found.interval is not None
    expected = scipy_stats.ttest_rel(validation, held_out).confidence_interval()
    assert (found.mean, found.interval.low, found.interval.high) == pytest.approx((2.0, expected.low, expected.high))


def test_the_rule_of_three() -> None:
    assert stats.largest_unseen_share(5) == pytest.approx(0.4507, abs=1e-4)
    assert stats.largest_unseen_share(60) == pytest.approx(3 / 60, abs=2e-3)
    assert stats.seeds_to_see(0.2) == 14
    assert [stats.seeds_to_reach(alpha) for alpha in (0.05, 0.01)] == [4, 5]


def test_wilson_interval_of_a_textbook_example() -> None:
    found = stats.success_interval(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-3)


def test_seeds_needed_as_in_cohens_tables() -> None:
    # Cohen (1988), table 2.4.1: two-sided alpha 0.05, power 0.8: d = 0.5 → 64 per group, d = 0.8 → 26, d = 1.2 → 12.
    assert [stats.seeds_needed(d, 1.0) for d in (0.5, 0.8, 1.2)] == [64, 26, 12]
    assert stats.seeds_needed(0.0, 1.0) is None
    assert stats.seeds_needed(1e-6, 1.0) is None


@given(st.integers(2, 40), st.floats(0.01, 1e4))
@settings(max_examples=30, deadline=None)
def test_the_minimum_detectable_effect_has_that_power(n: int, std: float) -> None:
    effect = stats.minimum_detectable_effect(std, n)
    assert effect is not None
    noncentrality, freedom = effect / std * np.sqrt(n / 2), 2 * n - 2
    critical = scipy_stats.t.ppf(0.975, freedom)
    power = scipy_stats.nct.sf(critical, freedom, noncentrality)
    assert power + np.nan_to_num(scipy_stats.nct.cdf(-critical, freedom, noncentrality)) == pytest.approx(0.8, abs=1e-5)


def test_the_first_look_alone_is_a_plain_permutation_test() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        a, b = rng.normal(1.5, 1, 6), rng.normal(0, 1, 6)
        (look,) = stats.group_sequential_test(a, b, [6], 0.05)
        p = stats.permutation_test(a, b).p
        assert look.crossed == (p <= 0.05) or abs(p - 0.05) < 0.005
        assert look.spent == 0.05


def test_looks_spend_alpha_step_by_step_and_wait_for_their_seeds() -> None:
    rng = np.random.default_rng(7)
    looks = stats.group_sequential_test(rng.normal(size=17), rng.normal(size=12), (5, 10, 15), 0.06)
    assert [look.n for look in looks] == [5, 10]
    z = norm.ppf(1 - 0.03)  # O'Brien–Fleming-like (Lan & DeMets 1983): 2 (1 − Φ(z / √t))
    assert [look.spent for look in looks] == pytest.approx([2 * norm.sf(z / np.sqrt(t)) for t in (1 / 3, 2 / 3)])
    assert stats.group_sequential_test(np.zeros(4), np.ones(4), (5, 10), 0.05) == []


def test_early_looks_do_not_depend_on_later_seeds() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=10), rng.normal(size=10)
    first = stats.group_sequential_test(a[:5], b[:5], (5, 10), 0.05)[0]
    again = stats.group_sequential_test(a, b, (5, 10), 0.05)[0]
    assert (first.crossed, first.n) == (again.crossed, again.n)
    assert (first.statistic, first.boundary) == pytest.approx((again.statistic, again.boundary))


def test_looking_four_times_keeps_the_error_rate() -> None:
    """A smoke: the rate is measured by ``benchmarks/calibration`` ("sequential")."""
    rng, wrong = np.random.default_rng(9), 0
    for _ in range(80):
        bimodal = rng.choice([0.0, 1.0], p=[0.2, 0.8], size=(2, 20)) + 0.01 * rng.normal(size=(2, 20))
        wrong += any(look.crossed for look in stats.group_sequential_test(*bimodal, (5, 10, 15, 20), 0.05))
    assert wrong / 80 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)


def test_the_repeated_interval_excludes_zero_exactly_when_the_boundary_is_crossed() -> None:
    rng = np.random.default_rng(10)
    for shift in (0.0, 0.5, 1.0, 2.0):
        for look in stats.group_sequential_test(rng.normal(shift, 1, 20), rng.normal(size=20), (5, 10, 20), 0.05):
            if interval := look.difference.interval:
                assert (interval.low > 0 or interval.high < 0) == look.crossed


@given(scores, scores, st.floats(-100, 100), st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_units_do_not_matter(a: np.ndarray, b: np.ndarray, shift: float, scale: float) -> None:
    if np.ptp(np.concatenate([a, b])) < 1e-2:
        return
    plain, moved = stats.permutation_test(a, b), stats.permutation_test(a * scale + shift, b * scale + shift)
    assert moved.p == pytest.approx(plain.p, abs=0.03)
    assert stats.permutation_test(b, a).p == pytest.approx(plain.p, abs=0.03)


@pytest.mark.parametrize("noise", [0.1, 0.03, 0.01, 1e-4])
def test_no_p_value_is_below_what_the_seeds_can_give(noise: float) -> None:
    # Two tight, separated clusters: the spread within a run is 1e-4 to 1e-7 of the range, where sums cancel.
    rng = np.random.default_rng(11)
    for n, m in ((3, 3), (5, 5), (4, 6)):
        for _ in range(40):
            found = stats.permutation_test(rng.normal(500, noise, n), rng.normal(300, noise, m))
            assert found.p >= found.smallest_p


def test_a_look_that_may_spend_too_little_decides_nothing() -> None:
    for n in (2, 3):
        first, *_ = stats.group_sequential_test(np.full(9, 500.0), np.full(9, 300.0), (n, 2 * n, 3 * n), 0.05)
        assert first.statistic == np.inf
        assert (first.boundary, first.crossed, first.difference.interval) == (np.inf, False, None)
    tenth = stats.group_sequential_test(np.full(10, 500.0), np.full(10, 300.0), (5, 10, 15, 20), 0.05)[1]
    assert tenth.crossed
    assert tenth.difference.interval is not None
    assert tenth.difference.interval.method == "no spread"


def test_a_far_outlier_later_changes_no_earlier_look() -> None:
    rng = np.random.default_rng(12)
    for _ in range(20):
        a, b = rng.normal(size=10), rng.normal(size=10)
        calm = stats.group_sequential_test(a, b, (5, 10), 0.05)[0]
        a[8] = -1e9
        wild = stats.group_sequential_test(a, b, (5, 10), 0.05)[0]
        assert (wild.statistic, wild.boundary, wild.crossed) == (calm.statistic, calm.boundary, calm.crossed)


def test_two_clusters_with_ties_do_not_fool_the_looks() -> None:
    rng, wrong = np.random.default_rng(13), 0
    for _ in range(300):
        coins = rng.integers(0, 2, (2, 6)).astype(float)
        wrong += any(look.crossed for look in stats.group_sequential_test(*coins, (2, 4, 6), 0.05))
    assert wrong / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_every_task_weighs_the_same_in_the_iqm() -> None:
    many, few = np.zeros(30), np.ones(10)
    assert stats.interquartile_mean_across_tasks([many, few]).mean == pytest.approx(0.5)


def test_the_test_and_the_interval_across_tasks_speak_of_one_quantity() -> None:
    rng = np.random.default_rng(14)
    base = [rng.normal(0, 3, 8), rng.normal(0, 0.1, 8)]  # +2 on a noisy task, −1 on a quiet one: better on average
    candidate = [rng.normal(2, 3, 8), rng.normal(-1, 0.1, 8)]
    difference = stats.difference_across_tasks(candidate, base).interval
    p = stats.permutation_test_across_tasks(candidate, base).p
    assert difference is not None
    assert (p <= 0.05) == (difference.low > 0 or difference.high < 0)


def test_looks_across_tasks_of_one_task_are_the_same_looks() -> None:
    rng = np.random.default_rng(15)
    a, b = rng.normal(size=10), rng.normal(size=10)
    one = stats.group_sequential_test(a, b, (5, 10), 0.05)
    assert one == stats.group_sequential_test_across_tasks([a], [b], (5, 10), 0.05)
    two = stats.group_sequential_test_across_tasks([a + 3, a + 3], [b, b], (5, 10), 0.05)
    assert two[0].crossed


def test_an_error_rate_beyond_the_draws_is_told() -> None:
    assert stats.seeds_to_reach(1e-6) is None


# --- formulas of our own, where SciPy's take half a second to import --------------------------------------------------


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.lists(st.integers(1, 12), max_size=8))
def test_survival_is_scipys(times: list[int], late: list[int]) -> None:
    theirs = scipy_stats.ecdf(scipy_stats.CensoredData(uncensored=times, right=late)).sf
    events_E, curve_E, *ends = survival(times, late, 0.95)
    place_E = np.searchsorted(theirs.quantiles, events_E)
    assert curve_E == pytest.approx(theirs.probabilities[place_E], abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        band = theirs.confidence_interval(0.95, method="log-log")
    for ours, side in zip(ends, (band.low, band.high), strict=True):
        assert ours == pytest.approx(side.probabilities[place_E], abs=1e-12, nan_ok=True)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_shares_have_scipys_intervals(seen: tuple[int, int]) -> None:
    successes, trials = seen
    wilson = scipy_stats.binomtest(successes, trials).proportion_ci(0.9, method="wilson")
    ours = stats.success_interval(successes, trials, 0.9)
    assert (ours.low, ours.high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)
    exact = scipy_stats.binomtest(successes, trials, alternative="less").proportion_ci(0.95, method="exact")
    assert stats.largest_share(successes, trials) == pytest.approx(exact.high, abs=1e-9)


SCORES = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=9)


@given(SCORES, SCORES)
def test_differences_have_scipys_interval_and_rank_statistic(one: list[float], other: list[float]) -> None:
    u = scipy_stats.mannwhitneyu(one, other, method="asymptotic").statistic
    assert stats.probability_of_improvement(np.array(one), np.array(other)) == pytest.approx(u / len(one) / len(other))
    assert stats.interquartile_mean(np.array(one))[0] == pytest.approx(scipy_stats.trim_mean(one, 0.25))
    if np.ptp(one) and np.ptp(other):
        theirs = scipy_stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.9)
        ours = stats.difference_of_means(np.array(one), np.array(other), 0.9).interval
        assert ours is not None
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
