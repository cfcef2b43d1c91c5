"""Hostile surroundings: no Git, no commit, conflicts, damaged and unwritable files. A sentence, never a traceback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rlx.errors import DataDamaged
from rlx.records.runs import read_metadata
from tests.conftest import Project


def refused(project: Project, *arguments: str, says: str, status: int) -> None:
    done = project.rlx(*arguments, check=False)
    assert "Traceback" not in done.stdout
    assert says in " ".join(done.stdout.split())
    assert done.returncode == status


def test_without_git_init_writes_nothing(tmp_path: Path) -> None:
    rlx = shutil.which("rlx") or ""
    done = Project(tmp_path).run("env", "PATH=/nonexistent", rlx, "init", "new", check=False)
    assert done.returncode == 1
    assert "git is not installed, or not on the PATH" in " ".join(done.stdout.split())
    assert not (tmp_path / "new").exists()


def test_without_a_commit_experiments_say_what_they_need(study: Project) -> None:
    shutil.rmtree(study.root / ".git")
    subprocess.run(["git", "init", "-q", str(study.root)], check=True)
    refused(study, "train", "cartpole", "-S", "algo.gamma=0.5", says="`git add -A && git commit -m Start`", status=1)
    assert "finished" in study.rlx("ls").stdout


def test_a_conflict_in_the_lock_is_told_with_its_cure(study: Project) -> None:
    lines = (study.root / "dvc.lock").read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  train@")) + 1
    end = next(index for index in range(at, len(lines)) if lines[index] == "    outs:") + 2
    lines[end : end + 1] = ["<<<<<<< HEAD", lines[end], "=======", lines[end], ">>>>>>> other"]
    study.write("dvc.lock", "\n".join(lines))
    assert "finished" in study.rlx("ls").stdout
    refused(study, "checkout", "cartpole", says="`rlx sync --merge`", status=4)
    refused(study, "resume", "cartpole", "--timesteps", "9000", says="marks of a merge conflict", status=4)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"- a\n", None])
def test_params_that_cannot_be_read_are_told(study: Project, content: bytes | None) -> None:
    path = study.root / "params.yaml"
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    refused(study, "sync", says="params.yaml", status=3)


def test_a_pipeline_that_cannot_be_read_is_told(study: Project) -> None:
    for content in (b"\xff\xfe\x00", b"x: " + b"[" * 100_000, b"stages: {}\nstages: {}\n", b"# " + b"x" * 2**21):
        (study.root / "dvc.yaml").write_bytes(content)
        refused(study, "sync", says="dvc.yaml: cannot be read", status=3)


def test_odd_metadata_are_damaged_and_dvc_brings_them_back(study: Project) -> None:
    for text in (
        '{"status":"finished","seeds":[{}]}',
        '{"status":"x","seeds":{"a":1}}',
        '{"status":"x","git":3}',
        "null",
    ):
        study.write("runs/cartpole/metadata.json", text)
        with pytest.raises(DataDamaged, match="is not run metadata"):
            read_metadata(study.root / "runs/cartpole")
    refused(study, "info", "cartpole", says="`dvc checkout --force", status=4)
    study.dvc("checkout", "-q", "--force", "runs/cartpole/metadata.json")
    assert "finished" in study.rlx("info", "cartpole").stdout


def test_an_experiment_with_a_damaged_record_can_be_dropped(study: Project) -> None:
    study.write("runs/x/experiment.json", "{")
    study.write("runs/x/metadata.json", '{"status": "stopped", "seeds": []}')
    shutil.copy(study.root / "runs/cartpole/config_snapshot.yaml", study.root / "runs/x")
    refused(study, "resume", "x", says="`rlx rm x` deletes it", status=4)
    study.rlx("rm", "x")
    assert not (study.root / "runs/x").exists()


def test_a_file_in_the_place_of_runs_is_told(study: Project) -> None:
    study.git("update-ref", f"refs/exps/{'a' * 2}/{'a' * 38}/kept", "HEAD")
    shutil.rmtree(study.root / "runs")
    (study.root / "runs").touch()
    refused(study, "train", "cartpole", "-S", "algo.gamma=0.5", says="is not a folder", status=2)
    assert "kept" in study.rlx("ls").stdout


def test_spaces_and_unicode_in_the_path_are_fine(study: Project) -> None:
    moved = Project(study.root.rename(study.root.parent / "ein Prüfstand, 実験"))
    assert "finished" in moved.rlx("ls").stdout
    assert "finished" in moved.rlx("info", "cartpole@HEAD").stdout


def test_continuing_without_checkpoints_reserves_nothing(study: Project) -> None:
    shutil.rmtree(study.root / ".dvc" / "cache")
    refused(study, "resume", "cartpole", "--timesteps", "9000", says="not in this clone's DVC cache", status=4)
    assert not (study.root / "runs" / "cartpole_001").exists()
