"""By what runs are judged: said for an environment or a run, derived where nobody says, and never a reason to train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlx.config.composition import compose_run
from rlx.config.judging import read_judging
from rlx.errors import ConfigError
from rlx.records.runs import RunFolder
from rlx.report.study_comparison import compare_folders
from tests.conftest import REPOSITORY, Project


def test_a_change_of_judging_trains_nothing_and_changes_the_verdict(study: Project) -> None:
    """DVC evaluates and compares both runs again."""
    before, verdict = study.lock(), comparison(study)
    assert (verdict["minimum_effect"], verdict["derived"]) == (5.0, False)
    study.replace("configs/env/cartpole.yaml", "minimum_effect: 5.0", "minimum_effect: 99999")
    study.replace("configs/cartpole.yaml", "run_name", "final_eval: {episodes: 3}\nrun_name")
    study.replace("configs/cartpole_epochs.yaml", "run_name", "final_eval: {episodes: 3}\nrun_name")
    study.dvc("repro", "compare")
    after, verdict = study.lock(), comparison(study)
    assert [after[f"train@{run}"] for run in ("cartpole", "cartpole_epochs")] == [
        before[f"train@{run}"] for run in ("cartpole", "cartpole_epochs")
    ]
    assert (verdict["minimum_effect"], "±99999" in verdict["reason"]) == (99999.0, True)
    assert json.loads((study.root / "runs/cartpole/eval/summary.json").read_text())["task"]["protocol"]["episodes"] == 3
    text = (study.root / "runs/cartpole/judging.yaml").read_text()
    assert "  episodes: 3  # configs/cartpole.yaml\n" in text
    assert "  minimum_effect: 99999.0  # configs/env/cartpole.yaml\n" in text
    assert "  seed: 0  # params.yaml\n" in text
    asked = study.rlx("compare", "--minimum-effect", "0.25", "--json").stdout
    assert json.loads(asked)["comparisons"][0]["minimum_effect"] == 0.25


@pytest.mark.slow
def test_an_experiment_may_be_judged_otherwise(study: Project) -> None:
    """It is another experiment then, and its training is not repeated."""
    said = study.rlx("train", "cartpole", "-S", "compare.minimum_effect=0.5", "--name", "strict").stdout
    assert "kept, since trained before" not in said
    assert read_judging(study.root / "runs/strict/judging.yaml").minimum_effect == 0.5
    assert "strict is that already" in study.rlx("train", "cartpole", "-S", "compare.minimum_effect=0.5").stdout


def comparison(project: Project) -> dict:
    return json.loads((project.root / "analysis/compare/comparison.json").read_text())["comparisons"][0]


def test_what_nobody_says_is_derived_and_shown_as_derived(study: Project) -> None:
    folders = [RunFolder(study.root / "runs" / run) for run in ("cartpole", "cartpole_epochs")]
    (study.root / "configs/env/cartpole.yaml").unlink()
    composed = compose_run(study.root, "cartpole")
    judged = composed.judged(475.0)
    assert (judged.minimum_effect, judged.threshold, judged.own) == (None, 475.0, ())
    assert "threshold: 475.0  # Gymnasium's reward_threshold of CartPole-v1" in judged.to_yaml()
    assert "minimum_effect: null  # derived when compared: 2 %" in judged.to_yaml()
    assert composed.judged(None).threshold is None
    for folder in folders:
        (folder.path / "judging.yaml").write_text(judged.to_yaml())
    found = compare_folders(folders, "cartpole", read_parameters(study.root).compare)
    wanted = float(f"{0.02 * (475 - found.random_returns['cartpole']):.2g}")
    assert [(one.minimum_effect, one.derived) for one in found.comparisons] == [(wanted, True)]
    shown = study.rlx("compare").stdout
    assert f"up to ±{wanted:g} count as too small to matter, derived" in " ".join(shown.split())


def read_parameters(root: Path):
    from rlx.config.composition import read_parameters as read

    return read(root)


def test_an_environment_is_judged_by_its_own_file(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("params.yaml", "study: {runs: [a]}\nenv: {id: A-v0}\ncompare: {minimum_effect: 7}\n")
    project.write("configs/env/a.yaml", "id: A-v0\ncompare: {minimum_effect: 1, threshold: null}\n")
    project.write("configs/env/b.yaml", "id: B-v0\nfinal_eval: {episodes: 9}\ncompare: {minimum_effect: 2}\n")
    for name, text in {
        "a": "run_name: by its id\n",
        "b": "defaults: [{env: b}]\n",
        "own": "defaults: [{env: b}]\ncompare: {minimum_effect: 3}\n",
        "other": "defaults: [{env: b}]\nenv: {id: C-v0}\n",
    }.items():
        project.write(f"configs/{name}.yaml", text)
    judged = {name: compose_run(tmp_path, name).judged(99.0) for name in ("a", "b", "own", "other")}
    assert {name: found.minimum_effect for name, found in judged.items()} == {"a": 1, "b": 2, "own": 3, "other": 7}
    assert {name: found.threshold for name, found in judged.items()} == {"a": None, "b": 99, "own": 99, "other": 99}
    assert {name: found.final_eval.episodes for name, found in judged.items()} == {
        "a": 100, "b": 9, "own": 9, "other": 100,
    }  # fmt: skip
    assert "final_eval" not in compose_run(tmp_path, "own").config.model_dump()
    project.write("configs/wrong.yaml", "compare: {minimum_effekt: 3, alpha: 0.1}\nfinal_eval: {episodes: -1}\n")
    with pytest.raises(ConfigError) as refused:
        compose_run(tmp_path, "wrong")
    assert [problem.line for problem in refused.value.problems] == [1, 1, 2]
    project.write("configs/env/a2.yaml", "id: A-v0\ncompare: {minimum_effect: 4}\n")
    with pytest.raises(ConfigError, match=r"configs/env/a2\.yaml:2.*configs/env/a\.yaml says"):
        compose_run(tmp_path, "a")


def test_sync_brings_an_older_pipeline_up_to_date(project: Project) -> None:
    old, data = project.root, REPOSITORY / "tests" / "data" / "older_pipeline"
    now = (old / "dvc.yaml").read_text()
    theirs = (
        (data / "dvc.yaml.txt")
        .read_text()
        .replace("stages:\n", "stages:\n  mine:  # my own\n    cmd: echo hello\n\n", 1)
    )
    project.write("dvc.yaml", theirs)
    for stage in ("resolve", "eval", "video"):
        project.write(f"stages/{stage}.py", (data / f"{stage}.py.txt").read_text())
    project.replace("params.yaml", "runs: [cartpole, cartpole_epochs]", "runs: [cartpole_epochs]")
    project.replace("params.yaml", "baseline: cartpole ", "baseline: cartpole_epochs ")
    told = project.run("rlx", "train", "cartpole_epochs", check=False)
    assert (told.returncode, "bring them up to date with `rlx upgrade`" in " ".join(told.stdout.split())) == (3, True)
    assert "dvc.yaml is of an older rlx" in " ".join(project.rlx("doctor", check=False).stdout.split())
    project.write("stages/eval.py", "# mine altogether\n")
    assert "stages/eval.py is changed from what rlx shipped" in project.rlx("sync").stdout
    assert "judging.yaml" not in (old / "dvc.yaml").read_text()
    project.write("stages/eval.py", (data / "eval.py.txt").read_text() + "# mine\n")
    assert "as `rlx upgrade` does: stages/eval.py, dvc.yaml" in " ".join(project.rlx("sync").stdout.split())
    assert (old / "stages/eval.py").read_text() == (REPOSITORY / "stages/eval.py").read_text() + "# mine\n"
    project.replace("dvc.yaml", "  mine:  # my own\n    cmd: echo hello\n\n", "")
    project.replace("params.yaml", "runs: [cartpole_epochs]", "runs: [cartpole, cartpole_epochs]")
    project.rlx("sync")
    assert (old / "dvc.yaml").read_text() == now
    assert (old / "stages/resolve.py").read_text() == (REPOSITORY / "stages/resolve.py").read_text()
    assert "brought up to date" not in project.rlx("sync").stdout
