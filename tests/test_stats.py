"""Statistics against SciPy, published numbers, and their defining properties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from rlx import stats

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


def test_equal_scores_have_a_difference_without_width() -> None:
    found = stats.difference_of_means(np.full(3, 500.0), np.full(3, 500.0))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0.0, 0.0)


@given(scores, scores)
@settings(max_examples=40, deadline=None)
def test_the_permutation_test_is_scipys(a: np.ndarray, b: np.ndarray) -> None:
    found = stats.permutation_test(a, b)
    expected = scipy_stats.permutation_test(
        (a, b), lambda x, y: abs(np.mean(x) - np.mean(y)), n_resamples=np.inf, alternative="greater"
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


def test_false_positives_stay_below_alpha_for_bimodal_scores() -> None:
    rng = np.random.default_rng(2)
    draws = rng.choice([0.0, 1.0], p=[0.2, 0.8], size=(1500, 10)) * 500 + rng.normal(size=(1500, 10))
    rejected = np.mean([stats.permutation_test(row[:5], row[5:]).p <= 0.05 for row in draws])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


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
    assert stats.interquartile_mean(np.array([1.0, 2.0, 3.0])) is None
    assert stats.interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])) == 2.0


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
    assert stats.power_of_welch(effect, std, n) == pytest.approx(0.8, abs=1e-3)
