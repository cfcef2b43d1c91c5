"""``rlx.compare`` gives the verdict of `rlx compare`, of runs and of scores from elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rlx
from rlx.api import Run
from rlx.comparison import StudyComparison
from rlx.errors import DataDamaged, Missing, UsageError
from tests.conftest import Project, run as run_command
from tests.stored_project import stored_project

THEIRS, OURS = [241.5, 260.0, 239.25, 251.0, 248.0], [310.0, 288.5, 305.0, 299.0, 316.0]


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "stored")


def command(folder: Path, *arguments: str) -> dict:
    return json.loads(run_command(["rlx", "compare", *arguments, "--json"], folder, apart=True).stdout)


@pytest.mark.parametrize(
    ("named", "options"),
    [
        (["cartpole", "cartpole_epochs"], {}),
        (["cartpole_epochs", "cartpole"], {"baseline": "cartpole_epochs", "checkpoint": "best"}),
        (["cartpole_epochs"], {"minimum_effect": 5.0}),
        (["cartpole", "cartpole_epochs"], {"metric": "length"}),
        (["cartpole", "cartpole_epochs"], {"sequential": True, "looks": [2, 3]}),
        ([], {}),
    ],
)
def test_the_verdict_is_that_of_the_command(stored: Project, named: list[str], options: dict) -> None:
    words = []
    for key, value in options.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{key.replace('_', '-')}", *([] if value is True else [text])]
    runs = rlx.open(stored.root).runs
    found = rlx.compare(*(runs[name] for name in named), **options, project=stored.root)
    assert isinstance(found, StudyComparison)
    assert found.to_dict() == command(stored.root, *named, *words)


def test_runs_may_be_named_and_need_a_project_then(stored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rlx.compare("cartpole", "cartpole_epochs", project=stored.root)
    assert found.verdict == found.comparison.verdict == "inconclusive"
    monkeypatch.chdir(stored.root)
    assert rlx.compare("cartpole", "cartpole_epochs").to_dict() == found.to_dict()
    assert repr(found).splitlines()[0] == found.to_dict()["headline"][0]
    assert repr(found) == "\n".join(found.headlines)


def test_a_verdict_is_shown_as_html_and_as_the_commands_markdown(stored: Project) -> None:
    found = rlx.compare("cartpole", "cartpole_epochs", project=stored.root)
    page = found._repr_html_()
    assert page.count("<table>") == page.count("</table>") > 1
    assert "cartpole_epochs against cartpole: inconclusive" in page
    assert "<code>rlx train cartpole -S num_seeds=5 &amp;&amp; rlx train cartpole_epochs -S num_seeds=5</code>" in page
    assert found._repr_markdown_() == stored.rlx("compare", "cartpole", "cartpole_epochs", "--md").stdout


def as_csv(path: Path, scores: dict[str, list[float]]) -> Path:
    rows = [f"{name},{seed},{score!r}" for name, row in scores.items() for seed, score in enumerate(row)]
    path.write_text("\n".join(["run,seed,score", *rows]) + "\n")
    return path


@pytest.mark.parametrize("given", ["lists", "arrays", "mapping", "by seed", "series", "table", "file", "path"])
def test_scores_from_elsewhere_are_judged_as_a_file_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = as_csv(tmp_path / "scores.csv", {"theirs": THEIRS, "ours": OURS})
    names = ["theirs", "ours"]
    found = {
        "lists": lambda: rlx.compare(THEIRS, OURS, names=names),
        "arrays": lambda: rlx.compare(np.array(THEIRS), np.array(OURS), names=names),
        "mapping": lambda: rlx.compare({"theirs": THEIRS, "ours": np.array(OURS)}),
        "by seed": lambda: rlx.compare(dict(enumerate(THEIRS)), dict(enumerate(OURS)), names=names),
        "series": lambda: rlx.compare(pd.Series(THEIRS), pd.Series(OURS), names=names),
        "table": lambda: rlx.compare(pd.read_csv(path)),
        "file": lambda: rlx.compare("scores.csv"),
        "path": lambda: rlx.compare(path),
    }[given]()
    assert found.verdict == "improved"
    assert found.to_dict() == command(tmp_path, "--scores", str(path))


def test_several_tasks_are_judged_as_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    rows = [
        {"run": run, "seed": seed, "task": task, "score": 0.4 + shift + 0.05 * rng.random()}
        for run, shift in (("old", 0.0), ("new", 0.3))
        for task in ("pong", "maze")
        for seed in range(5)
    ]
    pd.DataFrame(rows).to_csv("tasks.csv", index=False)
    found = rlx.compare(pd.DataFrame(rows), normalized=True, baseline="old")
    assert found.to_dict() == command(tmp_path, "--scores", "tasks.csv", "--normalized", "--baseline", "old")
    assert "<table>" in found._repr_html_()
    with pytest.raises(UsageError, match="candidates"):
        _ = found.verdict


def test_scores_are_judged_by_the_settings_of_a_named_project(stored: Project) -> None:
    stored.replace("params.yaml", "compare:\n", "compare:\n  minimum_effect: 200.0\n")
    assert rlx.compare(THEIRS, OURS, project=stored.root).criteria.minimum_effect == 200.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: rlx.compare([1.0, float("nan")], [2.0, 3.0]), "a, seed 1: the score 'nan' is not a finite number"),
        (lambda: rlx.compare([1.0, 2.0], [[2.0], [3.0]]), "b: has the shape"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], names=["a"]), "1 names"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], names=["a", "a"]), "1 different ones"),
        (lambda: rlx.compare([1.0, 2.0], []), "b: has no scores"),
        (lambda: rlx.compare({"a": [1.0], "b": [2.0]}, [1.0]), "given alone"),
        (lambda: rlx.compare(pd.DataFrame({"seed": [1], "score": [2.0]})), "needs the columns run, seed and score"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], checkpoint="best"), "does not apply"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], minimum_effect=-1), "at least 0"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], looks=[5, 2]), "looks"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], metric="steps"), "none of return, length, success"),
        (lambda: rlx.compare([1.0, 2.0], [2.0, 3.0], baseline="z"), "has no run 'z'"),
        (lambda: rlx.compare([1.0, 2.0], "cartpole"), "one at a time"),
        (lambda: rlx.compare(3), "int is no run"),
        (
            lambda: rlx.compare([Run(Path(), "a"), Run(Path(), "b")]),
            r"one by one, not as a list: rlx.compare\(one, other\)",
        ),
        (lambda: rlx.compare([True, False], [1.0, 2.0]), "a, seed 0: True is no score"),
        (lambda: rlx.compare("scores.csv"), "scores.csv: there is no such file"),
    ],
)
def test_what_cannot_be_judged_is_told(wrong, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Missing if "no such file" in told else (UsageError, DataDamaged), match=told):
        wrong()


def test_a_baseline_that_nobody_named_is_told_as_the_studys(stored: Project) -> None:
    shutil.rmtree(stored.root / "runs/cartpole")
    with pytest.raises(
        Missing, match=r"cartpole_epochs alone is compared with cartpole, the study's baseline \(params.yaml\)"
    ):
        rlx.compare("cartpole_epochs", project=stored.root)


def test_a_run_without_scores_is_told_as_the_command_tells_it(stored: Project) -> None:
    (stored.root / "runs/cartpole_epochs/eval/summary.json").unlink()
    with pytest.raises(Missing) as told:
        rlx.compare("cartpole", "cartpole_epochs", project=stored.root)
    done = stored.rlx("compare", "cartpole", "cartpole_epochs", check=False)
    assert done.stdout.strip() == f"error: {told.value}"


def test_names_of_runs_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = rlx.compare(THEIRS, OURS, names=["<b>theirs</b>", "<script>"])._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
