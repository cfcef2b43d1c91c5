"""The compare stage and `rlx compare`, end to end, and scores from elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rlx.errors import DataDamaged
from rlx.report.score_table import read_score_table
from tests.conftest import Project, own, run as run_command


def flat(text: str) -> str:
    return " ".join(text.split())


RAN = "> python -m stages."


def stages_of(output: str) -> set[str]:
    return {line.split()[3].removeprefix("stages.") for line in output.splitlines() if line.startswith(RAN)}


def comparison(study: Project) -> dict[str, object]:
    found: dict[str, object] = json.loads((study.root / "analysis/compare/comparison.json").read_text())
    return found


@pytest.mark.slow
def test_more_evaluations_or_checkpoints_change_no_verdict(study: Project) -> None:
    before = (study.root / "analysis/compare/comparison.json").read_bytes()
    for run in ("cartpole", "cartpole_epochs"):
        study.run("python", "-m", "stages.eval", run)
        summary = study.root / "runs" / run / "eval" / "summary.json"
        content = json.loads(summary.read_text())
        content["checkpoints"]["step_1024"] = content["checkpoints"]["best"]
        summary.unlink()
        summary.write_text(json.dumps(content))
    study.run("python", "-m", "stages.compare")
    assert (study.root / "analysis/compare/comparison.json").read_bytes() == before


@pytest.mark.slow
def test_how_to_judge_is_changed_without_training(study: Project) -> None:
    study.replace("params.yaml", "looks: null", "looks: [2, 4]")
    assert stages_of(study.dvc("repro", "compare")) == {"resolve", "compare"}
    study.replace("configs/env/cartpole.yaml", "threshold: 475.0", "threshold: 15")
    assert "train" not in stages_of(study.dvc("repro", "compare"))
    found = comparison(study)
    assert found["criteria"]["looks"] == [2, 4]  # type: ignore[index]
    assert found["learning"]["threshold"] == 15  # type: ignore[index]
    assert (
        "To settle it: go on to the next look, at 4 seeds each (less than a minute where they were trained): `rlx train cartpole -S num_seeds=4 && rlx train cartpole_epochs -S num_seeds=4`"
        in " ".join(study.rlx("compare").stdout.split())
    )


TASKS = "run,seed,score,task\n" + "".join(
    f"{method},{seed},{gain + seed},{task}\n"
    for task in ("A", "B")
    for method, gain in (("base", 0), ("up", 10))
    for seed in range(5)
)


def test_scores_of_several_tasks_are_normalised_by_what_is_given(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(TASKS)
    (tmp_path / "refs.csv").write_text("task,low,high\nA,0,10\nB,-10,10\nC,0,1\n")
    (tmp_path / "few.csv").write_text("task,low,high\nA,0,10\n")
    (tmp_path / "wrong.csv").write_text("task,low,high\nA,10,0\nB,0,1\n")

    def compared(*more: str) -> subprocess.CompletedProcess[str]:
        return run_command(["rlx", "compare", "--scores", "scores.csv", *more], tmp_path)

    plain = compared()
    assert "a seed of it beats one of base's" in flat(plain.stdout)
    assert "No scores are normalised" in flat(plain.stdout)
    given = compared("--references", "refs.csv")
    assert "+0.750 normalised score" in flat(given.stdout)
    assert "+10.00 normalised score" in flat(compared("--normalized").stdout)
    for more, status, told in (
        (["--references", "few.csv"], 4, "has no reference scores of B"),
        (["--references", "wrong.csv"], 4, "high (0) is not above low (10)"),
        (["--references", "refs.csv", "--normalized"], 2, "keep one of the two"),
        (["--looks", "5,3"], 2, "increase"),
        (["--looks", "5,x"], 2, "no list of numbers"),
    ):
        refused = compared(*more)
        assert (refused.returncode, told in flat(refused.stdout)) == (status, True), refused.stdout


def test_runs_whose_environment_ignores_seeds_are_told_beside_the_verdict(study: Project) -> None:
    said = "`reset(seed)` has no effect in their environment"
    assert said not in " ".join(study.rlx("compare").stdout.split())
    study.replace("runs/cartpole/task.json", '"seeded": true', '"seeded": false')
    assert said in " ".join(study.rlx("compare").stdout.split())


def test_runs_are_compared_by_the_length_of_their_episodes(finished: Project) -> None:
    """CartPole gives 1 per step: lengths are returns."""
    by_length, by_return = (
        json.loads(finished.rlx("compare", "--metric", metric, "--json").stdout) for metric in ("length", "return")
    )
    assert (by_length["metric"], by_length["criteria"]["minimum_effect"]) == ("length", 0.0)
    assert by_length["comparisons"][0]["difference"] == by_return["comparisons"][0]["difference"]
    assert "steps per episode" in " ".join(finished.rlx("compare", "--metric", "length").stdout.split())


def test_seeds_added_after_a_look_are_told(study: Project) -> None:
    assert "was finished with" not in study.rlx("compare").stdout
    study.replace("params.yaml", "num_seeds: 2", "num_seeds: 3")
    study.dvc("repro", "train@cartpole")
    path = study.root / "runs" / "cartpole" / "metadata.json"
    metadata = json.loads(path.read_text())
    assert [seed["planned"] for seed in metadata["seeds"]] == [2, 2, 3]
    evaluation = study.root / "runs" / "cartpole" / "eval" / "summary.json"
    content = json.loads(evaluation.read_text())
    for seed in range(
        3, 6
    ):  # as if the run had been finished with 4 seeds, then with 5: 3 could not have been decisive
        for checkpoint in content["checkpoints"].values():
            checkpoint["seeds"][str(seed)] = checkpoint["seeds"]["1"]
            checkpoint["n_seeds"] = len(checkpoint["seeds"])
    metadata["seeds"] = [{**metadata["seeds"][0], "seed": seed, "planned": max(4, seed)} for seed in range(1, 6)]
    for file, data in ((path, metadata), (evaluation, content)):
        file.unlink()
        file.write_text(json.dumps(data))
    own(study.root / "runs" / "cartpole")
    shown = " ".join(study.rlx("compare").stdout.split())
    assert "Beware: cartpole was finished with 4, then 5 seeds" in shown
    assert "Beware" in study.rlx("compare", "--md").stdout
    assert "was finished with" not in study.rlx("compare", "--sequential").stdout


@pytest.mark.slow
def test_several_environments_end_to_end(study: Project) -> None:
    for method, epochs in (("short", 1), ("long", 4)):
        for env in ("CartPole-v1", "Acrobot-v1"):
            name = f"{method}_{env.partition('-')[0].lower()}"
            study.write(f"configs/{name}.yaml", f"env: {{id: {env}}}\nalgo: {{update_epochs: {epochs}}}\n")
    study.replace(
        "params.yaml",
        "  runs: [cartpole, cartpole_epochs]\n",
        "  runs: [short_cartpole, short_acrobot, long_cartpole, long_acrobot]\n"
        "  methods: {short: [short_cartpole, short_acrobot], long: [long_cartpole, long_acrobot]}\n",
    )
    study.replace("params.yaml", "baseline: cartpole ", "baseline: short ")
    study.rlx("sync")
    study.dvc("repro")
    found = comparison(study)
    assert {method["method"] for method in found["methods"]} == {"short", "long"}  # type: ignore[attr-defined]
    assert found["references"] == {}  # nobody gave any, and the data are no scale
    pairs = {(item["run"], item["baseline"]) for item in found["comparisons"]}  # type: ignore[attr-defined]
    assert pairs == {("long_cartpole", "short_cartpole"), ("long_acrobot", "short_acrobot")}
    shown = study.rlx("compare").stdout
    assert "long against short is inconclusive over 2 environments" in flat(shown)
    assert max(len(line) for line in shown.splitlines() if "`rlx train" not in line) <= 80  # commands stay whole
    wrong = study.rlx("compare", "--baseline", "medium", check=False)
    assert wrong.returncode == 4
    study.replace("params.yaml", "long: [long_cartpole, long_acrobot]", "long: [long_cartpole, short_acrobot]")
    refused = study.rlx("compare", check=False)
    assert refused.returncode == 3
    assert "short_acrobot belongs to short already" in " ".join(refused.stdout.split())


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("eval/summary.json", '"step": 2048', '"step": null'),
        ("eval/summary.json", '"return_mean": ', '"return_mean": NaN, "x": '),
        ("eval/summary.json", '"task": {', '"task": 3, "x": {'),
        ("metadata.json", '"seeds": [', '"seeds": 3, "x": ['),
        ("metadata.json", '"versions": {', '"versions": "new", "x": {'),
        ("analysis.json", '"curves": {', '"curves": 3, "x": {'),
        ("analysis.json", '"values": [', '"values": ["high", '),
        ("plots/learning_curve.csv", ",1,", ",1,,"),
        ("plots/learning_curve.csv", "step,", "stop,"),
    ],
)
def test_damaged_results_are_named(finished: Project, tmp_path: Path, file: str, old: str, new: str) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(finished.root / "runs" / "cartpole", folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).unlink()
    if file.startswith("plots/"):
        (folder / "analysis.json").unlink()  # older ones have no curves
    (folder / file).write_text(text.replace(old, new, 1))
    done = finished.rlx("compare", "cartpole_epochs", str(folder), check=False)
    assert done.returncode == 4
    assert file.partition("/")[2] in done.stdout or file in done.stdout
    assert "Traceback" not in done.stdout


def test_options_that_mean_nothing_are_refused(finished: Project) -> None:
    for value in ("nan", "inf", "-1"):
        assert finished.rlx("compare", "--minimum-effect", value, check=False).returncode == 2
    alone = finished.rlx("compare", "cartpole_epochs").stdout
    assert alone.startswith("Not shown to beat random actions")  # of a budget that teaches nothing
    assert "cartpole_epochs against cartpole is inconclusive" in flat(alone)


def test_json_and_markdown_are_the_files(study: Project) -> None:
    assert json.loads(study.rlx("compare", "--json").stdout) == comparison(study)
    text = study.rlx("compare", "--md").stdout
    assert text.startswith("# Comparison\n\nNot shown to beat random actions")
    assert "\ncartpole_epochs against cartpole is inconclusive" in text
    assert "![" not in text


# --- scores from elsewhere --------------------------------------------------------------------------------------------

PUBLISHED = """run,seed,score
base,1,490.1
base,2,480.2
base,3,500.0
base,4,470.5
better,1,590
better,2,600.5
better,3,610
better,4,580
"""


def test_scores_from_a_file_need_no_project(tmp_path: Path) -> None:
    here = Project(tmp_path)
    here.write("scores.csv", PUBLISHED)
    shown = here.rlx("compare", "--scores", "scores.csv").stdout
    assert shown.startswith("better improved on base: +109.9 return [")
    other = here.rlx("compare", "--scores", "scores.csv", "--baseline", "better", "--minimum-effect", "500").stdout
    assert other.startswith("base against better is inconclusive")
    assert json.loads(here.rlx("compare", "--scores", "scores.csv", "--json").stdout)["checkpoint"] is None
    wrong = here.rlx("compare", "worse", "--scores", "scores.csv", check=False)
    assert wrong.returncode == 2
    assert "has no run 'worse'; there are: base, better" in " ".join(wrong.stdout.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs the columns run, seed and score, separated by commas; it has none"),
        ("run;seed;score\na;1;2\n", "separated by commas; it has run;seed;score"),
        ("run,seed,score\na,1,2,3\n", "line 2: has not as many cells"),
        ("run,seed,score\n\n\na,1\n", "line 4: has not as many cells"),
        ("run,seed,score,task\na,1,2,\n", "line 2: the task has no name"),
        ("run,seed,score\na,1,1e306\n", "line 2: the score '1e306' is not a finite number"),
        ("run,seed,score\n", "has no rows"),
        (
            "name,seed,score\na,1,2\n",
            "needs the columns run, seed and score, separated by commas; it has name, seed, score",
        ),
        ("run,seed,score\na,1,x\n", "line 2: the score 'x' is not a finite number"),
        ("run,seed,score\na,1,1\na,2,nan\n", "line 3: the score 'nan' is not a finite number"),
        ("run,seed,score\na,1,\n", "line 2: the score '' is not a finite number"),
        ("run,seed,score\na,1.5,1\n", "line 2: the seed '1.5' is not a whole number"),
        ("run,seed,score\na,1,1\na,1,2\n", "line 3: seed 1 of a is there twice"),
        ("run,seed,score\n,1,1\n", "line 2: the run has no name"),
    ],
)
def test_a_file_that_is_no_table_of_scores_is_told_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(DataDamaged, match=message):
        read_score_table(path)


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)


@given(st.dictionaries(names, st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_tables_read_back_to_the_last_bit(content: dict[str, list[float]]) -> None:
    import tempfile

    import pandas as pd

    rows = [{"run": run, "score": score} for run, scores in content.items() for score in scores]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        methods, runs = read_score_table(path)
    assert methods == {}
    assert {run.run: list(run.scores_S) for run in runs} == content


def test_tasks_make_methods(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    rng = np.random.default_rng(0)
    lines = [
        f"{run},{seed},{rng.normal(scale * (2 + gain), 0.3 * scale)},{task}"
        for run, gain in (("base", 0), ("better", 1))
        for task, scale in (("A", 1), ("B", 100))
        for seed in range(6)
    ]
    path.write_text("run,seed,score,task\n" + "\n".join(lines))
    shown = Project(tmp_path).rlx("compare", "--scores", "scores.csv").stdout
    assert shown.startswith("better improved on base over 2 environments")
