"""Policies of DQN, SAC and TD3 acting through the kernels, beside stock's, and all episodes at once beside one by one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlx.algorithms.off_policy.coverage import uncovered
from rlx.algorithms.off_policy.playing import actor_for, kernel_actor, play_all
from rlx.config import RunConfig
from rlx.envs import Environments, make_env
from tests.algorithms.off_policy.models import ENVIRONMENTS, FAST, fast_model, stock_model, weights


def environments(algorithm: str, **sections: Any) -> Environments:
    config = RunConfig.model_validate({"env": {"id": ENVIRONMENTS[algorithm]}, **sections})
    return Environments(Path(), config, make_env(config.env))


def acts(actor: Any, x: np.ndarray, *, deterministic: bool) -> np.ndarray:
    return np.asarray(actor.act(x, None, np.zeros(len(x), np.bool_), None, deterministic)[0])


@pytest.mark.parametrize("algorithm", FAST)
def test_actions_are_those_of_stock(algorithm: str) -> None:
    model = stock_model(algorithm)
    model.policy.load_state_dict({key: value * 2 for key, value in model.policy.state_dict().items()})
    space = model.observation_space
    x = np.random.default_rng(0).normal(size=(50, *space.shape)).astype(np.float32)
    before = weights(model)
    actor = kernel_actor(model.policy)
    expected = model.policy.predict(x, deterministic=True)[0]
    np.testing.assert_allclose(acts(actor, x, deterministic=True), expected, atol=1e-5)
    assert len(np.unique(expected)) > 1
    alone = np.concatenate([acts(actor, row[None], deterministic=True) for row in x])
    np.testing.assert_array_equal(alone, acts(actor, x, deterministic=True))
    torch.manual_seed(2)
    drawn = model.policy.predict(x, deterministic=False)[0]
    torch.manual_seed(2)
    np.testing.assert_allclose(acts(actor, x, deterministic=False), drawn, atol=1e-5)
    assert (weights(model) == before).all()


def test_exploration_draws_random_actions_as_often_as_it_says() -> None:
    model = stock_model("DQN")
    x = np.zeros((4000, 4), np.float32)
    np.random.seed(0)  # noqa: NPY002
    best, found = (
        acts(kernel_actor(model.policy, 0.5), x, deterministic=deterministic) for deterministic in (True, False)
    )
    assert (best == best[0]).all()
    assert (found != best).mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("algorithm", FAST)
def test_all_at_once_is_one_by_one(algorithm: str) -> None:
    env = environments(algorithm)
    model = fast_model(algorithm, learning_rate=1e-3)
    model.advance_steps(400)
    actor = actor_for(model.policy, env)
    at_once = play_all(actor, env, None, [3, 5, 8])
    assert at_once is not None
    for number, seed in enumerate([3, 5, 8]):
        one = make_env(env.config.env)
        seen, total, steps, over = one.reset(seed=seed)[0], 0.0, 0, False
        while not over:
            seen, reward, terminated, truncated, _ = one.step(acts(actor, seen[None], deterministic=True)[0])
            total, steps, over = total + float(reward), steps + 1, terminated or truncated
        assert at_once.lengths_N[number] == steps
        assert at_once.returns_N[number] == pytest.approx(total, abs=1e-9)


def test_what_is_not_covered_says_so() -> None:
    env = environments("DQN")
    spaces = (env.observation_space, env.action_space)
    assert uncovered(env.config, *spaces) is None
    for section, key, value, told in (
        ("algo", "return_steps", 3, "return_steps"),
        ("algo", "use_sde", True, "use_sde"),
        ("policy", "type", "cnn", "policy.type"),
        ("policy", "activation", "gelu", "activation"),
    ):
        changed = environments("DQN").config.model_copy(deep=True)
        object.__setattr__(getattr(changed, section), key, value)
        assert told in (uncovered(changed, *spaces) or "")


LOADING = """
from rlx.algorithms import load_kernels as load_ppo
from rlx.algorithms.off_policy.trial import SETS, load_kernels
from rlx.launch import one_thread
with one_thread():
    found = [*load_ppo(), *(each for name in SETS for each in load_kernels(name))]
assert len(found) == 9 and all(found), found
"""


@pytest.mark.slow  # compiles three sets of kernels, half a minute each
def test_sets_of_kernels_join_and_nothing_compiles_again() -> None:
    from rlx.algorithms import prepare_kernels as prepare_ppo
    from rlx.algorithms.off_policy.trial import SETS, prepare_kernels

    for name in SETS:
        prepare_kernels(name, print)
    prepare_ppo(print)
    subprocess.run([sys.executable, "-c", LOADING], check=True)
