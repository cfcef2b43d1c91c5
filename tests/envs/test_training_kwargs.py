"""What episodes of training have for arguments: within what was said, and by (seed, copy, episode) alone."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings, strategies as st

from rlx.config import EnvConfig
from rlx.envs import TrainingKwargs, parameters_of
from tests.cases import registered

assert registered.ENTRIES
SEEDS, EPISODES = st.integers(0, 2**31 - 1), st.integers(0, 10**9)
BOUNDS = st.floats(allow_nan=False, allow_infinity=False)


def plan(training: dict[str, Any], kwargs: dict[str, Any] | None = None, env_id: str = "Paying-v0") -> TrainingKwargs:
    env = EnvConfig.model_validate({"id": env_id, "kwargs": kwargs or {}, "training": training})
    return TrainingKwargs(env.trained, parameters_of(env.task))


@settings(deadline=None)
@given(BOUNDS, BOUNDS, SEEDS, EPISODES)
def test_a_real_number_lies_within_its_range(one: float, other: float, seed: int, episode: int) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    drawn = plan({"ranges": {"pay": [low, high]}}).of_episode(0.0, seed, episode)["pay"]
    assert isinstance(drawn, float)
    assert low <= drawn <= high


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), SEEDS, EPISODES)
def test_whole_bounds_of_a_whole_argument_mean_whole_numbers(low: int, width: int, seed: int, episode: int) -> None:
    drawn = plan({"ranges": {"steps": [low, low + width], "pay": [low, low + width]}}).of_episode(0.0, seed, episode)
    assert type(drawn["steps"]) is int
    assert type(drawn["pay"]) is float  # its default is a real number
    assert all(low <= value <= low + width for value in drawn.values())


@settings(deadline=None)
@given(SEEDS, EPISODES, st.floats(0, 1), st.floats(0, 1))
def test_draws_depend_on_seed_and_episode_and_on_no_other_setting(
    seed: int, episode: int, share: float, later: float
) -> None:
    ranges = {"pay": [0.5, 2.0], "steps": [2, 9]}
    found = plan({"ranges": ranges}).of_episode(share, seed, episode)
    assert plan({"ranges": ranges}).of_episode(later, seed, episode) == found
    alone = plan({"ranges": {"steps": [2, 9]}, "kwargs": {"size": 3}}).of_episode(share, seed, episode)
    assert alone == {"steps": found["steps"], "size": 3}
    others = [
        plan({"ranges": ranges}).of_episode(share, *other) for other in ((seed + 1, episode), (seed, episode + 1))
    ]
    assert found["pay"] not in [other["pay"] for other in others]


def test_both_ends_of_whole_numbers_are_drawn_and_all_alike() -> None:
    ranged = plan({"ranges": {"steps": [3, 6]}})
    counts = dict.fromkeys(range(3, 7), 0)
    for episode in range(4000):
        counts[ranged.of_episode(0.0, 7, episode)["steps"]] += 1
    assert all(abs(count - 1000) < 5 * math.sqrt(4000 * 0.25 * 0.75) for count in counts.values())


def test_a_mixture_has_its_weights_and_may_have_ranges_beside() -> None:
    mixed = plan(
        {
            "mixture": [{"weight": 3.0, "kwargs": {"pay": 2.0}}, {"weight": 1.0}],
            "ranges": {"steps": [2, 3]},
        }
    )
    found = [mixed.of_episode(0.0, 3, episode) for episode in range(4000)]
    assert {tuple(sorted(each)) for each in found} == {("pay", "steps"), ("steps",)}
    assert abs(sum("pay" in each for each in found) - 3000) < 5 * math.sqrt(4000 * 0.75 * 0.25)


def test_stages_follow_the_share_of_training() -> None:
    staged = plan({"stages": [{"until": 0.25, "kwargs": {"pay": 3.0}}, {"until": 1.0}]}, {"size": 2})
    at = {share: staged.of_episode(share, 0, 0) for share in (0.0, 0.2499, 0.25, 1.0)}
    assert [at[share].get("pay") for share in at] == [3.0, 3.0, None, None]
    assert all(each["size"] == 2 for each in at.values())


def test_numbers_move_to_what_the_next_stage_or_the_task_has() -> None:
    moving = plan(
        {
            "stages": [
                {"until": 0.5, "kwargs": {"pay": 3.0, "steps": 9}},
                {"until": 0.75, "kwargs": {"pay": 2.0, "parts": True}},
                {"until": 1.0},
            ],
            "interpolate": True,
        }
    )
    at = {share: moving.of_episode(share, 0, 0) for share in (0.0, 0.25, 0.5, 0.625, 0.75, 1.0)}
    assert [at[share].get("pay") for share in at] == [3.0, 2.5, 2.0, 1.5, None, None]  # the default is 1.0
    assert [at[share].get("steps") for share in at] == [9, 7, None, None, None, None]  # the default is 5
    assert [at[share].get("parts") for share in at] == [None, None, True, True, None, None]


def test_the_task_may_say_what_numbers_move_to() -> None:
    stages = [{"until": 0.5, "kwargs": {"level": 4.0}}, {"until": 1.0}]
    (told,) = plan({"stages": stages, "interpolate": True}).unknown()
    assert told[0] == ("env", "training", "stages", 0, "kwargs", "level")
    assert "write it into env.kwargs" in told[1]
    known = plan({"stages": stages, "interpolate": True}, {"level": 2.0})
    assert [*known.unknown()] == []
    assert known.of_episode(0.25, 0, 0) == {"level": 3.0}


@pytest.mark.parametrize(
    ("env_id", "wanted"),
    [
        ("Pendulum-v1", {"g": 10.0}),
        ("gymnasium.envs.classic_control:Pendulum-v1", {"g": 10.0}),
        ("Paying-v0", {"pay": 1.0, "steps": 5}),
    ],
)
def test_arguments_of_an_environment_are_known_with_their_values(env_id: str, wanted: dict[str, Any]) -> None:
    found = parameters_of(EnvConfig(id=env_id))
    assert wanted.items() <= found.values.items()
    assert not found.takes_all


def test_the_registration_comes_before_the_class() -> None:
    class Wide(gym.Env[Any, Any]):
        def __init__(self, width: float = 1.0, level: int = 2):
            pass

    gym.register("Wide-v0", Wide, kwargs={"width": 0.7})
    try:
        found = parameters_of(EnvConfig(id="Wide-v0"))
    finally:
        del gym.registry["Wide-v0"]
    assert {"width": 0.7, "level": 2}.items() <= found.values.items()


def test_arguments_that_a_base_class_takes_are_known() -> None:
    class Base(gym.Env[Any, Any]):
        def __init__(self, wind: float = 2.0):
            self.wind = wind

    class Child(Base):
        def __init__(self, rain: int = 1, **kwargs: Any):
            super().__init__(**kwargs)

    gym.register("Weather-v0", Child, max_episode_steps=9)
    try:
        found = parameters_of(EnvConfig(id="Weather-v0"))
    finally:
        del gym.registry["Weather-v0"]
    assert found.values == {"rain": 1, "wind": 2.0, "max_episode_steps": 9}
    assert found.kinds == {"rain": int, "wind": float, "max_episode_steps": int}
    assert not found.takes_all
