"""A study of a real project, by the commands that a person types: from a finished run to an audited decision."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real study")]
SHORT = {
    "metric": {"name": "return", "direction": "maximize", "minimum_effect": 1.0, "failure_score": "random"},
    "guardrails": [{"metric": "length", "no_worse_than": 400.0}],
    "scope": {"algo.learning_rate": {"range": [0.0001, 0.01], "scale": "log"}, "algo.update_epochs": {"values": [1, 4, 10]}},
    "budget": {"steps": "200k", "experiments": 40, "wall_clock": "1h", "disk": "1GB"},
    "screening": {"trial_seeds": 1, "promotion_seeds": 2, "keep": 0.5, "survivors": 1},
    "confirmation": {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": 1, "seeds": 6, "give_up_at": [4]},
    "proposals": {"sources": ["rules", "sampler"], "per_round": 2, "sampler": "sobol"},
    "approvals": {"require": "flag"},
    "stop": {"rounds": 1, "no_survivor_rounds": 1, "failed_starts": 5, "deadline": None},
}  # fmt: skip


def shortened(project: Project, **sections: object) -> None:
    """Give the drafted contract a size that a test can afford."""
    path = project.root / "studies/cartpole/better/contract.yaml"
    content = {**yaml.safe_load(path.read_text()), **SHORT, **sections}
    path.write_text(yaml.safe_dump(content))


def state(project: Project) -> dict:
    return json.loads(project.rlx("study", "status", "--json").stdout)


def test_five_commands_lead_from_a_run_to_an_audited_decision(study: Project) -> None:
    told = study.rlx("study", "init", "cartpole").stdout
    assert "rlx study approve cartpole/better" in told
    assert study.rlx("study", "run", "--execute", check=False).returncode == 5
    shortened(study)
    assert study.rlx("study", "approve", check=False).returncode == 5
    study.rlx("study", "approve", "--yes")
    plan = study.rlx("study", "run").stdout
    assert "This is a plan: nothing was started" in plan
    assert plan.count("✓") == 16
    assert not list((study.root / "runs").glob("better_*"))
    study.rlx("study", "run", "--execute", "-q")
    found = state(study)
    assert found["floor"] is not None
    assert found["open"] == []
    assert all(
        each["status"] in ("accepted", "rejected", "inconclusive", "debug") for each in found["candidates"].values()
    )
    assert found["budget"]["steps"]["spent"] <= 200_000
    audit = study.rlx("study", "audit", "--replay", "1", check=False)
    assert audit.returncode == 0, audit.stdout
    study.rlx("study", "report")
    first = (study.root / "studies/cartpole/better/report.md").read_bytes()
    study.rlx("study", "report", "-o", "report.html")
    assert (study.root / "studies/cartpole/better/report.md").read_bytes() == first
    assert "cartpole/better" in (study.root / "report.html").read_text()
    for name in ("refs/exps", "refs/rlx/studies"):
        assert study.git("for-each-ref", name)
    kept = [
        line
        for line in study.git("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split()
        if "better_" in line
    ]
    assert any(name.endswith("better_floor") for name in kept)
    message = study.git(
        "log", "-1", "--format=%B", next(iter(study.git("for-each-ref", "--format=%(objectname)", "refs/exps").split()))
    )
    assert '"start": "' in message
    accepted = [name for name, each in found["candidates"].items() if each["status"] == "accepted"]
    confirmed = [name.split("/")[-1] for name in kept if "_confirm" in name]  # further batches have a number behind it
    if accepted:
        study.rlx("promote", next(name for name in confirmed if f"_{accepted[-1]}_" in name))
        assert "seed: 1\n" in (study.root / "params.yaml").read_text()
    elif confirmed:
        assert study.rlx("promote", confirmed[0], check=False).returncode == 5
    else:  # no candidate came so far, so nothing of alpha was spent
        assert found["alpha"]["spent"] == 0
        assert {each["phase"] for each in found["candidates"].values()} <= {"smoke", "trial", "promotion"}


def test_a_study_that_was_killed_goes_on(study: Project) -> None:
    study.rlx("study", "init", "cartpole")
    shortened(study)
    study.rlx("study", "approve", "--yes")
    for kill in (signal.SIGKILL, signal.SIGINT):
        process = under_way(study)
        process.send_signal(kill)
        code = process.wait(120)
        if code == 0:  # it had made its last decision in that moment: then nothing is left to start
            started = ledger(study).count('"event":"started"')
            study.rlx("study", "run", "--execute", "-q")
            assert ledger(study).count('"event":"started"') == started
        else:
            assert code == (-9 if kill == signal.SIGKILL else 130)
    end = time.monotonic() + 120
    while (done := study.rlx("study", "run", "--execute", "-q", check=False)).returncode and time.monotonic() < end:
        time.sleep(2)  # stages of the killed loop may take a moment to end
    assert done.returncode == 0, done.stdout
    assert study.rlx("study", "audit", "--replay", "0", check=False).returncode == 0
    starts = [json.loads(line) for line in ledger(study).splitlines() if '"event":"started"' in line]
    finished = [json.loads(line)["data"] for line in ledger(study).splitlines() if '"event":"ended"' in line]
    assert len(finished) == len(starts)


def under_way(study: Project) -> subprocess.Popen[bytes]:
    """Return the process of a loop that has started two trainings of its own, and goes on."""

    def begun() -> subprocess.Popen[bytes]:
        words = [str(Path(sys.executable).with_name("rlx")), "study", "run", "--execute"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            words, cwd=study.root, env=os.environ, stdout=quiet, stderr=quiet, start_new_session=True
        )

    before = ledger(study).count('"event":"started"')
    end = time.monotonic() + 240
    process = begun()
    while ledger(study).count('"event":"started"') < before + 2 and time.monotonic() < end:
        if process.poll() is not None:  # stages of the loop killed before may take a moment to end
            time.sleep(1)
            process = begun()
        time.sleep(0.1)
    assert process.poll() is None, "it ended before it could be killed"
    return process


def ledger(study: Project) -> str:
    return (study.root / "studies/cartpole/better/ledger.jsonl").read_text()


def test_without_a_terminal_the_advisor_plans_and_trains_nothing(study: Project) -> None:
    told = study.rlx("advisor", "run", "cartpole", "--budget", "60k").stdout
    assert "This is a plan: nothing was started" in told
    assert not (study.root / "studies").exists()
    refused = study.rlx("advisor", "run", "cartpole", "--budget", "10k", check=False)
    assert refused.returncode == 2
    assert "the least that can tell anything is" in refused.stdout
