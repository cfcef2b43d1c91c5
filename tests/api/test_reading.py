"""Results of runs in Python: tables with the columns that are documented, under the checks that commands make."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import rlx
from rlx.api import EPISODES, METRICS, SCORES, Column
from rlx.errors import DataDamaged, Missing, NotInProject, RlxError, UnknownRun, UsageError
from rlx.records import RunFolder, iterate_rows
from tests.conftest import REPOSITORY, Project, own
from tests.stored_project import stored_project

TABLES = {"scores": SCORES, "episodes": EPISODES, "metrics": METRICS}


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "stored")


def content(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a project but for what is disposable."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_relative_to(folder / ".dvc" / "tmp")
    }


def documented(text: str) -> dict[str, Column]:
    """Return the columns that a docstring lists."""
    return {name: Column(dtype, meaning) for name, dtype, meaning in re.findall(r"- ``(\S+)`` \((\w+)\): (.+)", text)}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_columns_that_are_documented(stored: Project, table: str) -> None:
    columns = TABLES[table]
    assert documented(getattr(rlx.Run, table).__doc__) == columns
    page = (REPOSITORY / "docs" / "python.md").read_text()
    assert all(f"| `{name}` | {column.dtype} | {column.meaning} |" in page for name, column in columns.items())
    found = getattr(rlx.open(stored.root).runs["cartpole"], table)
    head = found.iloc[:, : len(columns)]
    assert {name: str(dtype) for name, dtype in head.dtypes.items()} == {n: c.dtype for n, c in columns.items()}
    assert {str(dtype) for dtype in found.iloc[:, len(columns) :].dtypes} <= {"float64"}
    assert isinstance(found.index, pd.RangeIndex)


def test_scores_and_episodes_are_those_of_the_files(stored: Project) -> None:
    run = rlx.open(stored.root).runs["cartpole"]
    summary = json.loads((stored.root / "runs/cartpole/eval/summary.json").read_text())["checkpoints"]
    seeds = summary["latest"]["seeds"]
    assert run.scores["seed"].tolist() == [1, 2]
    assert run.scores["score"].tolist() == [seeds["1"]["return_mean"], seeds["2"]["return_mean"]]
    assert run.scores["best_step"].tolist() == [summary["best"]["seeds"][seed]["step"] for seed in ("1", "2")]
    means = run.episodes.query("checkpoint == 'latest'").groupby("seed")["return"].mean()
    assert means.tolist() == pytest.approx(run.scores["score"].tolist())


def test_metrics_are_all_rows_of_the_file(stored: Project) -> None:
    found = rlx.open(stored.root).runs["cartpole"].metrics
    rows = list(iterate_rows(stored.root / "runs/cartpole/metrics.jsonl"))
    assert len(found) == len(rows)
    assert {*found} == {key for row in rows for key in row}
    for row in rows:
        (mine,) = found[(found["seed"] == row["seed"]) & (found["step"] == row["step"])].to_dict("records")
        assert {key: value for key, value in mine.items() if pd.notna(value)} == row


def test_a_run_without_best_policies_has_none(stored: Project) -> None:
    path = stored.root / "runs/cartpole/eval/summary.json"
    summary = json.loads(path.read_text())
    del summary["checkpoints"]["best"]
    path.write_text(json.dumps(summary))
    found = rlx.open(stored.root).runs["cartpole"].scores
    assert found["best"].isna().all()
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {n: c.dtype for n, c in SCORES.items()}


def test_configuration_and_findings_are_the_classes_of_the_rooms(stored: Project) -> None:
    run = rlx.open(stored.root).runs["cartpole"]
    assert run.config == RunFolder(stored.root / "runs" / "cartpole").snapshot.config
    told = json.loads(stored.rlx("diagnose", "cartpole", "--json", check=False).stdout)["findings"]
    assert [finding.id for finding in run.findings] == [finding["id"] for finding in told] != []
    assert run.status == run.row.status == "finished"


def test_what_is_not_trained_says_what_to_do(stored: Project) -> None:
    folder = stored.root / "runs" / "later"
    folder.mkdir()
    (folder / "config_snapshot.yaml").write_bytes((stored.root / "runs/cartpole/config_snapshot.yaml").read_bytes())
    run = rlx.open(stored.root).runs["later"]
    assert run.config.env.id == "CartPole-v1"
    for table in TABLES:
        with pytest.raises(Missing, match="`dvc repro`"):
            getattr(run, table)
    with pytest.raises(Missing, match="later has no checkpoints yet"):
        run.policy()
    assert run.status == "resolved"


def test_an_unknown_run_is_a_key_error_and_names_the_nearest(stored: Project) -> None:
    runs = rlx.open(stored.root).runs
    assert "cartpol" not in runs
    assert runs.get("cartpol") is None
    assert (3 in runs, None in runs, runs.get(None), runs.get([1])) == (False, False, None, None)
    with pytest.raises(UnknownRun, match="a run has a name, and int is none"):
        runs[3]  # type: ignore[index]
    with pytest.raises(UnknownRun) as told:
        runs["cartpol"]
    assert str(told.value) == stored.rlx("info", "cartpol", check=False).stdout.strip().removeprefix("error: ")
    assert isinstance(told.value, KeyError)


def test_runs_are_those_of_ls_and_where_narrows_them(stored: Project) -> None:
    stored.rlx("tag", "cartpole", "paper")
    project = rlx.open(stored.root / "runs")
    assert project.root == stored.root
    rows = json.loads(stored.rlx("ls", "--json").stdout)["runs"]
    assert list(project.runs) == [row["id"] for row in rows]
    assert list(project.runs.where(tag="paper")) == ["cartpole"]
    assert list(project.runs.where(tag="paper", environment="Acrobot-v1")) == []
    assert len(project.runs.where(environment="CartPole-v1")) == 2
    with pytest.raises(UnknownRun, match="among these"):
        project.runs.where(tag="paper")["cartpole_epochs"]
    with pytest.raises(Missing, match="there is no study"):
        project.runs.where(study="none")


def test_where_study_gives_what_its_ledger_started(stored: Project) -> None:
    folder = stored.root / "studies" / "cartpole" / "faster"
    line = {"event": "started", "data": {"experiment": "faster_c1"}}
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "contract.yaml").write_text("{}\n")
    from rlx.studies import of_studies

    assert of_studies(stored.root, ["faster_c1", "faster_mine", "cartpole"], "faster") == {"faster_c1"}
    assert of_studies(stored.root, ["faster_c1"], "slower") == set()


def test_reading_writes_nothing_and_runs_nothing_of_the_project(stored: Project, tmp_path: Path) -> None:
    """A stranger's code is not imported for what files tell."""
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for package in ("envs", "policies", "algorithms", "stages"):
        stored.write(f"{package}/__init__.py", trap)
    stored.commit("a trap")
    before = content(stored.root)
    project = rlx.open(stored.root)
    for run in project.runs.values():
        assert len(run.scores) + len(run.episodes) + len(run.metrics) > 0
        assert run.config
        assert run.findings
        assert run._repr_html_()
    assert project._repr_html_()
    assert rlx.compare(*project.runs.values())._repr_html_()
    rlx.plot(*project.runs.values())
    assert content(stored.root) == before
    assert not (tmp_path / "ran").exists()


