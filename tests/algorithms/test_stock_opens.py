"""Checkpoints of the libraries' algorithms open in stock `.load()`, act as rlx's policy does, and train on there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env

from rlx.algorithms import algorithm, trained_config
from rlx.algorithms.sb3.table import TABLE
from rlx.config import RunConfig, Snapshot, own_settings
from rlx.envs import Environments
from rlx.records import checkpoints
from rlx.training.one_seed import train_seed
from tests.algorithms import toys
from tests.conftest import REPOSITORY

assert toys.Masked
ENVIRONMENT = dict.fromkeys(TABLE, "Pendulum-v1") | {
    **dict.fromkeys(("a2c", "dqn", "qrdqn", "trpo", "ars", "recurrent_ppo"), "CartPole-v1"),
    "maskable_ppo": "MaskedCartPole-v0",
}
SHORT = {"off-policy": {"learning_starts": 50, "batch_size": 16, "buffer_size": 400, "iteration_steps": 100}}


def trained(name: str, folder: Path) -> RunConfig:
    own_settings(name)
    row = TABLE[name]
    algo = {"name": name, "total_timesteps": 300, **SHORT.get(row.family, {})}
    if row.family == "on-policy":
        algo |= {"rollout_steps": 64} | ({"batch_size": 32} if "batch_size" in row.Config.model_fields else {})
    if name == "ars":
        algo |= {"n_delta": 2}
    data = {
        "env": {"id": ENVIRONMENT[name], "num_envs": 2},
        "algo": algo,
        "policy": {} if name == "ars" else {"hidden_sizes": [8, 8]},
        "eval": {"every": 300, "episodes": 1},
        "device": "cpu",
    }
    config = RunConfig.model_validate(data)
    train_seed(REPOSITORY, Snapshot(config), 3, folder, lambda _: None)
    return config


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in ("a2c", "sac") else pytest.mark.slow) for n in TABLE]
)
def test_stock_loads_acts_alike_and_trains_on(name: str, tmp_path: Path) -> None:
    config = trained(name, tmp_path)
    path = tmp_path / "checkpoints" / "latest.zip"
    row = TABLE[name]
    cls: Any = getattr(importlib.import_module(row.package), row.cls)
    venv = make_vec_env(ENVIRONMENT[name], n_envs=2, seed=0)
    stock = cls.load(path, env=venv, device="cpu")
    ours = checkpoints.load(path)
    for key, value in ours.policy["network"].items():
        assert torch.equal(value, stock.policy.state_dict()[key]), key
    assert stock.num_timesteps == ours.learner["counters"]["num_timesteps"]

    one = gym.make(ENVIRONMENT[name])
    rows, config = trained_config(REPOSITORY, config)
    actor = rows.actor_of(Environments(REPOSITORY, config, one), ours.policy, 0, "cpu")
    rng = np.random.default_rng(0)
    seen = rng.uniform(-1, 1, (32, *one.observation_space.shape)).astype(np.float32)  # type: ignore[misc]
    masks = np.ones((32, 2), bool)
    acted, _ = actor.act(seen, None, np.ones(32, bool), masks if algorithm(name).masks == "needed" else None, True)
    expected, _ = stock.predict(seen, deterministic=True)
    assert np.allclose(acted, expected, atol=1e-6)

    before = stock.num_timesteps
    stock.learn(256, reset_num_timesteps=False)
    assert stock.num_timesteps > before
