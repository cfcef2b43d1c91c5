"""Rollouts and replays against what their docstrings say, worked out naively, transition by transition."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings, strategies as st

from rlx.algorithms import ReplayRows, advantages, discounted_returns
from rlx.algorithms.replay import Replay
from rlx.algorithms.rollout import Rollout
from rlx.envs import Step

GAMMA = 0.9
BOX, DISCRETE = spaces.Box(-np.inf, np.inf, (1,), np.float32), spaces.Discrete(1000)
RUNNING, TERMINATED, TRUNCATED, BOUNDARY = "running", "terminated", "truncated", "boundary"
EVENTS = st.sampled_from([RUNNING, RUNNING, RUNNING, TERMINATED, TRUNCATED])
COURSES = st.integers(1, 3).flatmap(
    lambda copies: st.lists(
        st.one_of(st.lists(EVENTS, min_size=copies, max_size=copies), st.just([BOUNDARY] * copies)), max_size=25
    )
)


def played(course: list[list[str]]) -> list[tuple[Any, ...]]:
    """Return the steps of a course; every observation is a number of its own, so that none is taken for another."""
    number, steps = iter(range(10**6)), []
    copies = len(course[0]) if course else 1
    seen = np.array([[next(number)] for _ in range(copies)], np.float32)
    for events in course:
        if events[0] == BOUNDARY:
            steps.append((None, None, None, events))
            seen = np.array([[next(number)] for _ in events], np.float32)
            continue
        actions_N = np.array([next(number) % 1000 for _ in events])
        after = np.array([[next(number)] for _ in events], np.float32)
        final = {n: np.array([next(number)], np.float32) for n, event in enumerate(events) if event != RUNNING}
        rewards_N = np.array([float(next(number) % 7) for _ in events], np.float32)
        flags = [np.array([event == kind for event in events]) for kind in (TERMINATED, TRUNCATED)]
        steps.append((seen, actions_N, Step(after, rewards_N, *flags, final), events))
        seen = after
    return steps


def naive(steps: list[tuple[Any, ...]], n_step: int) -> list[tuple[float, ...]]:
    """Return every transition of a course: (observation, action, n-step reward, next observation, discount)."""
    rows = []
    for start, (seen, actions_N, step, events) in enumerate(steps):
        for n in range(len(events)):
            total, reached = 0.0, None
            for k, (_, _, later, happened) in enumerate(steps[start : start + n_step] if step else []):
                if happened[n] == BOUNDARY:
                    break
                total += GAMMA**k * later.rewards_N[n]
                if happened[n] != RUNNING:
                    discount = 0.0 if happened[n] == TERMINATED else GAMMA ** (k + 1)
                    reached = (later.final[n][0], discount)
                    break
                if k + 1 == n_step:
                    reached = (later.observations[n][0], GAMMA**n_step)
            if reached:
                rows.append((seen[n][0], actions_N[n], total, *reached))
    return rows


def filled(replay: Replay, steps: list[tuple[Any, ...]]) -> Replay:
    for seen, actions_N, step, _ in steps:
        if step is None:
            replay.boundary()
        else:
            replay.add(seen, actions_N, step)
    return replay


def rows_of(rows: ReplayRows) -> list[tuple[float, ...]]:
    names = ("observations", "actions", "rewards", "next_observations", "discounts")
    kept = rows.since(0)
    return list(zip(*(kept[name].reshape(-1).astype(float) for name in names), strict=True))


def close(one: list[tuple[float, ...]], other: list[tuple[float, ...]]) -> bool:
    return len(one) == len(other) and np.allclose(np.array(one).reshape(-1, 5), np.array(other).reshape(-1, 5))


@given(COURSES, st.integers(1, 4))
@settings(deadline=None)
def test_a_replay_holds_every_transition_once(course: list[list[str]], n_step: int) -> None:
    steps = played(course)
    replay = filled(Replay(1000, len(course[0]) if course else 1, BOX, DISCRETE, n_step=n_step, gamma=GAMMA), steps)
    found = rows_of(replay.rows())
    assert replay.added == len(found)
    assert close(sorted(found), sorted(naive(steps, n_step)))


@given(COURSES, st.integers(1, 3), st.integers(12, 20))
@settings(deadline=None)
def test_a_ring_keeps_the_newest_and_goes_on_when_restored(course: list[list[str]], n_step: int, capacity: int) -> None:
    copies, steps = (len(course[0]) if course else 1), played(course)
    long, ring = (Replay(size, copies, BOX, DISCRETE, n_step=n_step, gamma=GAMMA) for size in (1000, capacity))
    assert close(rows_of(filled(ring, steps).rows()), rows_of(filled(long, steps).rows())[-capacity:])
    half = len(steps) // 2
    before = filled(Replay(capacity, copies, BOX, DISCRETE, n_step=n_step, gamma=GAMMA), steps[:half])
    after, other = (Replay(size, copies, BOX, DISCRETE, n_step=n_step, gamma=GAMMA) for size in (capacity, 12))
    for replay in (after, other):
        replay.restore(before.rows())
    before.boundary()
    filled(before, steps[half:])
    filled(after, steps[half:])
    for name, column in before.rows().columns.items():
        np.testing.assert_array_equal(column, after.rows().columns[name])
    assert close(rows_of(filled(other, steps[half:]).rows()), rows_of(before.rows())[-12:])
    if len(before):
        one, two = (replay.sample(np.random.default_rng(3), 5) for replay in (before, after))
        np.testing.assert_array_equal(one.observations, two.observations)


def test_a_batch_has_the_dtypes_and_shapes_of_its_schema() -> None:
    seen = spaces.Dict({"image": spaces.Box(0, 255, (4, 4, 3), np.uint8), "arm": spaces.Box(-1, 1, (2,), np.float64)})
    replay = Replay(6, 2, seen, spaces.Box(-1, 1, (3,), np.float32))
    before, after = (
        {"image": np.full((2, 4, 4, 3), value, np.uint8), "arm": np.full((2, 2), value, np.float64)} for value in (1, 2)
    )
    final = {1: {"image": np.full((4, 4, 3), 9, np.uint8), "arm": np.full(2, 9.0)}}
    step = Step(after, np.ones(2), np.array([False, False]), np.array([False, True]), final)
    replay.add(before, np.zeros((2, 3), np.float32), step)
    after["image"][:] = 0  # environments write over theirs
    batch = replay.sample(np.random.default_rng(0), 5)
    assert (batch.observations["image"].shape, batch.observations["image"].dtype) == ((5, 4, 4, 3), np.uint8)
    assert (batch.observations["arm"].shape, batch.observations["arm"].dtype) == ((5, 2), np.float32)
    assert (batch.actions.shape, batch.rewards.shape, batch.discounts.dtype) == ((5, 3), (5,), np.float32)
    assert set(batch.next_observations["image"].reshape(5, -1)[:, 0]) <= {2, 9}
    assert set(replay.rows().columns) == {
        "observations/image", "observations/arm", "actions", "rewards", "next_observations/image",
        "next_observations/arm", "discounts",
    }  # fmt: skip


def test_what_a_replay_cannot_take_is_refused() -> None:
    image = spaces.Box(0, 255, (2,), np.uint8)
    replay = Replay(4, 1, image, DISCRETE)
    step = Step(np.zeros((1, 2)), np.ones(1), np.array([False]), np.array([False]), {})
    with pytest.raises(TypeError, match="observations: float64 in a replay of uint8"):
        replay.add(np.zeros((1, 2)), np.zeros(1, np.int64), step)
    with pytest.raises(ValueError, match="no observations of shape"):
        replay.restore(Replay(4, 1, BOX, DISCRETE).rows())
    with pytest.raises(ValueError, match="without transitions"):
        replay.sample(np.random.default_rng(0), 1)
    with pytest.raises(ValueError, match="too small for 3 copies and 2 steps"):
        Replay(5, 3, BOX, DISCRETE, n_step=2)


def test_advantages_bootstrap_over_truncations_and_not_over_terminations() -> None:
    """By hand: one copy, three steps; the first ends its episode one way or the other."""
    for flag, bootstrapped in (("terminated", 0.0), ("truncated", 1.0)):
        rollout = Rollout(SimpleNamespace(num_envs=1, observation_space=BOX, action_space=DISCRETE), 3)
        for t in range(3):
            ends = {"terminated": np.array([False]), "truncated": np.array([False])}
            if t == 0:
                ends[flag] = np.array([True])
            final = {0: np.array([7.0], np.float32)} if t == 0 else {}
            seen = np.array([[float(t)]], np.float32)
            step = Step(seen + 1, np.array([1.0]), ends["terminated"], ends["truncated"], final)
            rollout.add(seen, np.array([t]), step)
        np.testing.assert_array_equal(rollout.next_observations[:, 0, 0], [7, 2, 3])
        values_TN, next_TN = np.full((3, 1), 2.0, np.float32), np.full((3, 1), 3.0, np.float32)
        found = advantages(rollout, values_TN, next_TN, 0.5, 0.5)[:, 0]
        delta = 1 + 0.5 * 3 - 2
        np.testing.assert_allclose(found, [1 + 0.5 * 3 * bootstrapped - 2, delta + 0.25 * delta, delta])


def test_returns_stop_at_ends() -> None:
    rewards_TN, ended_TN = np.ones((3, 2), np.float32), np.array([[0, 0], [1, 0], [0, 0]], bool)
    found = discounted_returns(rewards_TN, 0.5, ended_TN, np.array([4.0, 8.0]))
    np.testing.assert_allclose(found.T, [[1.5, 1, 3], [2.75, 3.5, 5]])
    np.testing.assert_allclose(discounted_returns(np.ones(3), 0.5), [1.75, 1.5, 1])
