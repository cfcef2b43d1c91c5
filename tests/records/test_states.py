"""Being told to stop, and what a run is meanwhile: every command says the same, at every moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import Project, interruptible

STAGE = '''"""A stage that takes its time."""

import time

from rlx.experiments import run_stage


def main(run: str) -> None:
    """Say that it is there, and wait."""
    print("ready", flush=True)
    time.sleep({seconds})


if __name__ == "__main__":
    run_stage(main)
'''
DVC = "import subprocess, sys; sys.exit(subprocess.run(['sh', '-c', sys.argv[1] + '; exit $?']).returncode)"
"""Starts a stage as DVC does: through a shell that stays between the two, here together with whatever follows it."""


@contextmanager
def as_dvc(project: Project, stage: str, then: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a stage of `cartpole` as DVC would, until it says that it is ready."""
    command = f"{sys.executable} -m stages.{stage} cartpole{then}"
    process = subprocess.Popen(
        [sys.executable, "-c", DVC, command], cwd=project.root, text=True, stdout=subprocess.PIPE,
        env=os.environ | {"DVC_STAGE": f"{stage}@cartpole", "DVC_ROOT": str(project.root)}, start_new_session=True,
        preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()  # closes its output too


def stage_of(process: subprocess.Popen[str]) -> psutil.Process:
    below = psutil.Process(process.pid).children(recursive=True)
    return next(child for child in below if child.cmdline()[1:2] == ["-m"])


def told(project: Project) -> set[str]:
    """What the commands say that the run `cartpole` is."""
    listed = json.loads(project.rlx("ls", "--json").stdout)["runs"]
    said = {next(row["status"] for row in listed if row["id"] == "cartpole")}
    return said | {json.loads(project.rlx("info", "cartpole", "--json").stdout)["status"]}


def gone(process: psutil.Process, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        return False
    return True


def test_a_live_stage_shows_what_the_run_is_and_ends_with_its_dvc(study: Project) -> None:
    before = {path: path.read_bytes() for path in (study.root / "runs/cartpole").rglob("*") if path.is_file()}
    assert told(study) == {"finished"}
    (study.root / "stages/video.py").write_text(STAGE.format(seconds=60))
    with as_dvc(study, "video") as dvc:
        stage = stage_of(dvc)
        assert told(study) == {"filming"}
        assert json.loads(study.rlx("summarize", "cartpole", "--json").stdout)["run"]["status"] == "filming"
        os.kill(dvc.pid, signal.SIGKILL)
        dvc.wait()
        assert gone(stage, 6)
    assert told(study) == {"finished"}
    assert {path: path.read_bytes() for path in before} == before


def test_scores_of_an_earlier_training_finish_no_run(study: Project) -> None:
    """After the train stage, DVC is at work and then killed; the scores that are there are of the training before."""
    (study.root / "stages/train.py").write_text(STAGE.format(seconds=0))
    metadata = study.root / "runs/cartpole/metadata.json"
    with as_dvc(study, "train", "; sleep 60") as dvc:
        content = json.loads(metadata.read_text())
        content["ended"] = "2099-01-01T00:00:00+00:00"
        metadata.unlink()
        metadata.write_text(json.dumps(content))
        time.sleep(1)
        assert told(study) == {"running"}
        assert len(psutil.Process(dvc.pid).children(recursive=True)) >= 1
        os.killpg(dvc.pid, signal.SIGKILL)
        dvc.wait()
    assert told(study) == {"stopped"}
    assert "stopped" in study.rlx("doctor", check=False).stdout
    assert "rlx resume cartpole" in study.rlx("summarize").stdout


def test_a_stage_told_to_stop_twice_stops_once(study: Project) -> None:
    (study.root / "stages/eval.py").write_text(STAGE.format(seconds=60))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        with as_dvc(study, "eval") as dvc:
            stage = stage_of(dvc)
            os.kill(stage.pid, number)
            with suppress(ProcessLookupError):  # it may be gone already
                os.kill(stage.pid, number)
            assert dvc.wait(30) == 128 + number
    assert told(study) == {"finished"}


LONG = ("-S", "algo.total_timesteps=409600", "-S", "algo.engine=stable-baselines3", "--seeds", "1")


def training(project: Project, *command: str) -> subprocess.Popen[str]:
    """Start a command and wait until a seed has taken its first steps."""
    process = subprocess.Popen(
        command, cwd=project.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in project.root.glob(".dvc/tmp/rlx/*/metrics.jsonl")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.2)
    return process


def at_work(root: Path) -> list[int]:
    here = str(root.resolve())
    found = psutil.process_iter(["cwd", "status"])
    return [p.pid for p in found if (p.info["cwd"] or "").startswith(here) and p.info["status"] != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep", "repro"])
def test_term_ends_everything_in_order(project: Project, command: str) -> None:
    project.write("sweeps/s.yaml", "config: cartpole\nnum_seeds: 1\ngrid:\n  algo.gamma: [0.9]\n")
    if command != "train":
        project.replace("params.yaml", "total_timesteps: 2048", "total_timesteps: 409600\n  engine: stable-baselines3")
        project.commit("longer")
    words = {"train": ("rlx", "train", "cartpole", *LONG), "sweep": ("rlx", "sweep", "s"), "repro": ("dvc", "repro")}
    process = training(project, *words[command])
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    said, _ = process.communicate(timeout=60)
    assert abs(process.returncode) in (143, signal.SIGTERM), said
    assert "Traceback" not in said
    deadline = time.monotonic() + 8
    while at_work(project.root) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert at_work(project.root) == []
    states = {row["id"]: row["status"] for row in json.loads(project.rlx("ls", "--json").stdout)["runs"]}
    assert set(states.values()) - {"resolved"} == {"stopped"}, states  # of the study, one may not have begun


def test_a_sweep_trains_no_point_that_is_the_config_and_merge_marks_are_told(study: Project) -> None:
    study.write("sweeps/g.yaml", "config: cartpole\nnum_seeds: 1\ngrid:\n  algo.gamma: [0.9, 0.98]\n")
    planned = json.loads(study.rlx("sweep", "g", "--dry-run", "--json").stdout)
    assert [point["settings"] for point in planned["points"]] == [{"algo.gamma": 0.9}]
    for name, status in (("dvc.lock", 4), ("params.yaml", 3)):
        before = (study.root / name).read_text()
        study.write(name, before + "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
        refused = study.rlx("train", "cartpole", "-S", "algo.gamma=0.5", check=False)
        assert refused.returncode == status, refused.stdout
        assert f"{name}" in refused.stdout
        assert "merge conflict" in refused.stdout
        assert "Traceback" not in refused.stdout
        study.write(name, before)


def test_what_would_settle_a_comparison_is_a_command_for_both_runs(study: Project) -> None:
    study.replace("params.yaml", "looks: null", "looks: [2, 4]")
    study.write("configs/cartpole_epochs.yaml", (study.root / "configs/cartpole_epochs.yaml").read_text() + "seed: 1\n")
    found = json.loads(study.rlx("compare", "--json").stdout)["comparisons"][0]
    assert found["command"] == "rlx train cartpole -S num_seeds=4 && rlx train cartpole_epochs -S num_seeds=4", found[
        "command"
    ]
