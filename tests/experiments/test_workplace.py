"""Workplaces: clones that are the workspace as it was, and from which nothing comes back but what is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from configobj import ConfigObj

from rlx.errors import ConfigError, Missing
from rlx.experiments.workplace import (
    close_workplace,
    collect,
    existing_workplace,
    open_workplace,
    processes_in,
    reopen_workplace,
    workplaces_folder,
)
from tests.conftest import Project
from tests.stored_project import stored_project


@pytest.fixture
def edited(tmp_path: Path) -> Project:
    """A project with an edit, a new config, a deleted file, and a note that Git does not know."""
    project = stored_project(tmp_path / "a project, été")
    project.replace("params.yaml", "gamma: 0.98", "gamma: 0.97")
    project.write("configs/mine.yaml", "algo: {update_epochs: 2}\n")
    project.write("notes.txt", "private\n")
    (project.root / "references.csv").unlink()
    return project


def state(project: Project) -> str:
    return "".join(
        project.git(*words.split()) for words in ("status --porcelain --branch", "rev-parse HEAD", "stash list", "diff")
    )


def test_a_clone_is_the_workspace_and_the_workspace_stays(edited: Project) -> None:
    before = state(edited)
    place = open_workplace(edited.root, "first")
    assert place.clone == workplaces_folder(edited.root) / "first"
    assert "gamma: 0.97" in (place.root / "params.yaml").read_text()
    assert (place.root / "configs/mine.yaml").read_text() == "algo: {update_epochs: 2}\n"
    assert not any((place.root / name).exists() for name in ("notes.txt", "references.csv"))
    clone = Project(place.root)
    assert clone.git("rev-parse", "HEAD") == edited.git("rev-parse", "HEAD")
    assert "M  params.yaml" in clone.git("status", "--porcelain")
    assert state(edited) == before
    assert existing_workplace(edited.root, "first") == place
    assert existing_workplace(edited.root, "second") is None


def test_a_project_in_a_folder_of_a_repository_has_the_same_place_in_the_clone(tmp_path: Path) -> None:
    inner = stored_project(tmp_path / "top" / "inner")
    (inner.root / ".git").rename(tmp_path / "top" / ".git")
    Project(tmp_path / "top").commit("moved")
    place = open_workplace(inner.root, "first")
    assert (place.root, place.root / "params.yaml") == (place.clone / "inner", place.clone / "inner/params.yaml")
    assert (place.root / "params.yaml").read_text() == (inner.root / "params.yaml").read_text()
    reopened = reopen_workplace(inner.root, "first")
    assert (reopened, (reopened.root / "params.yaml").is_file()) == (place, True)


def test_dvc_uses_the_projects_cache_no_network_and_the_owners_settings(edited: Project) -> None:
    edited.write(".dvc/config.local", "[core]\n    no_scm = false\n[exp]\n    auto_push = true\n")
    place = open_workplace(edited.root, "first")
    settings = ConfigObj(str(place.root / ".dvc/config.local"), encoding="utf-8")
    assert (Path(settings["cache"]["dir"]), settings["exp"]["auto_push"]) == (
        (edited.root / ".dvc/cache").resolve(),
        "false",
    )
    assert settings["core"]["no_scm"] == "false"
    assert "auto_push = true" in (edited.root / ".dvc/config.local").read_text()
    edited.write(".dvc/config.local", "[core\n")
    with pytest.raises(ConfigError, match=r"\.dvc/config\.local: DVC cannot read it"):
        open_workplace(edited.root, "second")


def test_a_stopped_experiment_goes_on_from_what_it_started_from(edited: Project) -> None:
    place = open_workplace(edited.root, "first")
    edited.replace("params.yaml", "gamma: 0.97", "gamma: 0.5")
    edited.commit("meanwhile")
    (place.root / "params.yaml").write_text("half a fi")
    (place.clone / ".git/index.lock").touch()  # as a killed DVC leaves it
    Project(place.root).git("symbolic-ref", "HEAD", "refs/heads/nowhere")
    again = reopen_workplace(edited.root, "first")
    assert again == place
    assert "gamma: 0.97" in (again.root / "params.yaml").read_text()
    assert (again.root / "configs/mine.yaml").is_file()
    assert not (again.clone / ".git/index.lock").exists()
    assert sorted(path.name for path in workplaces_folder(edited.root).iterdir()) == ["first"]
    close_workplace(again)
    assert not place.clone.exists()
    with pytest.raises(Missing, match="what experiment first started from is gone"):
        reopen_workplace(edited.root, "first")


def test_what_was_kept_in_a_clone_is_fetched_under_its_name(edited: Project) -> None:
    place = open_workplace(edited.root, "first")
    assert collect(place) is None
    clone = Project(place.root)
    head = clone.git("rev-parse", "HEAD").strip()
    commit = clone.git("commit-tree", clone.git("write-tree").strip(), "-p", head, "-m", "made").strip()
    for name in ("first", "another"):
        clone.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)
    before = state(edited)
    assert collect(place) == commit
    assert edited.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").split() == [
        f"refs/exps/{head[:2]}/{head[2:]}/first",
        commit,
    ]
    assert state(edited) == before


def test_processes_that_still_work_in_a_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    code = "import sys; sys.stdout.write('here'); sys.stdout.flush(); sys.stdin.read()"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path / name, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("a", "a/inner", "ab")
    ]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.read(4) == b"here"
        assert processes_in(tmp_path / "a") == sorted(process.pid for process in started[:2])
        assert os.getpid() not in processes_in(tmp_path)
    finally:
        for process in started:
            process.communicate(b"")
