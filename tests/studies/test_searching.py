"""Searches that train: the same trials whatever the jobs and kills, and what wins confirmed on fresh seeds."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rlx.report.documents import check_document
from tests.conftest import Project, interruptible

SEARCH = """
config: cartpole
search:
  algo.learning_rate: {low: 1e-5, high: 1e-2, log: true}
  algo.batch_size: {choices: [32, 48, 64]}
sampler: random
trials: 6
seeds: [1, 2]
"""


def small(project: Project) -> None:
    """Let a training take a moment."""
    for old, new in (("total_timesteps: 2048", "total_timesteps: 512"), ("every: 1024", "every: 256")):
        project.replace("params.yaml", old, new)
    project.commit("small")


def document(project: Project, *arguments: str) -> Any:
    text = project.run("rlx", *arguments, "--json").stdout
    return json.loads(text[text.index("{\n") :])


def test_a_search_ends_with_its_best_confirmed_beside_the_config(project: Project) -> None:
    small(project)
    project.write("sweeps/rates.yaml", SEARCH)
    planned = project.rlx("sweep", "rates", "--dry-run").stdout
    assert "6 trials, the config itself first" in planned
    assert not (project.root / "sweeps" / "rates").exists()
    done = document(project, "sweep", "rates")
    check_document("sweep SEARCH", json.dumps(done))
    trials = done["trials"]
    assert [trial["trial"] for trial in trials] == list(range(6))
    assert trials[0]["settings"] == {}
    states = {trial["state"] for trial in trials}
    assert states <= {"complete", "pruned", "failed"}
    assert "complete" in states
    refused = [trial for trial in trials if trial["settings"].get("algo.batch_size") == 48]
    assert all(trial["state"] == "failed" and "batch_size" in trial["error"] for trial in refused)
    assert sum(trial["seeds"] == 2 for trial in trials) == 3
    runs = {row["id"]: row for row in document(project, "ls")["runs"]}
    if done["confirmed"]:
        (confirmed,) = done["confirmed"]
        assert confirmed["verdict"] in ("improved", "inconclusive", "regressed", "equivalent")
        assert confirmed["optimism"] == pytest.approx(confirmed["search_score"] - confirmed["confirmed_score"])
        assert set(runs) == {done["baseline"], confirmed["id"]}
        snapshot = (project.root / "runs" / confirmed["id"] / "config_snapshot.yaml").read_text()
        assert re.search(r"\nseed: 2\d{3}000\nnum_seeds: 2\n", snapshot)
    else:
        assert done["headlines"] == [
            "Nothing that was tried scored above the config itself: there is nothing to confirm."
        ]
        assert not runs
    before = (project.root / "sweeps/rates/trials.jsonl").read_bytes()
    assert document(project, "sweep", "rates") == done
    assert (project.root / "sweeps/rates/trials.jsonl").read_bytes() == before
    listed = document(project, "ls", "--sweep", "rates")
    assert listed["trials"] == [{**trial} for trial in trials]
    project.rlx("plot", "rates", "-o", "here.png")
    assert (project.root / "here.png").read_bytes().startswith(b"\x89PNG")
    project.write("sweeps/rates.yaml", SEARCH.replace("1e-2", "1e-3"))
    refusal = project.rlx("sweep", "rates", check=False)
    assert (refusal.returncode, "is of another version of the sweep file" in refusal.stdout) == (2, True)
    nothing = project.rlx("ls", "--sweep", "rate", check=False)
    assert (nothing.returncode, "did you mean rates?" in nothing.stdout) == (4, True)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "trials"), [("sobol", 8), ("tpe", 12)])
def test_trials_are_the_same_whatever_the_jobs_and_kills(
    project: Project, tmp_path: Path, sampler: str, trials: int
) -> None:
    if sampler == "tpe":
        pytest.importorskip("optuna")
    small(project)
    text = SEARCH.replace("sampler: random\ntrials: 6", f"sampler: {sampler}\ntrials: {trials}\nconfirm: {{top: 0}}")
    project.write("sweeps/s.yaml", text)
    other = Project(tmp_path / "other")
    shutil.copytree(project.root, other.root)
    project.rlx("sweep", "s", "--jobs", "2")
    whole, chance = (project.root / "sweeps/s/trials.jsonl").read_bytes(), random.Random(trials)
    for _ in range(3):
        process = subprocess.Popen(
            ["rlx", "sweep", "s", "--jobs", str(chance.randint(1, 3))], cwd=other.root, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(4, 12))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    other.replace("configs/cartpole.yaml", "run_name", "# edited while it runs, which it does not see\nrun_name")
    other.rlx("sweep", "s", "--jobs", "1")
    assert (other.root / "sweeps/s/trials.jsonl").read_bytes() == whole


@pytest.mark.slow
def test_ctrl_c_stops_a_search_and_the_same_command_goes_on(project: Project) -> None:
    small(project)
    project.write("sweeps/s.yaml", SEARCH)
    process = subprocess.Popen(
        ["rlx", "sweep", "s"], cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    )  # fmt: skip
    for _ in range(600):
        if (project.root / "sweeps/s/trials.jsonl").is_file():
            break
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 130, said
    assert "the same command goes on, with the same trials" in said
    assert "Traceback" not in said
    assert len(document(project, "sweep", "s")["trials"]) == 6
