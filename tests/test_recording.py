"""What training records about itself, on environments where it is known: targets, time limits, parts of the reward."""

from __future__ import annotations

import json
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
from rlx.metrics import read_rows, write_rows
from rlx.reward_components import ComponentSums
from rlx.training import train_seed
from tests.conftest import Project

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
        "checkpoint": {"save_every": 32},
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


# --- parts of the reward ----------------------------------------------------------------------------------------------


class Parts(gym.Env[Any, Any]):
    """Episodes of two and of three steps in turn, whose ``info`` holds parts of the reward, and things like them."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode = 0 if seed is not None else self.episode + 1
        self.steps = 0
        return np.zeros(1, np.float32), {"reward_alive": 1000.0}

    def step(self, action: Any) -> Any:
        self.steps += 1
        over = self.steps == 2 + self.episode % 2
        info: dict[str, Any] = {
            "reward_alive": np.float32(1),
            "reward_late": self.steps if self.steps > 1 else None,
            "reward_holes": float("nan") if self.steps == 1 else np.array([0.5]),
            "reward_kind": "dense",
            "reward_huge": 1e308,
            "reward_over": 10**400,
            "reward_is-odd": 1.0,
            "reward_": 1.0,
            3: "number",
            "x_position": 5.0,
        }
        if over and self.episode % 2:
            info["reward_goal"] = 10.0
        return np.zeros(1, np.float32), 1.0, over, False, info


gym.register("Parts-v0", entry_point=Parts)


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_the_reward_are_added_up_over_episodes(tmp_path: Path, engine: str) -> None:
    """Ten steps, ten of each copy in a rollout: two episodes of two steps, two of three, of which one has a goal each."""
    env = {"id": "Parts-v0", "normalize_reward": True}
    rows = rows_of(tmp_path, settings(env, engine=engine, rollout_steps=10, batch_size=20, total_timesteps=60))
    parts = [{key: value for key, value in row.items() if key.startswith("reward/")} for row in rows]
    late = (2 + 2 + 3) / 2  # 2, and 2 + 3, by episode
    expected = {"reward/alive": 2.5, "reward/late": late, "reward/holes": 0.75, "reward/goal": 5.0}
    assert [row["rollout/episodes"] for row in rows] == [8] * 3
    assert parts == [pytest.approx(expected)] * 3


def test_a_part_that_an_episode_lacks_counts_as_nothing_and_32_are_followed() -> None:
    sums = ComponentSums(1)
    sums.add(0, {f"reward_{index}": 1.0 for index in range(40)})
    sums.end(0)
    assert len(sums.take()) == 32
    sums.add(0, {"reward_0": 3})
    sums.end(0)
    sums.end(0)
    found = sums.take()
    assert (found["0"], found["1"], len(found)) == (1.5, 0.0, 32)
    assert sums.take() == {}
    for step in range(1000):  # keys that change with every step are not remembered
        sums.add(0, {f"at_{step}": 1})
    assert len(sums._layouts) <= 64
    sums.add(0, {"reward_0": 3})
    sums.forget()
    sums.end(0)
    assert sums.take() == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_the_reward_go_on_as_they_were_after_a_kill(tmp_path: Path, engine: str) -> None:
    """Segments of 32 steps end in the middle of an episode; goals come in every other one only."""
    snapshot = settings({"id": "Parts-v0"}, engine=engine, rollout_steps=8, batch_size=16)
    expected = rows_of(tmp_path, snapshot)
    folder = tmp_path / "checkpoints"
    for path in folder.glob("*.zip"):
        if path.name != "step_32.zip":
            path.unlink()
    assert rows_of(tmp_path, snapshot) == expected
    assert "reward/goal" in expected[-1]


def test_every_reader_takes_parts_of_the_reward(study: Project) -> None:
    path = study.root / "runs/cartpole/metrics.jsonl"
    rows = read_rows(path)
    write_rows(path, [{**row, "reward/forward": row["step"] / 1000, "reward/ctrl": -1.0} for row in rows])
    content = json.loads(study.rlx("plot", "cartpole", "--metric", "reward/forward", "--json").stdout)
    (drawn,) = content["runs"][0]["metrics"].items()
    assert drawn[0] == "reward/forward"
    assert drawn[1]["mean"][-1] == pytest.approx(2, abs=0.2)
    everything = json.loads(study.rlx("plot", "cartpole", "--metric", "all", "--json").stdout)
    assert [name for name in everything["runs"][0]["metrics"] if name.startswith("reward/")] == [
        "reward/ctrl",
        "reward/forward",
    ]
    study.rlx("plot", "cartpole", "--metric", "reward/forward", "-o", "parts.svg")
    refused = study.rlx("plot", "cartpole", "--metric", "reward/nothing", check=False)
    assert "reports no reward_nothing in info" in " ".join(refused.stdout.split())
