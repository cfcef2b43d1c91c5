"""The fast off-policy engines: one kernel and step by step, resume, files, and what time limits mean."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces

from rlx.algorithms.off_policy.buffer import COLUMNS
from rlx.algorithms.off_policy.fast import FastOffPolicy
from rlx.algorithms.off_policy.kernels import streams
from rlx.algorithms.off_policy.streams import GlobalStream
from rlx.algorithms.stock import stock_export
from rlx.envs import GymnasiumSource, Surroundings, TrainingEnv
from rlx.launch import one_thread
from tests.algorithms.off_policy.models import (
    ENVIRONMENTS,
    FAST,
    advance,
    begin,
    fast_model,
    optimizers,
    training_env,
    weights,
)


def test_kernels_step_numpys_own_generator() -> None:
    np.random.seed(3)  # noqa: NPY002
    expected = [(np.random.rand(), np.random.randint(0, n, size=5)) for n in (1, 2, 700, 2**31) for _ in range(300)]  # noqa: NPY002
    after = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    words, drawn = GlobalStream().words, np.empty(5, np.int64)
    for number, (coin, whole) in enumerate(expected):
        assert streams.uniform(words) == coin
        streams.integers(words, (1, 2, 700, 2**31)[number // 300], drawn)
        assert (drawn == whole).all()
    assert np.random.rand() == after  # noqa: NPY002


@pytest.mark.parametrize(
    "changes",
    [
        {"train_freq": 4},
        {"train_freq": 1, "gradient_steps": -1, "target_update_interval": 7, "tau": 0.3},
        {"train_freq": 50, "gradient_steps": 3, "policy_kwargs": {"net_arch": [256, 256]}, "buffer_size": 500},
    ],
)
@pytest.mark.parametrize("copies", [1, 2])
def test_one_kernel_is_step_by_step(changes: dict[str, Any], copies: int) -> None:
    """With learning rates and exploration on their way, and a buffer that goes round."""
    rate = {"learning_rate": stable_baselines3.common.utils.LinearSchedule(1e-3, 1e-4, 1.0)}
    found = []
    for own in (True, False):
        model = fast_model(
            "DQN", training_env("CartPole-v1", copies, native=own), exploration_fraction=0.5, **rate, **changes
        )
        model.advance_steps(1500)
        state = [weights(model), *(getattr(model.replay_buffer, name).copy() for name in COLUMNS)]
        counters = (model.num_timesteps, model._n_updates, model._n_calls, model._episode_num, model.exploration_rate)
        rates = [group["lr"] for group in model.policy.optimizer.param_groups]
        found.append((state, (*counters, model.replay_buffer.pos, model.replay_buffer.full, rates, np.random.rand())))  # noqa: NPY002
    assert found[0][1] == found[1][1]
    for ours, theirs in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def state_of(model: Any) -> dict[str, Any]:
    """What a checkpoint holds, as files would."""
    buffer = io.BytesIO()
    content = {"policy": model.policy.state_dict(), "optimizers": [each.state_dict() for each in optimizers(model)]}
    if getattr(model, "log_ent_coef", None) is not None:
        content["log_ent_coef"] = model.log_ent_coef.detach()
    torch.save(content, buffer)
    counters = ("num_timesteps", "_n_updates", "_n_calls", "exploration_rate", "_episode_num")
    return {
        "tensors": buffer.getvalue(),
        "rows": {name: getattr(model.replay_buffer, name).copy() for name in COLUMNS},
        "place": (model.replay_buffer.pos, model.replay_buffer.full),
        "counters": {name: getattr(model, name) for name in counters if hasattr(model, name)},
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    content = torch.load(io.BytesIO(state["tensors"]))
    model.policy.load_state_dict(content["policy"])
    for optimizer, saved in zip(optimizers(model), content["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    if "log_ent_coef" in content:
        model.log_ent_coef.data = content["log_ent_coef"].clone()
    for name, rows in state["rows"].items():
        getattr(model.replay_buffer, name)[:] = rows
    model.replay_buffer.pos, model.replay_buffer.full = state["place"]
    for name, value in state["counters"].items():
        setattr(model, name, value)


@pytest.mark.parametrize("algorithm", FAST)
def test_going_on_from_a_state_gives_the_same_bits(algorithm: str) -> None:
    model = fast_model(algorithm, learning_rate=1e-3)
    model.advance_steps(250)
    state = state_of(model)
    other = fast_model(algorithm, learning_rate=1e-3)
    restore(other, state)
    for each in (model, other):
        begin(each, 11)
        each.advance_steps(150)
    np.testing.assert_array_equal(weights(model), weights(other))
    np.testing.assert_array_equal(model.replay_buffer.rewards, other.replay_buffer.rewards)
    assert model._n_updates == other._n_updates
    for ours, theirs in zip(optimizers(model), optimizers(other), strict=True):
        first, second = (each.state_dict()["state"] for each in (ours, theirs))
        for key in first:
            assert float(first[key]["step"]) == float(second[key]["step"]) > 0
            assert torch.equal(first[key]["exp_avg_sq"], second[key]["exp_avg_sq"])


@pytest.mark.parametrize("algorithm", FAST)
def test_stock_opens_what_was_saved_and_goes_on(algorithm: str) -> None:
    fast = fast_model(algorithm)
    fast.advance_steps(150)
    file = io.BytesIO()
    fast.save(file)
    env_id, stock = ENVIRONMENTS[algorithm], getattr(stable_baselines3, algorithm)
    opened = stock.load(file, env=gym.make(env_id), device="cpu")
    np.testing.assert_array_equal(weights(opened), weights(fast))
    assert not isinstance(opened, FastOffPolicy)
    opened.learn(150, reset_num_timesteps=False)
    again = FAST[algorithm].load(file, env=training_env(env_id), device="cpu")
    begin(again, 1)
    again.advance_steps(150)
    assert np.abs(weights(again) - weights(fast)).max() > 0
    assert opened.num_timesteps == again.num_timesteps


def test_a_checkpoints_members_open_in_stock(tmp_path: Path) -> None:
    fast = fast_model("DQN")
    fast.advance_steps(150)
    with zipfile.ZipFile(tmp_path / "members.zip", "w") as archive:
        for name, content in stock_export(fast).members.items():
            archive.writestr(name, content)
    opened = stable_baselines3.DQN.load(tmp_path / "members.zip", env=gym.make("CartPole-v1"), device="cpu")
    np.testing.assert_array_equal(weights(opened), weights(fast))
    opened.learn(150, reset_num_timesteps=False)


class Cut(gym.Env[Any, Any]):
    """Pays 1 at each step, and is cut off (or ends of its own) after each fifth: worth 1/(1 − γ) where cut off."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, action_space: spaces.Space[Any], ends: bool):
        self.action_space, self._ends, self._steps = action_space, ends, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self._steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self._steps += 1
        over = self._steps == 5
        return np.zeros(1, np.float32), 1.0, over and self._ends, over and not self._ends, {}