def test_texts_of_others_are_escaped(stored: Project) -> None:
    stored.rlx("note", "cartpole", "<script>alert(1)</script>")
    path = stored.root / "runs/cartpole/metadata.json"
    data = json.loads(path.read_text())
    data["environment"] = "<img src=x>"
    path.write_text(json.dumps(data))
    project = rlx.open(stored.root)
    for page in (project._repr_html_(), project.runs["cartpole"]._repr_html_()):
        assert "<script" not in page
        assert "<img" not in page
    assert "&lt;img src=x&gt;" in project._repr_html_()


def test_a_damaged_file_is_told_as_the_command_tells_it(stored: Project) -> None:
    (stored.root / "runs/cartpole/eval/summary.json").write_text("{")
    own_words = stored.rlx("eval", "cartpole", check=False)
    assert own_words.returncode
    with pytest.raises(DataDamaged, match="is not an evaluation summary"):
        _ = rlx.open(stored.root).runs["cartpole"].scores
    assert "problem" in rlx.open(stored.root).runs["cartpole"]._repr_html_()


def test_results_of_another_configuration_are_not_taken_for_the_runs(stored: Project) -> None:
    path = stored.root / "runs/cartpole/config_snapshot.yaml"
    path.write_text(path.read_text().replace("gamma: 0.98", "gamma: 0.5"))
    run = rlx.open(stored.root).runs["cartpole"]
    assert run.config.algo.gamma == 0.5
    with pytest.raises(Missing):
        _ = run.scores
    own(stored.root / "runs/cartpole")
    assert len(run.scores) == 2


def test_no_project_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NotInProject, match="`rlx init NAME`"):
        rlx.open(tmp_path)
    with pytest.raises(Missing, match="no such folder"):
        rlx.open(tmp_path / "nowhere")
    (tmp_path / "params.yaml").touch()
    with pytest.raises(UsageError, match=r"params.yaml: is a file; give the project's folder"):
        rlx.open(tmp_path / "params.yaml")
    for odd in (None, 3):
        with pytest.raises(UsageError, match="is no path; give a project's folder"):
            rlx.open(odd)  # type: ignore[arg-type]


def test_a_notebook_shows_an_error_as_its_message() -> None:
    assert RlxError("what, where, what to do")._render_traceback_() == ["RlxError: what, where, what to do"]
    assert UnknownRun("no 'x'")._render_traceback_() == ["UnknownRun: no 'x'"]
