"""The facts of learning, on curves whose facts are known."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.diagnosis.facts import learning_facts, windowed

STEPS = np.arange(100, 10_100, 100)
ONE_EPISODE = np.ones((1, 100))


def test_a_straight_rise() -> None:
    facts = learning_facts(STEPS, np.linspace(0, 100, 100)[None], ONE_EPISODE, random_score=0.0)
    assert facts is not None
    assert facts.range_high == pytest.approx(98, abs=1)
    assert facts.steps_to[0.5][0] == pytest.approx(5000, abs=500)
    assert facts.area[0] == pytest.approx(0.5, abs=0.03)
    assert facts.final_drop[0] == 0
    assert facts.improving_at_end[0] > 0.1


def test_a_collapse_and_a_seed_that_never_learned() -> None:
    rise = np.r_[np.linspace(0, 100, 50), np.full(50, 5.0)]
    facts = learning_facts(STEPS, np.stack([rise, np.zeros(100)]), np.ones((2, 100)), random_score=0.0)
    assert facts is not None
    assert facts.final_drop[0] > 0.9
    assert facts.steps_to[0.5] == [pytest.approx(2500, abs=500), None]


def test_scale_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    curve = np.cumsum(rng.normal(1, 1, 100))[None]
    one = learning_facts(STEPS, curve, ONE_EPISODE, random_score=0.0)
    other = learning_facts(STEPS, curve * 1000 - 7, ONE_EPISODE, random_score=-7.0)
    assert one is not None
    assert other is not None
    assert one.late_swing == pytest.approx(other.late_swing)
    assert one.steps_to == other.steps_to


def test_windows_weigh_by_episodes_and_skip_empty_ones() -> None:
    steps_W, returns_SW = windowed(
        np.array([1, 2, 3, 4]), np.array([[10.0, 40.0, np.nan, np.nan]]), np.array([[3.0, 1, 0, 0]]), 2
    )
    assert list(steps_W) == [2, 4]
    assert returns_SW[0, 0] == pytest.approx(17.5)
    assert np.isnan(returns_SW[0, 1])


def test_a_seed_without_episodes_is_missing_not_nan() -> None:
    curves = np.stack([np.linspace(0, 100, 100), np.full(100, np.nan)])
    facts = learning_facts(STEPS, curves, np.ones((2, 100)), random_score=0.0)
    assert facts is not None
    assert facts.area[1] is facts.final_drop[1] is facts.late_swing[1] is facts.improving_at_end[1] is None
    assert facts.steps_to[0.5][1] is None
    assert facts.area[0] == pytest.approx(0.5, abs=0.03)


def test_nothing_is_said_when_no_episode_ended() -> None:
    assert learning_facts(STEPS, np.full((1, 100), np.nan), np.zeros((1, 100)), 0.0) is None
