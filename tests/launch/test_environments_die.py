"""Environments cannot take rlx down: whatever they do, the seed's failure is named and the others finish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from rlx.algorithms.ppo import engines as algorithms
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.errors import TrainingFailed
from rlx.records.metrics import read_rows
from rlx.training.held_out import evaluate_run
from rlx.training.one_seed import train_seed
from rlx.training.seeds import SeedOutcome, train_run
from tests.cases.broken import MARK
from tests.conftest import Project

BROKEN, NOISY, RESEEDING = (f"tests.cases.registered:{name}-v0" for name in ("Broken", "Noisy", "Reseeding"))
SAID = {
    "exit0": "ended its process with exit code 0, in `step`",
    "exit7": "ended its process with exit code 7, in `step`",
    "abort": "SIGABRT",
    "sysexit": "SystemExit",
    "interrupt": "KeyboardInterrupt",
    "hang": "did not return from `step` for 2 s (env.step_timeout)",
}


def project_of(root: Path, how: str, seeds: int = 2, **env: Any) -> Snapshot:
    """Write a project with one run on a broken environment, and return its snapshot."""
    (root / "configs").mkdir(parents=True)
    (root / "runs" / "a").mkdir(parents=True)
    kwargs = {"how": how, "at": 100} if how else {}
    data: dict[str, Any] = {
        "num_seeds": seeds,
        "env": {"id": BROKEN, "num_envs": 2, "kwargs": kwargs, **env},
        "algo": {"total_timesteps": 256, "rollout_steps": 16, "batch_size": 16, "update_epochs": 1},
        "policy": {"hidden_sizes": [4]},
        "checkpoint": {"save_every": 64},
        "eval": {"every": 256, "episodes": 1},
    }
    (root / "params.yaml").write_text(json.dumps({"study": {"runs": ["a"]}, **data}))
    (root / "configs" / "a.yaml").write_text("{}")
    snapshot = Snapshot(RunConfig.model_validate(data))
    (root / "runs" / "a" / "config_snapshot.yaml").write_text(snapshot.to_yaml())
    return snapshot


def outcomes(root: Path, how: str, **env: Any) -> list[SeedOutcome]:
    return train_run(root, "a", project_of(root, how, **env), lambda _: None)


@pytest.mark.parametrize("how", ["exit0", "hang"])
def test_a_seed_whose_environment_dies_is_named(tmp_path: Path, how: str) -> None:
    """Workers start from nothing, and the one that hangs is given its two seconds."""
    for outcome in outcomes(tmp_path, how, step_timeout=2):
        assert outcome.status == "failed"
        assert SAID[how] in str(outcome.error)
        assert outcome.failure is not None
        assert (outcome.failure["kind"], 150 < outcome.failure["step"] <= 200) in (
            ("environment", True),
            ("process", True),
        ), outcome.failure
        assert (tmp_path / "runs" / "a" / "logs" / f"seed_{outcome.seed}" / "error.txt").is_file()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("mute", "Mute"),
        ("endless", f"ValueError: {'x' * 399}…"),
        ("halves", "ValueError: half a character: \\ud800 of <object object>"),
        ("input", "EOFError: EOF when reading a line"),
    ],
)
def test_whatever_it_raises_is_told_in_a_short_line(tmp_path: Path, forked_workers: None, how: str, said: str) -> None:
    for outcome in outcomes(tmp_path, how):
        assert (outcome.status, outcome.error) == ("failed", said)
        log = tmp_path / "runs" / "a" / "logs" / f"seed_{outcome.seed}" / "error.txt"
        assert 200 < len(log.read_text(encoding="utf-8")) < 200_000


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exit7", "abort", "sysexit", "interrupt"])
def test_other_deaths_are_named_too(tmp_path: Path, how: str) -> None:
    assert all(SAID[how] in str(outcome.error) for outcome in outcomes(tmp_path, how))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exit0", "sysexit", "hang"])
def test_a_copy_in_a_process_of_its_own_is_named(tmp_path: Path, how: str) -> None:
    for outcome in outcomes(tmp_path, how, vectorization="async", step_timeout=2):
        assert outcome.status == "failed"
        assert "copy 0 of 2" in str(outcome.error)


def test_what_an_environment_leaves_behind_keeps_nothing_alive(
    tmp_path: Path, forked_workers: None, capfd: pytest.CaptureFixture[str]
) -> None:
    for how in ("thread", "child", "close", "del"):
        assert [one.status for one in outcomes(tmp_path / how, how, step_timeout=2)] == ["finished"] * 2, how
    said = "".join(capfd.readouterr())
    assert "did not return from `close` for 2 s (env.step_timeout); the results are complete" in said
    assert "could not be closed" in said
    assert "has left the thread" in said
    assert "has left the process" in said
    assert not [each for each in psutil.process_iter(["cmdline"]) if MARK in (each.info["cmdline"] or [])]


def test_prints_of_an_environment_are_no_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Workers start from nothing: what they print is known by where their streams lead."""
    snapshot = project_of(tmp_path, "", seeds=1, id=NOISY)
    folder = tmp_path / "runs" / "a"
    train_run(tmp_path, "a", snapshot, lambda _: None)
    evaluate_run(tmp_path, "a", snapshot, FinalEvalConfig(episodes=2), lambda _: None)
    assert (folder / "eval" / "summary.json").is_file()
    out = capfd.readouterr().out
    assert not any(word in out for word in ("BANNER", "simulator made", "episode starts", "step 1"))


