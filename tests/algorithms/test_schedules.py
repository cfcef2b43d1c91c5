"""Schedules in training: both engines take them, and stock Stable-Baselines3 loads them without rlx."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3.common.utils import LinearSchedule

from rlx.algorithms.schedules import ShapedSchedule, schedule
from rlx.config import PPOConfig, RunConfig, Snapshot
from rlx.records.metrics import read_rows
from rlx.training.one_seed import train_seed

SAID: dict[str, Any] = {
    "straight": {"start": 0.001, "end": 0.0},
    "warmed": {"start": 0.001, "end": 0.0001, "warmup": 0.3},
    "points": {"piecewise": [[0.0, 0.001], [0.3, 0.0001], [1.0, 0.0002]]},
    "cosine": {"start": 0.001, "end": 0.0, "shape": "cosine"},
    "exponential": {"start": 0.001, "end": 0.00001, "shape": "exponential", "warmup": 0.1},
    "steps": {"piecewise": [[0.0, 0.001], [0.5, 0.0001], [1.0, 0.0]], "shape": "step"},
}


def read(name: str) -> Any:
    return PPOConfig.model_validate({"learning_rate": SAID[name]}).learning_rate


@pytest.mark.parametrize("name", SAID)
def test_the_callable_gives_the_schedules_values_also_after_pickling(name: str) -> None:
    said = read(name)
    called = pickle.loads(pickle.dumps(schedule(said)))
    for part in range(101):
        assert float(called(1 - part / 100)) == pytest.approx(said.value_at(part / 100), rel=1e-9, abs=1e-18)
    assert pickle.dumps(schedule(read(name))) == pickle.dumps(schedule(said))


def test_a_straight_line_is_stocks_own() -> None:
    assert isinstance(schedule(read("straight")), LinearSchedule)
    assert isinstance(schedule(read("cosine")), ShapedSchedule)
    assert schedule(0.5) == 0.5


def trained(folder: Path, name: str, engine: str) -> None:
    algo = {"engine": engine, "total_timesteps": 1280, "rollout_steps": 64, "batch_size": 64, "update_epochs": 1}
    config = RunConfig.model_validate(
        {
            "env": {"id": "CartPole-v1", "num_envs": 2},
            "algo": {**algo, "learning_rate": SAID[name], "clip_range": {"start": 0.2, "end": 0.1, "shape": "cosine"}},
            "policy": {"hidden_sizes": [4]},
            "eval": {"every": 1280, "episodes": 1},
        }
    )
    train_seed(folder, Snapshot(config), 0, folder, lambda _: None)


@pytest.mark.parametrize("engine", ["fast", "stable-baselines3"])
@pytest.mark.parametrize("name", SAID)
def test_training_follows_it(tmp_path: Path, name: str, engine: str) -> None:
    trained(tmp_path, name, engine)
    said = read(name)
    for row in read_rows(tmp_path / "metrics.jsonl"):
        assert row["train/learning_rate"] == pytest.approx(said.value_at(row["step"] / 1280), rel=1e-6, abs=1e-12)


def test_stock_loads_it_where_rlx_is_not_installed(tmp_path: Path) -> None:
    """One process loads all of them; what both engines write for stock is the same."""
    engines = {name: "stable-baselines3" if name == "exponential" else "fast" for name in SAID}
    for name, engine in engines.items():
        trained(tmp_path / name, name, engine)
    stock = (
        "import json, sys\nsys.modules['rlx'] = None\nimport stable_baselines3\n"
        "models = [stable_baselines3.PPO.load(path, device='cpu') for path in sys.argv[1:]]\n"
        "shares = [part / 20 for part in range(20)]\n"
        "print(json.dumps([[model.lr_schedule(1 - share) for share in shares] for model in models]))\n"
        "print(json.dumps([[model.clip_range(1 - share) for share in shares] for model in models]))\n"
    )
    files = [str(tmp_path / name / "checkpoints" / "latest.zip") for name in SAID]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", stock, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rates, clips = map(json.loads, done.stdout.splitlines())
    clip = PPOConfig.model_validate({"clip_range": {"start": 0.2, "end": 0.1, "shape": "cosine"}}).clip_range
    for name, rates_K, clips_K in zip(SAID, rates, clips, strict=True):
        for part, (rate, clipped) in enumerate(zip(rates_K, clips_K, strict=True)):
            assert rate == pytest.approx(read(name).value_at(part / 20), rel=1e-4, abs=1e-7), (name, part)
            assert clipped == pytest.approx(clip.value_at(part / 20), rel=1e-4)
