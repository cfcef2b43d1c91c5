"""A trained policy as a function of NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import rlx
from rlx.errors import ConfigError, Missing, UsageError
from rlx.training import NamedPolicy, Policy
from rlx.training.actors import PolicyPlayer
from tests.conftest import Project


class Counting:
    """Remembers how many steps each row's episode has; its action says so, or the first action that is allowed."""

    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        rows = len(next(iter(observations.values()))) if isinstance(observations, dict) else len(observations)
        assert starts_N.shape == (rows,)
        memory = np.where(starts_N, 0, 0 if memory is None else memory) + 1
        return (memory if masks is None else masks.argmax(axis=1)), memory


def counting(observation_space: gym.Space, action_space: gym.Space, *, masked: bool = False) -> Policy:
    named = NamedPolicy("r:best", "r", "best", 1, Path("best.zip"))
    env: Any = SimpleNamespace(observation_space=observation_space, action_space=action_space)
    return Policy(named, 100, 1, PolicyPlayer(Counting(), None, deterministic=True, masked=masked), env)


BOX = spaces.Box(-1, 1, (2,), np.float32)


def test_one_that_remembers_remembers_until_it_is_told_to_begin_again() -> None:
    policy = counting(BOX, spaces.Discrete(9))
    assert [policy(np.zeros(2)) for _ in range(3)] == [1, 2, 3]
    policy.reset()
    assert policy(np.zeros(2)) == 1


def test_rows_of_a_batch_begin_their_episodes_by_themselves() -> None:
    policy = counting(BOX, spaces.Discrete(9))
    batch = np.zeros((3, 2))
    policy.act(batch)
    assert policy.act(batch, starts=[False, True, False]).tolist() == [2, 1, 2]
    with pytest.raises(UsageError, match="remembers 3 episodes and was given 2"):
        policy.act(batch[:2])
    with pytest.raises(UsageError, match="one value for each of the 3"):
        policy.act(batch, starts=[True])
    assert policy.act(batch[:2], starts=[True, True]).tolist() == [1, 1]


def test_masks_are_asked_for_where_they_are_needed() -> None:
    policy = counting(BOX, spaces.Discrete(3), masked=True)
    assert policy(np.zeros(2), [False, False, True]) == 2
    policy.reset()
    assert policy(np.zeros((2, 2)), [[False, True, False], [True, True, True]]).tolist() == [1, 0]
    policy.reset()
    with pytest.raises(UsageError, match=r"act\(observation, env.action_masks\(\)\)"):
        policy(np.zeros(2))
    with pytest.raises(UsageError, match=r"masks have the shape \(1, 2\); here they have \(1, 3\)"):
        policy(np.zeros(2), [True, False])
    assert counting(BOX, spaces.Discrete(9))(np.zeros(2), [True, False]) == 1  # not heeded


@pytest.mark.parametrize(
    ("space", "one", "several"),
    [
        (spaces.Discrete(4), 3, [3, 1]),
        (spaces.Box(0, 255, (4, 4, 3), np.uint8), np.zeros((4, 4, 3)), np.zeros((2, 4, 4, 3))),
        (spaces.Dict({"a": BOX, "b": spaces.Discrete(3)}), {"a": [0, 1], "b": 2}, {"a": np.zeros((2, 2)), "b": [1, 2]}),
    ],
)
def test_one_observation_gives_one_action_and_rows_give_rows(space: gym.Space, one: Any, several: Any) -> None:
    policy = counting(space, spaces.Discrete(9))
    assert np.ndim(policy(one)) == 0
    policy.reset()
    assert policy(several).shape == (2,)


def test_continuous_actions_are_such_as_the_environment_takes() -> None:
    policy = counting(BOX, spaces.Box(-1, 1, (1,), np.float32))
    assert policy(np.zeros(2)).tolist() == [1.0]
    assert policy(np.zeros(2)).tolist() == [1.0]  # 2, clipped


@pytest.mark.parametrize(
    ("space", "wrong"),
    [
        (BOX, np.zeros(3)),
        (BOX, np.zeros((0, 2))),
        (BOX, ["left", "right"]),
        (BOX, [0.0, np.nan]),
        (BOX, [0.0, None]),
        (BOX, [0.0, 1e300]),
        (BOX, np.zeros(2, complex)),
        (BOX, None),
        (spaces.Discrete(3), np.array(np.nan)),
        (spaces.Dict({"a": BOX}), {"a": np.array([np.inf, 0])}),
        (spaces.Dict({"a": BOX}), {"b": np.zeros(2)}),
        (spaces.Dict({"a": BOX}), np.zeros(2)),
        (spaces.Dict({"a": BOX, "b": BOX}), {"a": np.zeros(2), "b": np.zeros((2, 2))}),
    ],
)
def test_what_is_no_observation_is_refused(space: gym.Space, wrong: Any) -> None:
    with pytest.raises(UsageError, match="observation"):
        counting(space, spaces.Discrete(9)).act(wrong)


def test_a_trained_policy_plays_its_held_out_episodes_again(finished: Project) -> None:
    """Loading it takes some seconds: torch is imported."""
    run = rlx.open(finished.root).runs["cartpole"]
    policy = run.policy("best", seed=2)
    assert policy.observation_space.shape == (4,)
    assert "cartpole:best#2" in repr(policy)
    mine = run.episodes.query("checkpoint == 'best' and seed == 2")
    env = gym.make("CartPole-v1")
    for row in mine.itertuples():
        observation, _ = env.reset(seed=int(row.reset_seed))
        seen, total, ended = [], 0.0, False
        while not ended:
            seen.append(observation)
            observation, reward, terminated, truncated, _ = env.step(policy(observation))
            total, ended = total + float(reward), terminated or truncated
        assert total == row[5]
    alone = [policy(each) for each in seen]
    assert policy.act(np.array(seen)).tolist() == alone
    env.close()


def test_which_policy_is_told_where_it_is_not_clear(study: Project) -> None:
    run = rlx.open(study.root).runs["cartpole"]
    with pytest.raises(UsageError, match=r"cartpole has the seeds 1, 2; say whose policy: policy\('best', seed=1\)"):
        run.policy()
    with pytest.raises(Missing, match="has no seed 7"):
        run.policy("best", seed=7)
    with pytest.raises(Missing, match="has no checkpoint 'bets'"):
        run.policy("bets", seed=1)


def test_code_of_the_project_is_imported_for_a_policy_alone(study: Project) -> None:
    """As `rlx eval` does; where it fails, the command's words say where."""
    study.write("envs/__init__.py", "raise RuntimeError('no')\n")
    run = rlx.open(study.root).runs["cartpole"]
    assert len(run.scores) == 2
    with pytest.raises(ConfigError, match=r"envs/__init__.py:1: importing `envs` failed: .*no"):
        run.policy("best", seed=1)
