"""What others trip over: schedules after a resume, replay under a normaliser, time limits, action scales, memories, updates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlx.algorithms import algorithm, trained_config
from rlx.config import RunConfig, Snapshot, own_settings
from rlx.envs import Environments, make_env, seed_generators
from rlx.records import checkpoints
from rlx.records.metrics import read_rows
from rlx.training.one_seed import train_seed
from tests.conftest import REPOSITORY

GAMMA = 0.9


class AlwaysOne(gym.Env[Any, Any]):
    """Reward 1 for ever; a time limit cuts it. So every state is worth 1 / (1 − γ)."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, *, continuous: bool):
        self.action_space = spaces.Box(-1, 1, (1,), np.float32) if continuous else spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), 1.0, False, False, {}


class Scaled(gym.Env[Any, Any]):
    """Takes actions from −2 to 6 and refuses all others; shows what it was given."""

    action_space = spaces.Box(np.float32(-2), np.float32(6), (1,), np.float32)
    observation_space = spaces.Box(-2, 6, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(np.asarray(action, np.float32)), action
        return np.asarray(action, np.float32), float(action[0]), False, False, {}


class Count(gym.Env[Any, Any]):
    """Shows the number of the step in the episode, which ends by itself after seven."""

    action_space = spaces.Discrete(2)
    observation_space = spaces.Box(0, 10, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return np.full(1, self.steps, np.float32), 1.0, self.steps == 7, False, {}


gym.register("AlwaysOne-v0", lambda: AlwaysOne(continuous=False), max_episode_steps=5)
gym.register("AlwaysOneContinuous-v0", lambda: AlwaysOne(continuous=True), max_episode_steps=5)
gym.register("Scaled-v0", Scaled, max_episode_steps=20)
gym.register("Count-v0", Count)
OFF = {"learning_starts": 64, "batch_size": 32, "buffer_size": 5000, "iteration_steps": 200}


def config(name: str, env: str, *, algo: dict[str, Any], copies: int = 1, wrapped: Any = None) -> RunConfig:
    own_settings(name)
    data = {
        "env": {"id": env, "num_envs": copies, **(wrapped or {})},
        "algo": {"name": name, "gamma": GAMMA, **algo},
        "policy": {"hidden_sizes": [16], **({"kwargs": {"n_quantiles": 20}} if name == "qrdqn" else {})},
        "eval": {"every": 10_000, "episodes": 1, "step_limit": 20},
        "device": "cpu",
    }
    if name == "ars":
        del data["algo"]["gamma"]
    return RunConfig.model_validate(data)


def made(settings: RunConfig) -> tuple[Any, Environments]:
    """Return a learner at its first boundary, and its environments."""
    row, settings = trained_config(REPOSITORY, settings)
    env = Environments(REPOSITORY, settings, make_env(settings.env))
    learner = row.make(settings, env, 1, "cpu")
    seed_generators(5)
    learner.boundary(5)
    return learner, env


FAST_LEARNING = {"learning_rate": 3e-3}
PROBES = [
    pytest.param("dqn", "AlwaysOne-v0", {**OFF, **FAST_LEARNING, "train_freq": 1, "target_update_interval": 20}),
    pytest.param("qrdqn", "AlwaysOne-v0", {**OFF, **FAST_LEARNING, "train_freq": 1, "target_update_interval": 20}, marks=pytest.mark.slow),
    pytest.param("dqn", "AlwaysOne-v0", {**OFF, **FAST_LEARNING, "train_freq": 1, "target_update_interval": 20, "return_steps": 3}),
    pytest.param("sac", "AlwaysOneContinuous-v0", {**OFF, **FAST_LEARNING, "tau": 0.05, "entropy_coef": 0.0}),
    pytest.param("td3", "AlwaysOneContinuous-v0", {**OFF, **FAST_LEARNING, "tau": 0.05}),
    pytest.param("tqc", "AlwaysOneContinuous-v0", {**OFF, **FAST_LEARNING, "tau": 0.05, "entropy_coef": 0.0}, marks=pytest.mark.slow),
    pytest.param("ddpg", "AlwaysOneContinuous-v0", {**OFF, **FAST_LEARNING, "tau": 0.05}, marks=pytest.mark.slow),
    pytest.param("a2c", "AlwaysOne-v0", {"learning_rate": 5e-3, "iteration_steps": 100}),
    pytest.param("trpo", "AlwaysOne-v0", {"rollout_steps": 128, "learning_rate": 1e-2}, marks=pytest.mark.slow),
    pytest.param("recurrent_ppo", "AlwaysOne-v0", {"rollout_steps": 128, "learning_rate": 3e-3}, marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize(("name", "env", "algo"), PROBES)
def test_a_time_limit_is_no_end(name: str, env: str, algo: dict[str, Any]) -> None:
    learner, _ = made(config(name, env, algo={**algo, "total_timesteps": 4000}))
    worth: list[float] = []
    while learner.model.num_timesteps < 4000:
        logged = learner.advance()
        worth.append(logged.get("train/q_mean", np.nan))
    if algorithm(name).family == "off-policy":
        value = worth[-1]
    else:
        policy, seen = learner.model.policy, torch.zeros(1, 1)
        with torch.no_grad():
            if name == "recurrent_ppo":
                states = learner.model._last_lstm_states.vf
                value = float(policy.predict_values(seen, states, torch.ones(1)))
            else:
                value = float(policy.predict_values(seen))
    assert value == pytest.approx(1 / (1 - GAMMA), rel=0.15)  # 5 steps without bootstrapping are worth 4.1 at most


def test_exploration_goes_on_where_it_was(tmp_path: Path) -> None:
    algo = {**OFF, "exploration_fraction": 0.9, "exploration_final_eps": 0.1, "target_update_interval": 100}
    first = config("dqn", "Count-v0", algo={**algo, "total_timesteps": 1000})
    train_seed(REPOSITORY, Snapshot(first), 1, tmp_path, lambda _: None)
    before = read_rows(tmp_path / "metrics.jsonl")[-1]["rollout/exploration_rate"]
    longer = config("dqn", "Count-v0", algo={**algo, "total_timesteps": 3000})
    train_seed(REPOSITORY, Snapshot(longer), 1, tmp_path, lambda _: None)
    rates = [row["rollout/exploration_rate"] for row in read_rows(tmp_path / "metrics.jsonl") if row["step"] > 1000]
    assert rates
    assert max(rates) <= before


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("name", ["dqn", "qrdqn"])
def test_no_row_leads_from_one_episode_into_the_next(name: str, copies: int) -> None:
    learner, env = made(config(name, "Count-v0", algo={**OFF, "total_timesteps": 600}, copies=copies))
    while env.steps < 600:
        learner.advance()
    buffer = learner.model.replay_buffer
    size = buffer.size()
    seen, after = (a[:size].reshape(size, copies) for a in (buffer.observations, buffer.next_observations))
    assert np.array_equal(after, seen + 1)
    assert np.array_equal(buffer.dones[:size] > 0, after == 7)


@pytest.mark.parametrize("name", ["sac", "td3", "ddpg", "tqc", "crossq"])
def test_actions_reach_the_environment_in_its_own_scale(name: str) -> None:
    learner, env = made(config(name, "Scaled-v0", algo={**OFF, "total_timesteps": 300}))
    while env.steps < 200:
        learner.advance()
    buffer = learner.model.replay_buffer
    size = buffer.size()
    scaled, shown = buffer.actions[:size].ravel(), buffer.next_observations[:size].ravel()
    assert np.abs(scaled).max() <= 1
    assert np.allclose(shown, -2 + 4 * (scaled + 1), atol=1e-5)
    assert len(np.unique(np.sign(shown))) > 1


@pytest.mark.parametrize("engine", ["stable-baselines3", "fast"])
def test_replay_keeps_raw_observations_and_normalises_when_it_samples(engine: str) -> None:
    settings = config(
        "sac",
        "Pendulum-v1",
        algo={**OFF, "total_timesteps": 600, "engine": engine},
        wrapped={"normalize_observation": True, "normalize_reward": True},
    )
    learner, env = made(settings)
    while env.steps < 400:
        learner.advance()
    buffer = learner.model.replay_buffer
    raw = buffer.observations[: buffer.size()].reshape(buffer.size(), 3)
    assert np.allclose(raw[:, 0] ** 2 + raw[:, 1] ** 2, 1, atol=1e-5)  # cosine and sine, as the environment has them
    assert abs(float(learner.advance()["train/q_mean"])) < 50  # of rewards that are scaled; raw ones add up to hundreds
    if engine == "fast":  # its kernels sample by themselves
        return
    sampled = buffer.sample(256, env=learner.model._vec_normalize_env).observations.numpy()
    assert abs(float(sampled.mean())) < 0.5
    assert not np.allclose(sampled[:, 0] ** 2 + sampled[:, 1] ** 2, 1, atol=1e-2)


@pytest.mark.parametrize(
    ("train_freq", "gradient_steps", "expected"), [(4, 1, 40), (4, 2, 80), (4, -1, 480), (1, 1, 160)]
)
def test_updates_are_as_many_as_asked_with_several_copies(train_freq: int, gradient_steps: int, expected: int) -> None:
    algo = {
        **OFF,
        "learning_starts": 12,
        "train_freq": train_freq,
        "gradient_steps": gradient_steps,
        "total_timesteps": 480,
    }
    learner, env = made(config("sac", "Pendulum-v1", algo={**algo, "iteration_steps": 12}, copies=3))
    while env.steps < 480:
        learner.advance()
    warm_up = 1 if train_freq == 4 else 4  # the updates that learning_starts leaves out
    each = (12 if gradient_steps == -1 else gradient_steps) if train_freq == 4 else 1
    assert learner.model._n_updates == expected - warm_up * each


def test_warm_up_draws_from_the_seeded_space() -> None:
    drawn = []
    for _ in range(2):
        learner, env = made(config("sac", "Pendulum-v1", algo={**OFF, "learning_starts": 200, "total_timesteps": 600}))
        while env.steps < 200:
            learner.advance()
        drawn.append(learner.model.replay_buffer.actions[:200].copy())
    assert np.array_equal(drawn[0], drawn[1])
    space = spaces.Box(-2, 2, (1,), np.float32)
    space.seed(5)
    assert drawn[0][0, 0, 0] == pytest.approx(float(space.sample()[0]) / 2, abs=1e-6)


def test_a_recurrent_policy_forgets_at_the_start_of_an_episode(tmp_path: Path) -> None:
    settings = config("recurrent_ppo", "Count-v0", algo={"rollout_steps": 64, "batch_size": 64, "total_timesteps": 256})
    train_seed(REPOSITORY, Snapshot(settings), 1, tmp_path, lambda _: None)
    row, settings = trained_config(REPOSITORY, settings)
    env = Environments(REPOSITORY, settings, make_env(settings.env))
    found = checkpoints.load(tmp_path / "checkpoints" / "latest.zip")
    actor = row.actor_of(env, found.policy, 0, "cpu")
    seen, starts, later = np.ones((32, 1), np.float32), np.ones(32, bool), np.zeros(32, bool)
    _, fresh = actor.act(seen, None, starts, None, True)
    _, kept = actor.act(seen, fresh, later, None, True)
    _, forgot = actor.act(seen, kept, starts, None, True)
    assert not np.allclose(kept[0], fresh[0])
    assert np.allclose(forgot[0], fresh[0], atol=1e-6)
