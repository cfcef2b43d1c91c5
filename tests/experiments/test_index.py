"""The index of runs: a row for each, read once and again when it changed, and a bad one apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rlx.experiments import Row, rows
from tests.conftest import Project, own
from tests.stored_project import experiment, object_of, stored_project

INDEX = ".dvc/tmp/rlx-index.json"


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "project")


def found(project: Project) -> dict[str, Row]:
    return {row.id: row for row in rows(project.root)}


def summary(project: Project, run: str) -> dict[str, Any]:
    return json.loads((project.root / "runs" / run / "eval/summary.json").read_text())


def test_runs_and_experiments_have_a_row_each_with_their_own_scores(stored: Project) -> None:
    experiment(stored, "better", gain=5.0)
    made = found(stored)
    assert set(made) == {"cartpole", "cartpole_epochs", "better"}
    assert {row.status for row in made.values()} == {"finished"}
    assert [made[name].kind for name in ("cartpole", "better")] == ["run", "experiment"]
    latest = summary(stored, "cartpole")["checkpoints"]["latest"]
    assert (made["cartpole"].return_mean, made["cartpole"].ci_low) == (latest["return_mean"], latest["interval"]["low"])
    assert made["better"].return_mean == pytest.approx(latest["return_mean"] + 5.0)
    assert (made["cartpole"].seeds, made["cartpole"].seeds_wanted, made["cartpole"].steps) == (2, 2, 2048)


def test_a_row_is_read_from_the_index_until_a_file_of_the_run_changes(stored: Project) -> None:
    experiment(stored, "better")
    before = found(stored)
    path = stored.root / INDEX
    text = path.read_text()
    for run in ("cartpole", "better"):  # what stands there is what is shown: nothing else was read
        text = text.replace(f'"return_mean": {before[run].return_mean!r}', '"return_mean": 1234.5')
    path.write_text(text)
    assert {found(stored)[run].return_mean for run in ("cartpole", "better")} == {1234.5}
    content = summary(stored, "cartpole")
    content["checkpoints"]["latest"]["return_mean"] = 7.25
    (stored.root / "runs/cartpole/eval/summary.json").write_text(json.dumps(content))
    assert found(stored)["cartpole"].return_mean == 7.25


@pytest.mark.parametrize("content", ["", "[]", '{"format": 5, "runs": [], "experiments": {}}', "\0\0", '{"format": 1}'])
def test_an_index_that_cannot_be_used_is_only_made_anew(stored: Project, content: str) -> None:
    experiment(stored, "better")
    before = rows(stored.root)
    stored.write(INDEX, content)
    assert rows(stored.root) == before
    assert json.loads((stored.root / INDEX).read_text())["format"] == 5


def test_a_folder_that_was_renamed_has_a_row_of_its_own_name(stored: Project) -> None:
    rows(stored.root)
    shutil.copytree(stored.root / "runs/cartpole", stored.root / "runs/copied")
    assert found(stored)["copied"].return_mean == found(stored)["cartpole"].return_mean
    (stored.root / "runs/copied").rename(stored.root / "runs/moved")
    assert set(found(stored)) == {"cartpole", "cartpole_epochs", "moved"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("metadata.json", "{"),
        ("metadata.json", '{"status": 1}'),
        ("eval/summary.json", '{"checkpoints": {}}'),
        ("config_snapshot.yaml", "run_name: [\n"),
    ],
)
def test_one_damaged_run_is_unreadable_and_hides_no_other(stored: Project, file: str, content: str) -> None:
    before = found(stored)
    stored.write(f"runs/cartpole/{file}", content)
    now = found(stored)
    assert (now["cartpole"].status, now["cartpole"].return_mean) == ("unreadable", None)
    assert Path(file).name in (now["cartpole"].problem or "")
    assert now["cartpole_epochs"] == before["cartpole_epochs"]


def test_an_experiment_whose_results_are_elsewhere_is_looked_for_every_time(stored: Project) -> None:
    commit = experiment(stored, "away")
    lock = stored.git("show", f"{commit}:dvc.lock")
    digests = [line.split()[1] for line in lock.splitlines() if line.startswith("      md5: ")]
    hidden = stored.root / "hidden"
    hidden.mkdir()
    for digest in digests:
        if object_of(stored, digest).is_file():
            shutil.move(object_of(stored, digest), hidden / digest)
    row = found(stored)["away"]
    assert (row.status, row.return_mean) == ("elsewhere", None)
    assert row.problem
    assert "away" not in (stored.root / INDEX).read_text()
    for path in hidden.iterdir():
        shutil.move(path, object_of(stored, path.name))
    assert found(stored)["away"].status == "finished"


def test_results_of_another_configuration_are_nobodys_scores(stored: Project) -> None:
    stored.replace("runs/cartpole/config_snapshot.yaml", "gamma: 0.98", "gamma: 0.9")
    row = found(stored)["cartpole"]
    assert (row.status, row.return_mean, row.seeds) == ("resolved", None, None)
    own(stored.root / "runs/cartpole")
    assert found(stored)["cartpole"].return_mean is not None


def test_without_git_the_folders_are_all_there_is(stored: Project) -> None:
    shutil.rmtree(stored.root / ".git")
    assert set(found(stored)) == {"cartpole", "cartpole_epochs"}
