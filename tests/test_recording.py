"""What training records about itself, on environments where it is known: targets, time limits, parts of the reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlx import algorithms
from rlx.config.schema import RunConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import make_vector_env
from rlx.metrics import read_rows
from rlx.training import train_seed

LIMIT = "gymnasium.wrappers.TimeLimit"
ENGINES = (algorithms.FAST, algorithms.STOCK)


class Alternating(gym.Env[Any, Any]):
    """Episodes of three steps; every other one is over then, the others are cut off by their time limit."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode = 1 if seed is not None else self.episode + 1
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == 3 and self.episode % 2 == 0, False, {}


gym.register("Alternating-v0", entry_point=Alternating, max_episode_steps=3)


def settings(env: dict[str, Any], **algo: Any) -> Snapshot:
    data: dict[str, Any] = {
        "env": {"num_envs": 2, **env},
        "algo": {"total_timesteps": 96, "rollout_steps": 12, "batch_size": 12, "update_epochs": 2, **algo},
        "policy": {"hidden_sizes": [4]},
        "eval": {"every": 96, "episodes": 1},
    }
    return Snapshot(RunConfig.model_validate(data))


def rows_of(folder: Path, snapshot: Snapshot) -> list[dict[str, Any]]:
    train_seed(folder, snapshot, 0, folder, lambda _: None)
    return read_rows(folder / "metrics.jsonl")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalize", [False, True])
def test_the_targets_of_an_update_are_those_of_its_rollout(engine: str, normalize: bool) -> None:
    config = settings({"id": "Pendulum-v1", "normalize_reward": normalize}, engine=engine).config
    venv, _ = make_vector_env(Path(), config, fast=engine == algorithms.FAST)
    model = algorithms.build(Path(), config, 0, venv)
    model.begin_segment(0)
    logged = model.iterate(96)
    rollout = model.rollout_buffer
    expected = {
        "train/value_target_mean": np.mean(rollout.returns),
        "train/value_target_std": np.std(rollout.returns),
        "train/advantage_std": np.std(rollout.advantages),
    }
    assert {key: logged[key] for key in expected} == pytest.approx(expected, rel=1e-5)
    explained = 1 - np.var(rollout.returns - rollout.values) / np.var(rollout.returns)
    assert logged["train/explained_variance"] == pytest.approx(explained, abs=1e-4)  # it is still the same rollout
    assert (abs(logged["train/value_target_mean"]) < 10) == normalize


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_share_of_episodes_that_a_limit_ended(tmp_path: Path, engine: str, vectorization: str) -> None:
    if vectorization == "async":  # spawned processes know Gymnasium's environments only
        env = {"id": "Pendulum-v1", "kwargs": {"g": 9.0}, "wrappers": [{LIMIT: {"max_episode_steps": 5}}]}
    else:
        env = {"id": "Alternating-v0"}
    rows = rows_of(tmp_path, settings({**env, "vectorization": vectorization}, engine=engine, total_timesteps=48))
    share = 1.0 if vectorization == "async" else 0.5
    assert [row["rollout/truncated_share"] for row in rows] == [share] * 2


@pytest.mark.parametrize(("env_id", "share"), [("Pendulum-v1", 1.0), ("CartPole-v1", 0.0)])
def test_compiled_environments_tell_who_ended_an_episode(tmp_path: Path, env_id: str, share: float) -> None:
    rows = rows_of(tmp_path, settings({"id": env_id}, rollout_steps=60, batch_size=60, total_timesteps=480))
    assert {row.get("rollout/truncated_share") for row in rows if row["rollout/episodes"]} == {share}
    assert all("rollout/truncated_share" not in row for row in rows if not row["rollout/episodes"])
