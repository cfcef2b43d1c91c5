"""The numbers of a study, against known values and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rlx.studies.protocol.confirmation import Arms, Rail, alpha_of, decide, look_at
from rlx.studies.protocol.floor import floor_of, guardrail_pass_rate
from rlx.studies.protocol.screening import halved, surviving

SCORES = st.lists(st.floats(-100, 100, width=32), min_size=6, max_size=10)


def arms(candidate: list[float], incumbent: list[float]) -> Arms:
    return Arms(dict(enumerate(candidate)), dict(enumerate(incumbent, 100)))


def test_the_floor_has_the_interval_of_chi_square() -> None:
    found = floor_of(dict(enumerate([10.0, 12.0, 14.0, 16.0, 18.0])), 16, 0.05 / 3, 2.0)
    assert found.mean == 14.0
    assert found.sd == pytest.approx(math.sqrt(10))
    # χ² of 4 degrees of freedom: 0.4844 and 11.1433 at 2.5 % and 97.5 %
    assert found.low == pytest.approx(math.sqrt(40 / 11.1433), rel=1e-4)
    assert found.high == pytest.approx(math.sqrt(40 / 0.4844), rel=1e-3)
    assert found.detectable == pytest.approx(2 + 1.2 * found.sd, rel=0.05)  # about 1.2 sd at 16 seeds and 3 slots


def test_an_equal_candidate_passes_a_guardrail_of_0_9_sd_four_times_in_five() -> None:
    assert guardrail_pass_rate(0.9, 1.0, 16, 0.05) == pytest.approx(0.8, abs=0.02)


def test_the_better_half_goes_on_and_ties_go_to_the_lower_id() -> None:
    found = halved({"c010": 1.0, "c002": 1.0, "c001": 0.0, "c003": 3.0, "c004": 1.0}, 0.5)
    assert found.kept == ("c003", "c002", "c004")
    assert found.ranking == ("c003", "c002", "c004", "c010", "c001")


def test_survivors_are_above_the_incumbent_and_keep_the_guardrails() -> None:
    found = surviving({"c001": 3.0, "c002": 5.0, "c003": 1.0, "c004": 4.0}, 2.0, {"c002": ["length"]}, 1)
    assert found.kept == ("c004",)
    assert found.reasons["c003"] == "its mean is not above the incumbent's"
    assert "length" in found.reasons["c002"]
    assert "place 2" in found.reasons["c001"]


def test_a_clear_gain_is_accepted_a_clear_loss_rejected_and_doubt_is_inconclusive() -> None:
    base = [10.0, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9, 10.3]
    up = [value + 5 for value in base]
    assert decide(arms(up, base), [], 1.0, 0.05, 0.05).status == "accepted"
    assert decide(arms(base, up), [], 1.0, 0.05, 0.05).status == "rejected"
    wide = [value * 3 - 20 for value in base]
    assert decide(arms(wide, base), [], 0.0, 0.001, 0.05).status == "inconclusive"


def test_a_gain_within_the_minimum_effect_is_none() -> None:
    base = [10.0, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9, 10.3]
    assert decide(arms([value + 0.9 for value in base], base), [], 2.0, 0.05, 0.05).status == "rejected"


def test_a_guardrail_that_is_not_shown_stops_an_acceptance() -> None:
    base = [10.0, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9, 10.3]
    up = arms([value + 5 for value in base], base)
    noisy = arms([1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0], [1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0])
    assert decide(up, [Rail("length", noisy, margin=0.5)], 1.0, 0.05, 0.05).status == "inconclusive"
    assert decide(up, [Rail("length", up, margin=0.5)], 1.0, 0.05, 0.05).status == "accepted"
    worse = arms(base, [value + 5 for value in base])
    assert decide(up, [Rail("length", worse, margin=0.5)], 1.0, 0.05, 0.05).status == "rejected"


def test_a_bound_is_students_t() -> None:
    scores = arms([5.0, 5.2, 4.8, 5.1, 4.9, 5.0], [0.0] * 6)
    assert Rail("length", scores, bound=4.0).p() < 1e-4
    assert Rail("length", scores, bound=5.0).p() == pytest.approx(0.5)
    assert Rail("length", scores, bound=6.0).p() > 0.999


@settings(deadline=None)
@given(SCORES, SCORES, st.floats(0, 10), st.sampled_from([0.05, 0.0167]))
def test_an_acceptance_is_a_gain_beyond_the_minimum_effect(
    candidate: list[float], incumbent: list[float], effect: float, alpha: float
) -> None:
    n = min(len(candidate), len(incumbent))
    found = decide(arms(candidate[:n], incumbent[:n]), [], effect, alpha, 0.05)
    if found.status == "accepted":
        assert found.low > effect
        assert found.p <= alpha
    if found.status == "rejected":
        assert found.high < effect


@settings(deadline=None)
@given(SCORES, SCORES, st.floats(0, 10))
def test_a_look_never_accepts(candidate: list[float], incumbent: list[float], effect: float) -> None:
    n = min(len(candidate), len(incumbent))
    found = look_at(arms(candidate[:n], incumbent[:n]), [], effect)
    if np.mean(candidate[:n]) <= np.mean(incumbent[:n]):
        assert found.why


@given(st.integers(1, 20), st.lists(st.integers(1, 3), min_size=1, max_size=20))
def test_the_slots_share_alpha(slots: int, survivors: list[int]) -> None:
    spent = 0.0
    for number, count in enumerate(survivors[:slots]):
        share = alpha_of(0.05, spent, slots - number, count)
        assert share > 0
        spent += share * count
    assert spent <= 0.05 + 1e-12
