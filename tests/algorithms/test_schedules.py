"""Schedules in training: both engines take them, and stock Stable-Baselines3 loads what it can of them without rlx."""

from __future__ import annotations

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
STOCK = ("straight", "warmed", "points")


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


@pytest.mark.parametrize("engine", ["fast", "stable-baselines3"])
@pytest.mark.parametrize("name", SAID)
def test_training_follows_it_and_stock_loads_it(tmp_path: Path, name: str, engine: str) -> None:
    algo = {"engine": engine, "total_timesteps": 1280, "rollout_steps": 64, "batch_size": 64, "update_epochs": 1}
    config = RunConfig.model_validate(
        {
            "env": {"id": "CartPole-v1", "num_envs": 2},
            "algo": {**algo, "learning_rate": SAID[name], "clip_range": {"start": 0.2, "end": 0.1, "shape": "cosine"}},
            "policy": {"hidden_sizes": [4]},
            "eval": {"every": 1280, "episodes": 1},
        }
    )
    if name in STOCK:
        config = config.model_copy(update={"algo": config.algo.model_copy(update={"clip_range": 0.2})})
    train_seed(tmp_path, Snapshot(config), 0, tmp_path, lambda _: None)
    said = read(name)
    for row in read_rows(tmp_path / "metrics.jsonl"):
        assert row["train/learning_rate"] == pytest.approx(said.value_at(row["step"] / 1280), rel=1e-6, abs=1e-12)
    if engine == "fast":  # the file's `data` is the same
        return
    stock = (
        "import sys\nblocked = sys.argv[2] == 'blocked'\nif blocked: sys.modules['rlx'] = None\n"
        "import stable_baselines3\nmodel = stable_baselines3.PPO.load(sys.argv[1], device='cpu')\n"
        "print(float(model.lr_schedule(0.75)))\nassert blocked == (sys.modules.get('rlx') is None)\n"
    )
    arguments = [str(tmp_path / "checkpoints" / "latest.zip"), "blocked" if name in STOCK else "free"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", stock, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(said.value_at(0.25))
