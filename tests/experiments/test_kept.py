"""Kept experiments: names nobody else has, folders that are theirs alone, and which of them is asked for again."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from rlx.config import judging_from, parse_document, parse_yaml
from rlx.errors import DataRefused, Missing, UsageError
from rlx.experiments import Record
from rlx.experiments.kept import (
    JUDGED,
    check_name,
    experiment_named,
    export_kept,
    follow_renames,
    is_ours,
    remove,
    remove_folder,
    reserve,
    same_as,
    shown_commit,
    shows,
)
from rlx.experiments.record import write_record
from rlx.experiments.revisions import recorded
from rlx.records import Origin
from tests.conftest import Project
from tests.stored_project import experiment, object_of, stored_project


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "project")


def exported(project: Project, name: str) -> Path:
    return export_kept(project.root, Origin(experiment(project, name), "cartpole"), name)


def test_a_new_name_is_past_every_experiment_folder_and_note(stored: Project) -> None:
    assert reserve(stored.root, "cartpole").name == "cartpole_001"
    experiment(stored, "cartpole_004")
    assert reserve(stored.root, "cartpole").name == "cartpole_005"
    stored.write("runs/cartpole_007.yaml", "note: kept though the experiment is gone\n")
    assert reserve(stored.root, "cartpole").name == "cartpole_008"
    (stored.root / "runs/cartpole_1000").mkdir()
    assert [reserve(stored.root, "cartpole").name for _ in range(2)] == ["cartpole_1001", "cartpole_1002"]
    assert reserve(stored.root, "other").name == "other_001"
    assert stored.git("status", "--porcelain", "--", "runs/cartpole_001") == ""  # Git does not look into it


def test_a_name_that_is_taken_is_refused_and_nothing_made(stored: Project) -> None:
    experiment(stored, "kept")
    before = sorted((stored.root / "runs").iterdir())
    for name in ("kept", "cartpole"):
        with pytest.raises(UsageError, match=f"there is an experiment or run '{name}' already"):
            reserve(stored.root, "cartpole", name)
    assert sorted((stored.root / "runs").iterdir()) == before


@pytest.mark.parametrize("name", ["", "-x", "a b", "../a", "a/b", "é", "a" * 101, "a.b"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="use letters, digits, - and _"):
        check_name(name)


def test_the_folder_of_an_experiment_has_its_results_read_only(stored: Project) -> None:
    folder = exported(stored, "better")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"eval/summary.json", "eval/episodes.csv", "metadata.json", "metrics.jsonl", "config_snapshot.yaml"} <= found
    inside = [folder / name for name in found if not name.startswith(".")]
    assert not [path for path in inside if path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)]
    kept = experiment_named(stored.root, "better")
    assert kept is not None
    assert (shown_commit(folder), shows(stored.root, folder, kept)) == (kept.commit, True)
    assert is_ours(stored.root, "better")
    assert stored.git("status", "--porcelain") == ""
    assert export_kept(stored.root, Origin(kept.commit, "cartpole"), "better") == folder  # once more, over itself


def test_nothing_is_written_into_a_folder_of_somebody_elses(stored: Project) -> None:
    commit = experiment(stored, "better")
    stored.write("runs/better/mine.txt", "mine")
    for name in ("better", "cartpole_epochs"):
        with pytest.raises(DataRefused, match="is not the folder of an experiment"):
            export_kept(stored.root, Origin(commit, "cartpole"), name)
    assert [path.name for path in (stored.root / "runs/better").iterdir()] == ["mine.txt"]
    assert not any(is_ours(stored.root, name) for name in ("better", "cartpole", "cartpole_epochs", "nothing"))


def test_what_is_not_here_is_told_and_what_is_here_is_shown(stored: Project) -> None:
    commit = experiment(stored, "better")
    (runs,) = recorded(stored.root, [commit])
    object_of(stored, runs["cartpole"].outputs["metrics.jsonl"]).unlink()
    with pytest.raises(
        Missing, match="not all of its files are in this clone's DVC cache; what there is, is in runs/better/"
    ):
        export_kept(stored.root, Origin(commit, "cartpole"), "better")
    assert (stored.root / "runs/better/eval/summary.json").is_file()
    object_of(stored, runs["cartpole"].outputs["metadata.json"]).unlink()
    with pytest.raises(Missing, match="nothing was written"):
        export_kept(stored.root, Origin(commit, "cartpole"), "again")
    assert not (stored.root / "runs/again").exists()
    with pytest.raises(Missing, match="holds no finished run 'other'"):
        export_kept(stored.root, Origin(commit, "other"), "again")


def test_a_dropped_experiment_leaves_what_others_put_into_its_folder(stored: Project) -> None:
    folder = exported(stored, "better")
    kept = experiment_named(stored.root, "better")
    assert kept is not None
    stored.write("runs/better/eval/mine.csv", "mine")
    stored.write("runs/better/notes.md", "mine")
    assert remove_folder(stored.root, "better", kept) == ["eval/mine.csv", "notes.md"]
    assert {path.name for path in folder.rglob("*") if path.is_file()} >= {"mine.csv", "notes.md"}
    assert not (folder / "metadata.json").exists()
    (folder / "eval/mine.csv").unlink()
    (folder / "notes.md").unlink()
    assert remove_folder(stored.root, "better", kept) == []
    assert not folder.exists()
    remove(stored.root, kept)
    assert experiment_named(stored.root, "better") is None


def test_a_folder_follows_the_new_name_of_its_experiment(stored: Project) -> None:
    folder = exported(stored, "better")
    reference = stored.git("for-each-ref", "--format=%(refname)", "refs/exps").strip()
    stored.git("update-ref", reference.replace("/better", "/best"), reference)
    stored.git("update-ref", "-d", reference)
    kept = experiment_named(stored.root, "best")
    assert kept is not None
    follow_renames(stored.root, [kept])
    assert (folder.exists(), shown_commit(stored.root / "runs/best")) == (False, kept.commit)


def test_what_is_kept_already_is_found_by_all_that_decides_about_it(stored: Project) -> None:
    experiment(stored, "better", gain=5.0)
    parameters = parse_yaml((stored.root / "params.yaml").read_bytes())
    judged = {key: parameters.get(key) for key in JUDGED}
    judging = judging_from(parse_document((stored.root / "runs/cartpole/judging.yaml").read_text(), "judging.yaml"))
    snapshot = (stored.root / "runs/cartpole/config_snapshot.yaml").read_text()
    theirs = snapshot.replace("gamma: 0.98", "gamma: 0.95")
    ask = {"snapshot": snapshot, "judged": judged, "judging": judging}
    assert same_as(stored.root, "cartpole", **ask) == "cartpole"
    assert same_as(stored.root, "cartpole", **{**ask, "snapshot": theirs}) == "better"
    assert same_as(stored.root, "cartpole", **{**ask, "snapshot": snapshot.replace("0.98", "0.97")}) is None
    assert same_as(stored.root, "cartpole", **{**ask, "judged": {"video": {"fps": 1}, "engine": None}}) is None
    stored.write("stages/eval.py", "# another one\n")
    assert same_as(stored.root, "cartpole", **ask) is None


def test_a_folder_in_the_making_is_known_by_its_record(stored: Project) -> None:
    folder = stored.root / "runs/begun"
    folder.mkdir()
    assert not is_ours(stored.root, "begun")
    write_record(folder, Record("cartpole", (), ("analyze@cartpole",)))
    assert is_ours(stored.root, "begun")
    assert json.loads((folder / "experiment.json").read_text())["run"] == "cartpole"
