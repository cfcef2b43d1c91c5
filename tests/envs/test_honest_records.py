"""What an environment says is taken for what it is: success said only when won, observations whose memory it reuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.algorithms.ppo import engines as algorithms
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.errors import SuccessUnclear
from rlx.records import results
from rlx.records.metrics import read_rows
from rlx.training.held_out import evaluate_run
from rlx.training.one_seed import train_seed

ENGINES = (algorithms.FAST, algorithms.STOCK)
WON, REUSED = "tests.cases.registered:Won-v0", "tests.cases.registered:Reused-v0"


def settings(env: dict[str, Any], **algo: Any) -> Snapshot:
    data: dict[str, Any] = {
        "num_seeds": 1,
        "env": {"num_envs": 2, **env},
        "algo": {"total_timesteps": 96, "rollout_steps": 12, "batch_size": 12, "update_epochs": 2, **algo},
        "policy": {"hidden_sizes": [4]},
        "checkpoint": {"save_every": 48},
        "eval": {"every": 48, "episodes": 4},
    }
    return Snapshot(RunConfig.model_validate(data))


def rows(folder: Path, env: dict[str, Any], **algo: Any) -> list[dict[str, Any]]:
    train_seed(folder, settings(env, **algo), 0, folder, lambda _: None)
    return list(read_rows(folder / "metrics.jsonl"))


@pytest.mark.parametrize("engine", ENGINES)
def test_success_said_only_when_won_counts_its_silence_as_failure(tmp_path: Path, engine: str) -> None:
    for said in ("boolean", "only when won", "numpy", "number", "array"):
        env = {"id": WON, "kwargs": {"said": said}}
        found = [row["rollout/success_rate"] for row in rows(tmp_path / said, env, engine=engine)]
        if said == "boolean":
            wanted = found
        assert found == wanted, said
    assert 0 < np.mean(wanted) < 1
    assert all("rollout/success_rate" not in row for row in rows(tmp_path, {"id": WON, "kwargs": {"said": "nothing"}}))


def test_success_that_cannot_be_understood_is_an_error_by_name(tmp_path: Path) -> None:
    for said, shown in (
        ("text", "'no'|'yes'"),
        ("two", "array"),
        ("object", "<object object>"),
        ("mute", "an object of type Mute"),
    ):
        with pytest.raises(SuccessUnclear, match=rf"info\['(is_)?success'\] = ({shown})"):
            rows(tmp_path / said, {"id": WON, "kwargs": {"said": said}})


def test_evaluation_counts_silence_about_success_as_failure(tmp_path: Path) -> None:
    snapshot, folder = settings({"id": WON, "kwargs": {"said": "only when won"}}), tmp_path / "runs" / "won"
    train_seed(tmp_path, snapshot, 0, folder / "bench", lambda _: None)
    (folder / "checkpoints").mkdir()
    (folder / "bench" / "checkpoints").rename(folder / "checkpoints" / "seed_0")
    evaluate_run(tmp_path, "won", snapshot, FinalEvalConfig(episodes=8), lambda _: None)
    table = results.read_episodes(folder / "eval")
    assert table["success"].tolist() == (table["return"] > 0).tolist()
    assert set(table["success"]) == {True, False}


STACKED: dict[str, Any] = {"frame_stack": 2}
STACKED_BY_GYMNASIUM = {
    "wrappers": [
        {"gymnasium.wrappers.FrameStackObservation": {"stack_size": 2}},
        "gymnasium.wrappers.FlattenObservation",
    ]
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "env",
    [
        {"wrappers": [{"gymnasium.wrappers.TimeLimit": {"max_episode_steps": 7}}]},  # the last observation counts
        STACKED,
        STACKED_BY_GYMNASIUM,
        pytest.param({"vectorization": "async", **STACKED}, marks=pytest.mark.slow),
    ],
)
def test_observations_that_the_environment_reuses_are_kept_as_they_were(
    tmp_path: Path, env: dict[str, Any], engine: str
) -> None:
    reused, copied = (
        rows(tmp_path / str(copy), {"id": REUSED, **env, "kwargs": {"copy": copy}}, engine=engine)
        for copy in (False, True)
    )
    assert reused == copied
