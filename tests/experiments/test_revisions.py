"""Runs at revisions: named, told apart, and read through Git and DVC's cache; nothing is checked out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlx.errors import DataDamaged, Missing, RlxError
from rlx.experiments.revisions import (
    add_to_view,
    changed,
    commit_of,
    experiments,
    files_of,
    read_output,
    recorded,
    recorded_here,
    view_of,
)
from rlx.records import Origin
from tests.conftest import Project
from tests.stored_project import experiment, object_of, stored_project

ANN = {"GIT_AUTHOR_NAME": "Ann Å", "GIT_AUTHOR_EMAIL": "ann@example.org"}


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    project = stored_project(tmp_path / "project")
    project.git("config", "user.email", "test@localhost")
    return project


def test_experiments_are_listed_with_what_they_started_from(stored: Project) -> None:
    head = stored.git("rev-parse", "HEAD").strip()
    commits = {name: experiment(stored, name, gain=gain) for name, gain in (("one", 1.0), ("two", 2.0))}
    found = experiments(stored.root)
    assert {each.name: each.commit for each in found} == commits
    assert {each.baseline for each in found} == {head}
    assert [each.known_to_dvc for each in found] == [each.name for each in found]


def test_experiments_of_one_name_are_told_apart_by_who_made_them(stored: Project) -> None:
    mine = experiment(stored, "same", gain=1.0)
    stored.commit("later")
    hers = experiment(stored, "same", gain=2.0, author=ANN)
    named = {each.name: each for each in experiments(stored.root)}
    assert {name: each.commit for name, each in named.items()} == {"same": mine, "same~ann-a": hers}
    assert named["same~ann-a"].known_to_dvc.startswith("refs/exps/")
    assert commit_of(stored.root, "same~ann-a") == hers


def test_revisions_are_named_in_every_way_of_gits(stored: Project) -> None:
    head, kept = stored.git("rev-parse", "HEAD").strip(), experiment(stored, "kept")
    stored.git("tag", "v1")
    assert {commit_of(stored.root, name) for name in ("HEAD", "main", "v1", head[:8])} == {head}
    assert commit_of(stored.root, "kept") == kept
    assert [commit_of(stored.root, name) for name in ("nothing", "--all", "")] == [None] * 3


def test_a_commit_tells_what_it_made_anew(stored: Project) -> None:
    head, commit = stored.git("rev-parse", "HEAD").strip(), experiment(stored, "better")
    (then, now) = recorded(stored.root, [head, commit])
    assert set(then) == set(now) == {"cartpole", "cartpole_epochs"}
    assert set(now["cartpole"].outputs) == {"metadata.json", "metrics.jsonl", "eval", "plots"}
    assert [set(runs) for runs in changed(stored.root, [(commit, head), (head, head)])] == [{"cartpole"}, set(then)]
    assert recorded_here(stored.root) == then


@pytest.mark.parametrize(
    ("edit", "refused"),
    [
        (lambda text: text.replace("      md5: ", "      md5: x", 1), "has no hash"),
        (lambda text: text[:-20], "is cut in its last line"),
        (lambda text: text.replace("    - path: runs/cartpole/metadata.json", "    - path: [", 1), "cannot be read"),
    ],
)
def test_a_damaged_lock_of_the_workspace_is_said_and_one_of_a_commit_costs_a_section(
    stored: Project, edit, refused: str
) -> None:
    (stored.root / "dvc.lock").write_text(edit((stored.root / "dvc.lock").read_text()))
    with pytest.raises(DataDamaged, match=refused):
        recorded_here(stored.root)
    stored.commit("damaged")
    (runs,) = recorded(stored.root, ["HEAD"])
    assert "cartpole_epochs" in runs


def test_results_of_a_commit_are_laid_out_apart_and_once(stored: Project) -> None:
    origin = Origin(experiment(stored, "better", gain=5.0), "cartpole")
    before = stored.git("status", "--porcelain")
    folder = view_of(stored.root, origin)
    assert folder.is_relative_to(stored.root / ".dvc/tmp")
    here = json.loads((stored.root / "runs/cartpole/eval/summary.json").read_text())
    there = json.loads((folder / "eval/summary.json").read_text())
    gained = there["checkpoints"]["latest"]["return_mean"] - here["checkpoints"]["latest"]["return_mean"]
    assert gained == pytest.approx(5.0)
    assert "gamma: 0.95" in (folder / "config_snapshot.yaml").read_text()
    assert not (folder / "metrics.jsonl").exists()
    metrics = add_to_view(stored.root, origin, "metrics.jsonl")
    assert metrics.read_bytes() == (stored.root / "runs/cartpole/metrics.jsonl").read_bytes()
    metrics.write_text("kept")
    assert (view_of(stored.root, origin), add_to_view(stored.root, origin, "metrics.jsonl").read_text()) == (
        folder,
        "kept",
    )
    assert stored.git("status", "--porcelain") == before


def test_files_of_a_folder_at_a_commit(stored: Project) -> None:
    origin = Origin(stored.git("rev-parse", "HEAD").strip(), "cartpole")
    assert files_of(stored.root, origin, "eval") == ["episodes.csv", "summary.json"]
    assert files_of(stored.root, origin, "videos") == []
    (runs,) = recorded(stored.root, [origin.commit])
    content = read_output(stored.root, runs["cartpole"], "eval", "episodes.csv")
    assert content == (stored.root / "runs/cartpole/eval/episodes.csv").read_bytes()
    assert read_output(stored.root, runs["cartpole"], "eval", "nothing.csv") is None
    assert read_output(stored.root, runs["cartpole"], "videos") is None


@pytest.mark.parametrize("path", ["nothing.json", "eval/nothing.csv", "videos/a.mp4"])
def test_a_file_that_a_run_has_not_is_missing(stored: Project, path: str) -> None:
    origin = Origin(stored.git("rev-parse", "HEAD").strip(), "cartpole")
    with pytest.raises(Missing, match=path):
        add_to_view(stored.root, origin, path)


def test_what_is_not_here_is_missing_with_what_brings_it(stored: Project) -> None:
    origin = Origin(stored.git("rev-parse", "HEAD").strip(), "cartpole")
    with pytest.raises(Missing, match="no finished run 'other'"):
        view_of(stored.root, Origin(origin.commit, "other"))
    (runs,) = recorded(stored.root, [origin.commit])
    object_of(stored, runs["cartpole"].outputs["eval"]).unlink()
    for asked in (
        view_of,
        lambda root, of: add_to_view(root, of, "eval/summary.json"),
        lambda root, of: files_of(root, of, "eval"),
    ):
        with pytest.raises(RlxError, match="not in this clone's DVC cache"):
            asked(stored.root, origin)
