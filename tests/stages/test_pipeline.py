"""End to end: a fresh Git and DVC project, driven with DVC's own commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rlx.launch import is_same_everywhere
from tests.conftest import Project, interruptible

LONG_TRAINING = (
    "total_timesteps: 80000\n  engine: stable-baselines3"  # the fast engine would be done before it is disturbed
)
UP_TO_DATE = "Data and pipelines are up to date."
CRASHING = '''
"""CartPole that crashes for one training seed."""

import gymnasium as gym
from gymnasium.envs.classic_control import CartPoleEnv


class Crashing(CartPoleEnv):
    def reset(self, *, seed=None, options=None):
        self.taken, self.unlucky = 0, seed is not None and seed < 2**30 and seed % 2 == UNLUCKY
        return super().reset(seed=seed, options=options)

    def step(self, action):
        self.taken += 1
        if self.unlucky and self.taken == 3:
            raise RuntimeError("the simulator crashed")
        return super().step(action)
'''


def running(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def stale(project: Project, *stages: str) -> set[str]:
    """Resolve every run again and return which of these stages DVC would then run."""
    project.dvc("repro", "resolve@cartpole", "resolve@cartpole_epochs")
    status = json.loads(project.dvc("status", "--json", *stages))
    return set(status)


def test_the_study_leaves_what_the_design_says(finished: Project) -> None:
    run = finished.root / "runs" / "cartpole"
    assert {path.name for path in run.iterdir()} == {
        "config_snapshot.yaml", "metadata.json", "metrics.jsonl", "checkpoints", "eval", "videos", "plots",
        "analysis.json", "analysis.md", "logs", "judging.yaml", "task.json",
    }  # fmt: skip
    assert {path.name for path in (run / "checkpoints" / "seed_1").iterdir()} == {
        "latest.zip",
        "best.zip",
        "step_2048.zip",
    }
    metadata = json.loads((run / "metadata.json").read_text())
    assert (metadata["status"], [seed["status"] for seed in metadata["seeds"]]) == ("finished", ["finished"] * 2)
    assert metadata["git"]["commit"]
    assert metadata["engine"]["name"] == "fast"
    assert metadata["engine"]["portable"] is is_same_everywhere()
    assert metadata["cost"]["environment_steps"] == 4096
    assert list((run / "logs" / "seed_1").glob("events.out.tfevents.*"))
    summary = json.loads((finished.root / "analysis" / "compare" / "summary.json").read_text())
    assert set(summary["cartpole"]) == {"return_mean", "ci_low", "ci_high"}
    assert summary["cartpole_epochs"]["verdict"] == "inconclusive"
    for name in ("metrics.jsonl", "metadata.json", "analysis.json", "eval/summary.json"):
        assert "NaN" not in (run / name).read_text()
        assert "Infinity" not in (run / name).read_text()


def test_dvcs_own_commands_are_useful_at_once(study: Project, tmp_path: Path) -> None:
    assert UP_TO_DATE in study.dvc("repro")
    metrics = next(iter(json.loads(study.dvc("metrics", "show", "--json")).values()))["data"][
        "analysis/compare/summary.json"
    ]["data"]
    assert metrics["cartpole"]["return_mean"] > 0
    page = study.dvc("plots", "show", "-o", str(tmp_path / "plots"))
    html = (tmp_path / "plots" / "index.html").read_text()
    assert "file://" in page
    assert "errorband" in html
    assert "scores.png" in html
    outline = study.dvc("stage", "list", "--all")
    assert "Judge all runs of the study against the baseline" in outline


def test_a_colleagues_clone_pulls_and_has_nothing_to_do(study: Project, tmp_path: Path) -> None:
    study.dvc("push", "-q")
    subprocess.run(["git", "clone", "-q", str(study.root), str(tmp_path / "clone")], check=True)
    clone = Project(tmp_path / "clone")
    clone.dvc("pull", "-q")
    assert UP_TO_DATE in clone.dvc("repro")
    assert clone.rlx("compare").stdout == study.rlx("compare").stdout


@pytest.mark.slow
def test_from_scratch_gives_the_same_hashes(study: Project) -> None:
    before = study.lock()
    shutil.rmtree(study.root / ".dvc" / "tmp" / "rlx")
    shutil.rmtree(study.root / ".dvc" / "cache")
    output = study.dvc("repro", "--force")
    assert "training seeds 1, 2" in output
    after = study.lock()
    clocked = ("metadata.json", "logs", "comparison.md")  # the last says how long more seeds would take
    for stage, content in before.items():
        hashes = {out["path"]: out["md5"] for out in content["outs"] if not out["path"].endswith(clocked)}
        assert hashes == {out["path"]: out["md5"] for out in after[stage]["outs"] if out["path"] in hashes}, stage


@pytest.mark.slow
def test_another_protocol_retrains_nothing(study: Project) -> None:
    study.replace("params.yaml", "  seed: 0 ", "  seed: 1 ")
    before = (study.root / "runs" / "cartpole" / "eval" / "episodes.csv").read_text()
    ran = running(study.dvc("repro"))
    assert {stage.partition("@")[0] for stage in ran} == {"resolve", "eval", "video", "analyze", "compare"}
    assert (study.root / "runs" / "cartpole" / "eval" / "episodes.csv").read_text() != before


def test_a_base_value_reaches_only_the_runs_that_do_not_override_it(study: Project) -> None:
    """DVC resolves both runs again after each edit."""
    trains = ("train@cartpole", "train@cartpole_epochs")
    study.replace("params.yaml", "update_epochs: 4", "update_epochs: 5")
    assert stale(study, *trains) == {"train@cartpole"}
    study.replace("params.yaml", "gamma: 0.98", "gamma: 0.97")
    assert stale(study, *trains) == set(trains)
    study.replace("params.yaml", "gamma: 0.97", "gamma: 0.980  # the same number")
    study.replace("params.yaml", "update_epochs: 5", "n_epochs: 4")
    assert stale(study, *trains) == set()


@pytest.mark.slow
def test_editing_project_code_retrains_exactly_the_runs_that_use_it(study: Project) -> None:
    study.write(
        "envs/pole.py",
        "from gymnasium.envs.classic_control import CartPoleEnv\nfrom envs.force import FORCE\n\n\nclass Pole(CartPoleEnv):\n    force_mag = FORCE\n",
    )
    study.write("envs/force.py", "FORCE = 10.0\n")
    study.replace(
        "envs/__init__.py",
        "import gymnasium\n",
        'import gymnasium\n\ngymnasium.register(id="Pole-v0", entry_point="envs.pole:Pole", max_episode_steps=500)\n',
    )
    study.write(
        "configs/cartpole_epochs.yaml", "env: {id: Pole-v0}\npolicy: {type: residual, kwargs: {width: 8, blocks: 1}}\n"
    )
    first = study.dvc("repro", "train@cartpole_epochs")
    assert "training seeds 1, 2" in first
    trains = ("train@cartpole", "train@cartpole_epochs")
    assert stale(study, *trains) == set()
    for file, text in (
        ("envs/force.py", "FORCE = 11.0\n"),
        ("policies/residual.py", (study.root / "policies/residual.py").read_text() + "\nEDITED = True\n"),
    ):
        study.write(file, text)
        assert stale(study, *trains) == {"train@cartpole_epochs"}
        assert "training seeds 1, 2" in study.dvc("repro", "train@cartpole_epochs")  # never a stale seed from the bench
    study.replace("envs/__init__.py", "max_episode_steps=500", "max_episode_steps=400")
    assert stale(study, *trains) == {"train@cartpole_epochs"}
    study.write("envs/unused.py", "x = 1\n")
    study.dvc("repro", "train@cartpole_epochs")
    study.write("envs/unused.py", "x = 2\n")
    assert stale(study, *trains) == set()


def test_more_seeds_train_only_the_new_ones_and_going_back_trains_nothing(study: Project) -> None:
    """DVC runs the pipeline twice, and a seed trains."""
    study.replace("params.yaml", "num_seeds: 2", "num_seeds: 3")
    output = study.dvc("repro", "eval@cartpole")
    assert "kept, since trained before with these settings and this code: seeds 1, 2" in output
    assert "training seed 3, 1 at a time" in output
    assert len(list((study.root / "runs" / "cartpole" / "checkpoints").iterdir())) == 3
    study.replace("params.yaml", "num_seeds: 3", "num_seeds: 2")
    shutil.rmtree(study.root / ".dvc" / "tmp" / "rlx")
    output = study.dvc("repro", "eval@cartpole")
    assert "Stage 'train@cartpole' is cached - skipping run, checking out outputs" in output
    assert len(list((study.root / "runs" / "cartpole" / "checkpoints").iterdir())) == 2


@pytest.mark.slow
def test_an_experiment_has_one_row_with_its_parameter_and_every_headline(study: Project) -> None:
    study.dvc("exp", "run", "-q", "-n", "faster", "-S", "algo.learning_rate=0.002")
    shown = json.loads(study.dvc("exp", "show", "--json"))
    rows = [row for commit in shown for row in (commit.get("experiments") or [])]
    assert [row["name"] for row in rows] == ["faster"]
    data = rows[0]["revs"][0]["data"]
    assert data["params"]["params.yaml"]["data"]["algo"]["learning_rate"] == 0.002
    assert set(data["metrics"]["analysis/compare/summary.json"]["data"]) == {"cartpole", "cartpole_epochs"}
    assert len(data["metrics"]) == 1


def interrupt(project: Project, command: list[str], ready: str) -> tuple[int, float, str]:
    """Start a command, press Ctrl-C once it has printed ``ready`` and there is a checkpoint.

    Returns its exit status, the seconds it took to stop, and its output.
    """
    with subprocess.Popen(
        command, cwd=project.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if ready in line:
                break
        deadline = time.monotonic() + 60
        while not list(project.root.glob(".dvc/tmp/rlx/*/checkpoints/step_*.zip")) and time.monotonic() < deadline:
            time.sleep(0.1)
        pressed = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        lines += process.stdout.readlines()
        return process.wait(), time.monotonic() - pressed, "".join(lines)


def workers_of(root: Path) -> list[int]:
    """Worker processes that still run in a project."""
    processes = psutil.process_iter(["cmdline", "cwd"])
    here = str(root.resolve())
    return [p.pid for p in processes if p.info["cwd"] == here and "spawn_main" in " ".join(p.info["cmdline"] or [])]


@pytest.mark.slow
def test_ctrl_c_stops_every_worker_and_the_next_repro_goes_on(project: Project) -> None:
    project.replace("params.yaml", "total_timesteps: 2048", LONG_TRAINING)
    project.dvc("repro", "-q", "resolve@cartpole")
    status, seconds, output = interrupt(
        project, [sys.executable, "-m", "stages.train", "cartpole"], "training seeds 1, 2"
    )
    assert (status, output.splitlines()[-1]) == (130, "interrupted")
    assert seconds < 10  # two seconds are measured, not asserted: machines differ
    assert "Traceback" not in output
    assert workers_of(project.root) == []
    assert json.loads((project.root / "runs" / "cartpole" / "metadata.json").read_text())["status"] == "stopped"
    status, _, output = interrupt(project, [sys.executable, "-m", "dvc", "repro", "train@cartpole"], "training")
    assert status != 0
    # DVC runs a stage through $SHELL. dash waits, then ends by the signal itself (-2); bash hands 130 on.
    assert "interrupted" in output
    assert re.search(r"exited with (130|-2)\n", output)
    output = project.dvc("repro", "train@cartpole")
    assert "goes on from step" in output or "kept" in output
    assert json.loads((project.root / "runs" / "cartpole" / "metadata.json").read_text())["status"] == "finished"


@pytest.mark.slow
def test_a_killed_train_stage_leaves_no_orphans_and_resumes(project: Project) -> None:
    project.replace("params.yaml", "total_timesteps: 2048", LONG_TRAINING)
    project.dvc("repro", "-q", "resolve@cartpole")
    with subprocess.Popen(
        [sys.executable, "-m", "stages.train", "cartpole"], cwd=project.root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "%" in line:
                break
        process.kill()
    deadline = time.monotonic() + 20
    while workers_of(project.root) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workers_of(project.root) == []
    assert json.loads((project.root / "runs" / "cartpole" / "metadata.json").read_text())["status"] == "running"
    assert "error" not in project.dvc("repro", "train@cartpole").lower()


def test_one_crashing_seed_leaves_the_others(project: Project) -> None:
    from rlx.envs.reset_seeds import boundary_seed

    # Copies are reset with boundary_seed(seed, 0) + index: with one copy, its parity tells the two seeds apart.
    parities = {seed: boundary_seed(seed, 0) % 2 for seed in range(1, 40)}
    unlucky = next(seed for seed in range(1, 39) if parities[seed] != parities[seed + 1])
    project.write("envs/crashing.py", CRASHING.replace("UNLUCKY", str(parities[unlucky])))
    project.replace(
        "envs/__init__.py",
        "import gymnasium\n",
        'import gymnasium\n\ngymnasium.register(id="Crash-v0", entry_point="envs.crashing:Crashing", max_episode_steps=50)\n',
    )
    project.write(
        "configs/cartpole.yaml",
        f"seed: {unlucky}\nenv: {{id: Crash-v0, num_envs: 1}}\nalgo: {{rollout_steps: 256}}\neval: {{episodes: 1}}\n",
    )
    lucky = unlucky + 1
    output = project.dvc("repro", "train@cartpole", check=False)
    assert re.search(
        rf"seed {unlucky}( at step \d+)?: .*the simulator crashed.* \(traceback: runs/cartpole/logs/seed_{unlucky}/error.txt\)",
        output,
    ), output
    run = project.root / "runs" / "cartpole"
    assert "in step" in (run / "logs" / f"seed_{unlucky}" / "error.txt").read_text()
    metadata = json.loads((run / "metadata.json").read_text())
    assert (metadata["status"], {seed["seed"]: seed["status"] for seed in metadata["seeds"]}) == (
        "failed",
        {unlucky: "failed", lucky: "finished"},
    )
    failures = {seed["seed"]: seed["failure"] for seed in metadata["seeds"]}
    assert failures[lucky] is None
    assert failures[unlucky]["kind"] == "environment"
    assert failures[unlucky]["step"] >= next(s["steps"] for s in metadata["seeds"] if s["seed"] == unlucky)
    assert (run / "checkpoints" / f"seed_{lucky}" / "latest.zip").is_file()
    assert not (run / "checkpoints" / f"seed_{unlucky}").exists()
    assert f"kept, since trained before with these settings and this code: seed {lucky}" in project.dvc(
        "repro", "train@cartpole", check=False
    )


def test_a_stage_called_wrongly_says_how(project: Project) -> None:
    done = project.run(sys.executable, "-m", "stages.train", check=False)
    assert (done.returncode, done.stdout) == (2, "usage: python -m stages.train <run>\n")


def test_a_missing_cuda_device_names_auto(project: Project) -> None:
    project.replace("params.yaml", "device: auto", "device: cuda:99")
    output = project.dvc("repro", "train@cartpole", check=False)
    assert "use `device: auto` (or `-S device=auto`)" in output
    assert "Traceback" not in output