def test_death_in_evaluation_is_named(tmp_path: Path) -> None:
    snapshot = project_of(tmp_path, "", kwargs={"how": "exit0", "at": 10**9})
    folder = tmp_path / "runs" / "a"
    train_run(tmp_path, "a", snapshot, lambda _: None)
    dying = snapshot.config.model_copy(update={"env": snapshot.config.env.model_copy(update={"kwargs": {"at": 10}})})
    with pytest.raises(TrainingFailed, match=r"seed 0 could not be evaluated: .*exit code 0"):
        evaluate_run(tmp_path, "a", Snapshot(dying), FinalEvalConfig(episodes=4), lambda _: None)
    assert not (folder / "eval").exists()


def test_death_while_the_environment_is_checked_is_told_before_training(project: Project) -> None:
    package = "import gymnasium as gym\nimport os\n\n\nclass Dying(gym.Env):\n    def __init__(self, **_):\n        os._exit(0)\n"
    project.write("envs/dying.py", package)
    text = (project.root / "envs" / "__init__.py").read_text()
    project.write("envs/__init__.py", f'{text}\ngymnasium.register("Dying-v0", entry_point="envs.dying:Dying")\n')
    project.write("configs/dying.yaml", "env:\n  id: Dying-v0\n")
    done = project.rlx("train", "dying", check=False)
    shown = " ".join(done.stdout.split())
    assert done.returncode == 3, shown
    assert "configs/dying.yaml:2" in shown
    assert "exit code 0" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
def test_seeding_the_global_generators_in_reset_repeats_no_noise(tmp_path: Path, engine: str) -> None:
    def returns(reseeds: bool) -> list[float]:
        data: dict[str, Any] = {
            "env": {"id": RESEEDING, "num_envs": 1, "kwargs": {"reseeds": reseeds}},
            "algo": {"engine": engine, "total_timesteps": 40, "rollout_steps": 10, "batch_size": 10},
            "policy": {"hidden_sizes": [4]},
            "eval": {"every": 40, "episodes": 1},
        }
        folder = tmp_path / f"{reseeds}"
        train_seed(folder, Snapshot(RunConfig.model_validate(data)), 0, folder, lambda _: None)
        return [row["rollout/return_mean"] for row in read_rows(folder / "metrics.jsonl")]

    found = returns(True)
    assert len(set(found)) == len(found)
    assert found == returns(False)
