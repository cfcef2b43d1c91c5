"""Checkpoints evaluated and filmed, grids swept: `rlx eval`, `rlx video`, `rlx sweep`."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rlx.records import checkpoints
from rlx.report.documents import check_document
from tests.cli.test_mistakes import typed
from tests.conftest import Project, interruptible, run


def document(project: Project, command: str, *arguments: str) -> dict[str, Any]:
    """Return what a command prints as JSON, checked against its published schema."""
    done = run(["rlx", command, *arguments, "--json"], project.root, apart=True)
    assert done.returncode == 0, done.stderr
    check_document(command, done.stdout)
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def scores(project: Project, run: str, checkpoint: str) -> dict[str, float]:
    summary = json.loads((project.root / "runs" / run / "eval/summary.json").read_text())
    return {seed: facts["return_mean"] for seed, facts in summary["checkpoints"][checkpoint]["seeds"].items()}


def test_evaluation_repeats_the_reported_scores(finished: Project) -> None:
    """Every checkpoint plays its episodes again, in commands of their own."""
    found = document(finished, "eval", "cartpole:latest", "cartpole_epochs:best", "cartpole@HEAD:best#2")
    by_label: dict[str, dict[str, float]] = {}
    for policy in found["policies"]:
        by_label.setdefault(policy["checkpoint"], {})[str(policy["seed"])] = policy["return_mean"]
    assert by_label["cartpole:latest"] == scores(finished, "cartpole", "latest")
    assert by_label["cartpole_epochs:best"] == scores(finished, "cartpole_epochs", "best")
    assert by_label["cartpole@HEAD:best#2"] == {"2": scores(finished, "cartpole", "best")["2"]}


@pytest.mark.slow
def test_other_episodes_are_played_on_request_the_same_every_time(finished: Project) -> None:
    arguments = ("cartpole:best#1", "--episodes", "3", "--seed", "9", "--stochastic")
    one, two = (document(finished, "eval", *arguments) for _ in range(2))
    assert one == two
    assert one["protocol"] == {"episodes": 3, "seed": 9, "deterministic": False, "step_limit": 100_000}
    table = list(csv.DictReader(io.StringIO(finished.rlx("eval", *arguments, "--csv").stdout)))
    assert [float(row["return"]) for row in table] == [e["return"] for e in one["policies"][0]["episodes"]]


def test_a_checkpoint_file_is_evaluated_outside_of_any_project(finished: Project, tmp_path: Path) -> None:
    shutil.copy(finished.root / "runs/cartpole/checkpoints/seed_1/latest.zip", tmp_path / "policy.zip")
    found = document(Project(tmp_path), "eval", "policy.zip", "--episodes", "4")
    assert found["policies"][0]["return_mean"] == scores(finished, "cartpole", "latest")["1"]


def test_a_file_from_elsewhere_chooses_no_code(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stranger's checkpoint whose configuration names a wrapper of its own choice is refused before it is imported."""
    source = finished.root / "runs/cartpole/checkpoints/seed_1/latest.zip"
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["rlx/config.yaml"].decode().replace("wrappers: []", "wrappers: [evil.Wrapper]")
    members["rlx/config.yaml"] = text.encode()
    manifest = json.loads(members[checkpoints.MANIFEST])
    import hashlib

    manifest["sha256"]["rlx/config.yaml"] = hashlib.sha256(text.encode()).hexdigest()
    members[checkpoints.MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "stranger.zip", "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    monkeypatch.chdir(finished.root)
    monkeypatch.syspath_prepend(tmp_path)
    assert typed(["eval", str(tmp_path / "stranger.zip")], monkeypatch) != 0
    assert "a file may not choose what code runs here" in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_films_show_the_episodes_asked_for(study: Project) -> None:
    """Films of several kinds are drawn, encoded and read again."""
    import av

    returns = {
        (int(row["seed"]), int(row["episode"])): float(row["return"])
        for row in csv.DictReader((study.root / "runs/cartpole/eval/episodes.csv").read_text().splitlines())
        if row["checkpoint"] == "best"
    }
    means = {seed: sum(v for (s, _), v in returns.items() if s == seed) for seed in (1, 2)}
    for show, pick, name in (("best", max, "gif"), ("worst", min, "mp4")):
        film = document(study, "video", "cartpole:best", "--show", show, "--format", name)
        seed = pick(means, key=lambda seed: means[seed])
        assert film["seed"] == seed
        assert film["episodes"][0]["return"] == pick(v for (s, _), v in returns.items() if s == seed)
        with av.open(str(study.root / film["file"])) as container:
            shown = [frame.time for frame in container.decode(video=0)]
        assert 2.8 <= shown[-1] <= 3.2  # at most 31 steps, the last of them held
    two = document(study, "video", "cartpole", "--episodes", "2", "-o", "here.mp4")
    assert len(two["episodes"]) == 2
    assert (study.root / "here.mp4").is_file()
    assert study.git("status", "--short", "--", "videos") == ""


# --- sweeps -----------------------------------------------------------------------------------------------------------

GRID = "config: cartpole\nnum_seeds: 1\ngrid:\n  algo.gamma: [0.9, 0.95]\n"


@pytest.mark.slow
def test_a_sweep_keeps_every_point_and_makes_none_twice(study: Project) -> None:
    study.write("sweeps/rates.yaml", GRID)
    planned = document(study, "sweep", "rates", "--dry-run")
    assert [(point["state"], point["settings"]) for point in planned["points"]] == [
        ("new", {"algo.gamma": 0.9}),
        ("new", {"algo.gamma": 0.95}),
    ]
    done = document(study, "sweep", "rates")
    assert [point["state"] for point in done["points"]] == ["finished", "finished"]
    assert done["baseline"] == "cartpole"
    assert all(point["verdict"] for point in done["points"])
    listed = {row["id"]: row for row in json.loads(study.rlx("ls", "--json", "--filter", "id~rates").stdout)["runs"]}
    assert {row["status"] for row in listed.values()} == {"finished"}
    assert [point["id"] for point in done["points"]] == sorted(listed) == ["rates_001", "rates_002"]
    check_document("summarize SWEEP", study.rlx("summarize", "rates", "--json").stdout)
    again = document(study, "sweep", "rates")
    assert [point["state"] for point in again["points"]] == ["kept", "kept"]
    assert {point["id"]: point["return_mean"] for point in again["points"]} == {
        point["id"]: point["return_mean"] for point in done["points"]
    }
    assert set(study.dvc("exp", "list", "--name-only").split()) >= {"rates_001", "rates_002"}
    study.replace("params.yaml", "baseline: cartpole ", "baseline: cartpole_epochs ")  # but the sweep changes cartpole
    assert document(study, "sweep", "rates")["baseline"] == "cartpole"
    for command in ("summarize", "compare"):
        assert json.loads(study.rlx(command, "rates", "--json").stdout)["baseline"] == "cartpole", command
    assert "rates_001 against cartpole is" in " ".join(study.rlx("report", "rates", "--films", "no").stdout.split())
    study.write("sweeps/rates.yaml", GRID.replace("0.9,", "0.9, 1.5,"))
    refused = study.rlx("sweep", "rates", check=False)
    assert (refused.returncode, "algo.gamma=1.5: must be at most 1" in refused.stdout) == (3, True)


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_and_a_failed_point_is_told(study: Project) -> None:
    study.write("sweeps/long.yaml", GRID + "  algo.total_timesteps: [8192]\n  algo.engine: [stable-baselines3]\n")
    process = subprocess.Popen(
        ["rlx", "sweep", "long"], cwd=study.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    )  # fmt: skip
    for _ in range(600):
        if list(study.root.glob("runs/long_*/bench/*/metrics.jsonl")):
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0].decode()
    assert process.returncode == 130, said
    assert "`rlx sweep long` goes on" in said
    done = document(study, "sweep", "long")
    assert [point["state"] for point in done["points"]] == ["finished", "finished"]
    assert {point["id"] for point in done["points"]} == {"long_001", "long_002"}