@pytest.mark.parametrize("algorithm", FAST)
def test_a_time_limit_is_no_end(algorithm: str) -> None:
    gamma, values = 0.6, []
    for ends in (False, True):
        space = spaces.Discrete(2) if algorithm == "DQN" else spaces.Box(-1, 1, (1,), np.float32)
        source = GymnasiumSource([lambda space=space, ends=ends: Cut(space, ends)])
        venv = TrainingEnv(source, "Cut", Surroundings(0), norm_obs=False, norm_reward=False, gamma=gamma)
        own = {"target_update_interval": 20, "exploration_fraction": 1.0} if algorithm == "DQN" else {"tau": 0.05}
        own |= {"ent_coef": 0.0} if algorithm == "SAC" else {}
        model = fast_model(algorithm, venv, gamma=gamma, learning_rate=3e-3, batch_size=32, **own)
        model.advance_steps(1200)
        x = torch.zeros(1, 1)
        with torch.no_grad():
            value = model.q_net(x).max() if algorithm == "DQN" else model.critic(x, model.actor(x))[0]
        values.append(float(value))
    assert values[0] == pytest.approx(1 / (1 - gamma), rel=0.05)
    assert values[1] < 0.9 / (1 - gamma)


@pytest.mark.parametrize("algorithm", FAST)
def test_what_a_run_normalises_is_normalised_when_it_is_sampled(algorithm: str) -> None:
    """Rows are raw, as stock keeps them beside ``VecNormalize``."""
    venv = training_env(ENVIRONMENTS[algorithm], norm_obs=True, norm_reward=True)
    model = fast_model(algorithm, venv, learning_starts=200, train_freq=200)
    advance(model, 200)
    batch, now, buffer = model._minibatch, venv.statistics, model.replay_buffer
    rows, copies = batch.rows_B, batch.copies_B
    model.train(1, model.batch_size)
    for found, raw in (
        (batch.observations_BD, buffer.observations),
        (batch.next_observations_BD, buffer.next_observations),
    ):
        expected = np.clip((raw[rows, copies] - now.mean_D) / np.sqrt(now.var_D + 1e-8), -10, 10)
        np.testing.assert_array_equal(found, expected.astype(np.float32))
    expected = np.clip(buffer.rewards[rows, copies] / np.sqrt(now.return_var[0] + 1e-8), -10, 10)
    np.testing.assert_array_equal(batch.rewards_B, expected.astype(np.float32))
    raw = buffer.observations[: buffer.pos]
    assert np.abs(raw.mean() - batch.observations_BD.mean()) > 1e-3


@pytest.mark.parametrize("algorithm", FAST)
def test_moments_that_fade_become_nothing_instead_of_denormal(algorithm: str) -> None:
    with one_thread():
        model = fast_model(algorithm)
        model.advance_steps(120)
        for memory in model._memories[: 1 if algorithm == "DQN" else 2]:
            memory.moments1[:] = 1.2e-38  # fades by a tenth, below what float32 holds with all its digits
            memory.moments2[:] = 1.2e-38
        model.advance_steps(20)
        tiny = np.finfo(np.float32).tiny
        for memory in model._memories[: 1 if algorithm == "DQN" else 2]:
            sizes = np.abs(np.concatenate([memory.moments1, memory.moments2]).astype(np.float64))
            assert not ((sizes > 0) & (sizes < tiny)).any()
