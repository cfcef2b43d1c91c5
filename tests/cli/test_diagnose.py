"""`rlx analyze`, `diagnose` and `suggest`, on finished, failed and stopped runs, and the stage's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlx.report.documents import check_document
from tests.conftest import Project


def edit(path: Path, change: Any) -> None:
    """Change a JSON file that DVC may have linked."""
    content = json.loads(path.read_text())
    change(content)
    path.unlink()
    path.write_text(json.dumps(content))


def jump(project: Project, run: str) -> None:
    """Let a run's policy have jumped."""
    path = project.root / "runs" / run / "metrics.jsonl"
    rows = [json.loads(line) | {"train/approx_kl": 3.0} for line in path.read_text().splitlines()]
    path.unlink()
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_the_stage_writes_what_the_commands_say(finished: Project) -> None:
    written = json.loads((finished.root / "runs/cartpole/analysis.json").read_text())
    check_document("analyze", json.dumps(written))
    told = json.loads(finished.rlx("analyze", "cartpole", "--json").stdout)
    for key in ("suggestions", "findings", "consequences"):
        told.pop(key), written.pop(key)  # those of the commands have commands
    assert told == written
    page = (finished.root / "runs/cartpole/analysis.md").read_text()
    for heading in ("# cartpole on CartPole-v1", "## Findings", "## What to try", "## Outcome", "## Seed by seed"):
        assert f"{heading}\n" in page


def test_a_finding_has_evidence_source_picture_and_a_command_that_runs(study: Project) -> None:
    jump(study, "cartpole")
    done = study.rlx("diagnose", "cartpole", "--plots", "seen", check=False)
    assert "The policy changes too fast" in done.stdout
    assert "3.00 (above 0.500), steps 0 to 512, both seeds" in " ".join(done.stdout.split())
    assert "Huang et al. 2022" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80 or "`rlx train" in done.stdout
    assert (study.root / "seen/finding_policy-changes-too-fast.png").stat().st_size > 5000
    content = json.loads(study.rlx("suggest", "cartpole", "--json").stdout)
    command = content["suggestions"][0]["command"].split()
    assert command[:3] == ["rlx", "train", "cartpole"]
    assert f"`{' '.join(command)}`" in study.rlx("suggest", "cartpole", "--md").stdout


def test_an_error_gives_exit_code_1(study: Project) -> None:
    def fail(content: dict[str, Any]) -> None:
        content["status"] = content["seeds"][0]["status"] = "failed"
        content["seeds"][0] |= {
            "error": "train/value_loss became nan at step 512",
            "failure": {"kind": "non-finite", "what": "train/value_loss", "step": 512, "value": "nan"},
        }

    edit(study.root / "runs/cartpole/metadata.json", fail)
    done = study.rlx("diagnose", "cartpole", check=False)
    assert done.returncode == 1
    assert "ERROR  A number became NaN or infinite" in done.stdout
    assert "first at step 512 in seed 1: train/value_loss" in " ".join(done.stdout.split())
    assert study.rlx("suggest", "cartpole").returncode == 0
    assert study.rlx("analyze", "cartpole").returncode == 0


@pytest.mark.parametrize("status", ["stopped", "running"])
def test_a_run_that_ended_early_says_so(study: Project, status: str) -> None:
    def end(content: dict[str, Any]) -> None:
        content |= {"status": status, "seeds": []}
        if status == "running":  # by a process that is no more
            import socket

            content["process"] = {"host": socket.gethostname(), "pid": 2**22 - 7}

    edit(study.root / "runs/cartpole/metadata.json", end)
    done = study.rlx("diagnose", "cartpole", "--json", check=False)
    first = json.loads(done.stdout)["findings"][0]
    assert first["id"] == "run-stopped"
    assert "rlx resume cartpole" in first["advice"]


def test_before_training_the_configuration_is_looked_at(study: Project) -> None:
    told = study.dvc("repro", "resolve@cartpole", "-f")
    assert "cartpole: info: The run has 2 seeds" in told
    study.replace("params.yaml", "learning_rate: 0.001 ", "learning_rate: 0.5 ")
    told = study.dvc("repro", "resolve@cartpole")
    assert "cartpole: warning: algo.learning_rate is 0.5" in told
    assert "-S algo.learning_rate=0.0003" in told


def test_mistakes_are_told(finished: Project) -> None:
    for command in ("analyze", "diagnose", "suggest"):
        done = finished.rlx(command, "cartpol", check=False)
        assert done.returncode == 4
        assert "did you mean cartpole" in done.stdout
