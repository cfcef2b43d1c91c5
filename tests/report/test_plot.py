"""Curves of any run: `rlx plot`."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from tensorboardX import event_file_writer
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from rlx import stats
from rlx.config import Metric
from rlx.errors import Missing, UsageError
from rlx.records import RunFolder, clock as clock_file
from rlx.records.clock import ClockWriter, read_clock
from rlx.records.metrics import read_rows
from rlx.report import curve_sheet
from rlx.report.metric_choice import INTERNALS, chosen_metrics
from rlx.report.plots import sight
from tests.conftest import REPOSITORY, Project, own

RETURN = "rollout/return_mean"


def drawn(project: Project, *arguments: str) -> dict[str, Any]:
    content = json.loads(project.rlx("plot", *arguments, "--json").stdout)
    assert content["format"] == 1
    return content


def words(text: str) -> str:
    return " ".join(text.split())


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_the_points_are_those_of_the_run(finished: Project) -> None:
    content = drawn(finished, "cartpole", "cartpole@HEAD")
    one, kept = content["runs"]
    assert one["metrics"] == kept["metrics"]
    assert (one["environment"], kept["run"]) == ("CartPole-v1", "cartpole@HEAD")
    summary = json.loads((finished.root / "runs/cartpole/eval/summary.json").read_text())
    assert one["random_return"] == summary["random"]["return_mean"]
    table = pd.read_csv(finished.root / "runs/cartpole/plots/learning_curve.csv")
    curve = one["metrics"][RETURN]
    for seed, rows in table.groupby("seed"):
        assert curve["seeds"][str(seed)] == {"x": rows["step"].tolist(), "values": rows["return_mean"].tolist()}
    first = stats.mean_with_interval(np.array([seed["values"][0] for seed in curve["seeds"].values()]))
    assert first.interval
    assert [curve[key][0] for key in ("mean", "low", "high", "n")] == pytest.approx(
        [first.mean, first.interval.low, first.interval.high, 2]
    )
    rows = read_rows(finished.root / "runs/cartpole/metrics.jsonl")
    played = {
        row["step"]: row["validation/return_mean"]
        for row in rows
        if row["seed"] == 1 and "validation/return_mean" in row
    }
    found = one["metrics"]["validation/return_mean"]["seeds"]["1"]
    assert dict(zip(found["x"], found["values"], strict=True)) == played


def test_all_metrics_are_those_that_change(finished: Project, tmp_path: Path) -> None:
    said = words(finished.rlx("plot", "cartpole", "--metric", "all", "-o", str(tmp_path / "all.png")).stdout)
    left_out = said.partition("left out, since constant: ")[2]
    assert left_out.startswith("train/learning_rate (0.001") or ", train/learning_rate (0.001" in left_out
    assert "rollout/return_mean" not in left_out


@settings(deadline=None)  # the first call imports SciPy
@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6), min_size=3, max_size=8),
    st.sampled_from([1e-9, 1.0, 1e6]),
)
def test_bands_end_inside_the_picture_unless_they_dwarf_the_curves(rows: list[list[float]], scale: float) -> None:
    seeds_ST = np.array(rows) * scale
    band = stats.mean_band(seeds_ST)
    low, high = sight(list(seeds_ST), [band])
    room = float(np.ptp(seeds_ST)) or abs(float(seeds_ST[0, 0])) or 1.0
    assert low < seeds_ST.min()
    assert seeds_ST.max() < high
    edges = np.concatenate([band.low_T[band.telling_T], band.high_T[band.telling_T]])
    if edges.size and seeds_ST.min() - room < edges.min():
        assert low < edges.min()
    if edges.size and edges.max() < seeds_ST.max() + room:
        assert edges.max() < high


def test_csv_has_every_point(finished: Project) -> None:
    table = finished.rlx("plot", "cartpole", "--metric", "approx_kl", "--windows", "0", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    logged = {
        (str(row["seed"]), str(row["step"])): row["train/approx_kl"]
        for row in read_rows(finished.root / "runs/cartpole/metrics.jsonl")
    }
    assert {(row["seed"], row["x"]): float(row["value"]) for row in rows if row["seed"]} == logged
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows if not row["seed"])


def test_the_mean_ends_where_too_few_seeds_go_on() -> None:
    nan = np.nan
    band = stats.mean_band(np.array([[nan, 1, 2, 3, 4], [0, 3, 4, nan, nan], [0, 5, 9, 9, nan]]))
    assert band.n_T.tolist() == [0, 3, 3, 2, 0]
    assert band.mean_T[1:4].tolist() == [3, 5, 6]
    assert np.isnan(band.mean_T[[0, 4]]).all()
    expected = stats.mean_with_interval(np.array([1.0, 3, 5])).interval
    assert expected
    assert (band.low_T[1], band.high_T[1]) == pytest.approx((expected.low, expected.high))
    alone = stats.mean_band(np.array([[1.0, 2.0]]))
    assert alone.mean_T.tolist() == [1, 2]
    assert np.isnan(alone.low_T).all()


# --- where it goes ----------------------------------------------------------------------------------------------------


def test_pictures_have_names_and_are_not_for_git(study: Project) -> None:
    before = study.git("status", "--short")
    picture = study.rlx("plot", "cartpole", "cartpole_epochs").stdout
    assert picture == "plots/cartpole+cartpole_epochs-returns.png\n"
    assert (study.root / picture.strip()).read_bytes().startswith(b"\x89PNG")
    assert study.git("status", "--short") == before
    study.rlx("plot", "cartpole", "--metric", "all", "-o", "all.svg")
    assert "<svg" in (study.root / "all.svg").read_text()


def test_the_page_needs_no_network(finished: Project, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    told = finished.rlx("plot", "cartpole", "cartpole_epochs", "--metric", "internals", "-o", str(target)).stdout
    assert told == f"{target}\n"
    page = target.read_text()
    assert "Plotly.newPlot" in page
    assert 'src="http' not in page
    assert '"showSendToCloud": false' in page
    assert all(f"{run} (2 seeds): mean" in page for run in ("cartpole", "cartpole_epochs"))
    data = page.split("Plotly.newPlot")[-1].replace(r"\u002f", "/")
    assert "train/explained_variance" in data
    assert "train/std" not in data  # CartPole's actions have none
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


# --- seconds of training ----------------------------------------------------------------------------------------------


def test_sessions_are_put_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock_file.time, "monotonic", lambda: now)

    def session(start: float, after: int, steps: dict[int, float]) -> None:
        nonlocal now
        now = start
        clock = ClockWriter(tmp_path, after)
        for step, moment in steps.items():
            now = moment
            clock.add(step, step / 100)
        clock.close()

    session(1000, 0, {10: 1001, 20: 1002, 30: 1003})
    session(5000, 20, {30: 5002, 40: 5004})
    assert read_clock(tmp_path) == ({10: 1, 20: 2, 30: 4, 40: 6}, {10: 0.1, 20: 0.2, 30: 0.3, 40: 0.4})
    path = tmp_path / "clock.csv"
    assert path.read_text().startswith("step,seconds,update_seconds\n10,1.000000,0.100000\n")
    path.write_bytes(path.read_bytes()[:-5])
    assert read_clock(tmp_path).seconds == {10: 1, 20: 2, 30: 4}
    path.write_text(path.read_text().rpartition("\n")[0] + "\nwhat,1,2\n50,nan,1\n60,7.5,\n")
    assert read_clock(tmp_path) == ({10: 1, 20: 2, 30: 4, 60: 7.5}, {10: 0.1, 20: 0.2, 30: 0.3})
    session(9000, 0, {10: 9003})
    assert read_clock(tmp_path).seconds == {10: 3}


def write_as_older_versions(folder: Path, start: float, first: int, steps: dict[int, float]) -> None:
    """Write the event file of one session: of a resumed one, what came from ``first`` on counts."""
    writer = EventsWriter(str(folder / "events"), f".{start}")
    writer.write_event(Event(wall_time=start, step=first, session_log=SessionLog(status=SessionLog.START)))
    for step, moment in steps.items():
        values = [Summary.Value(tag=tag, simple_value=0.5) for tag in ("train/loss", "time/update_seconds")]
        writer.write_event(Event(wall_time=moment, step=step, summary=Summary(value=values)))
    writer.close()


def test_seeds_of_older_versions_have_their_times_in_event_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start, first, steps in (
        (1000, 0, {10: 1001, 20: 1002, 30: 1003}),
        (5000, 21, {30: 5002, 40: 5004}),
    ):
        monkeypatch.setattr(event_file_writer.time, "time", lambda start=start: start)
        write_as_older_versions(tmp_path, start, first, steps)
    assert read_clock(tmp_path) == ({10: 1, 20: 2, 30: 4, 40: 6}, dict.fromkeys((10, 20, 30, 40), 0.5))
    ClockWriter(tmp_path, 30).close()  # a seed that an older version began goes on
    assert read_clock(tmp_path) == ({10: 1, 20: 2, 30: 4}, dict.fromkeys((10, 20, 30), 0.5))
    (tmp_path / "clock.csv").unlink()
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-5])
    assert read_clock(tmp_path).seconds == {10: 1, 20: 2, 30: 4}


def test_time_is_read_from_the_logs(study: Project) -> None:
    curve = drawn(study, "cartpole", "--x", "time")["runs"][0]["metrics"][RETURN]
    spent = {
        seed["seed"]: seed["seconds"]
        for seed in json.loads((study.root / "runs/cartpole/metadata.json").read_text())["seeds"]
    }
    for seed, found in curve["seeds"].items():
        assert sorted(found["x"]) == found["x"]
        assert 0 < found["x"][-1] <= spent[int(seed)]
    shutil.rmtree(study.root / "runs/cartpole/logs/seed_1")
    content = drawn(study, "cartpole", "cartpole@HEAD", "--x", "time")
    assert content["notes"] == ["cartpole: no logs, so no times, of seed 1"]
    assert [set(run["metrics"][RETURN]["seeds"]) for run in content["runs"]] == [{"2"}, {"1", "2"}]
    shutil.rmtree(study.root / "runs/cartpole/logs")
    refused = study.rlx("plot", "cartpole", "--x", "time", check=False)
    assert refused.returncode == 4
    assert "cartpole: its logs/ are not here" in words(refused.stdout)


# --- runs that are not finished, or lack something --------------------------------------------------------------------


def test_a_run_in_training_is_drawn_as_far_as_it_is(study: Project) -> None:
    lines = (study.root / "runs/cartpole/metrics.jsonl").read_text().splitlines(keepends=True)
    config = (study.root / "runs/cartpole/config_snapshot.yaml").read_text()
    for seed, rows in (("1", 8), ("2", 3)):
        mine = [line for line in lines if f'"seed": {seed},' in line][:rows]
        study.write(f"runs/live/bench/seed_{seed}/metrics.jsonl", "".join(mine) + '{"seed": 2, "st')
    study.write("runs/live/config_snapshot.yaml", config)
    study.write("runs/none/config_snapshot.yaml", config.replace("gamma: 0.98", "gamma: 0.5"))
    (study.root / "runs/cartpole/metrics.jsonl").unlink()  # as while `dvc repro` trains: the bench has it
    content = drawn(study, "live", "none", "cartpole")
    live, cartpole = content["runs"]
    curve = live["metrics"][RETURN]
    assert [len(seed["x"]) for seed in curve["seeds"].values()] == [8, 8]
    assert curve["n"] == [2, 2, 2, 0, 0, 0, 0, 0]
    assert curve["mean"][3] is None
    assert set(cartpole["metrics"][RETURN]["seeds"]) == {"1", "2"}
    assert len(content["notes"]) == 1
    assert "none: there are no metrics of it here" in content["notes"][0]


def test_runs_without_episodes_or_on_other_environments(study: Project) -> None:
    rows = read_rows(study.root / "runs/cartpole/metrics.jsonl")
    silent = [
        {key: value for key, value in row.items() if not key.startswith(("rollout", "validation"))} for row in rows
    ]
    config = (study.root / "runs/cartpole/config_snapshot.yaml").read_text()
    study.write("runs/silent/metrics.jsonl", "".join(json.dumps(row) + "\n" for row in silent))
    study.write("runs/silent/config_snapshot.yaml", config.replace("CartPole-v1", "Acrobot-v1"))
    told = words(study.rlx("plot", "silent", "cartpole").stdout)
    assert "silent: no training episode has ended" in told
    assert told.endswith("plots/silent+cartpole-returns.png")
    alone = study.rlx("plot", "silent", check=False)
    assert alone.returncode == 4
    assert "there is nothing to draw" in alone.stdout
    assert "Traceback" not in alone.stdout
    for index in range(15):
        shutil.copytree(study.root / "runs/silent", study.root / f"runs/copy{index}")
    many = study.rlx("plot", *(f"copy{index}" for index in range(15)), "--metric", "internals", check=False)
    assert many.returncode == 2
    assert "15 runs cannot be told apart in one picture; name at most 14" in words(many.stdout)


# --- what cannot be asked for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train/aprox_kl", "did you mean train/approx_kl"),
        ("std_", "did you mean train/std"),
        ("return_mean", "did you mean rollout/return_mean or validation/return_mean"),
        ("step", "there is no metric 'step'"),
        ("qqqq", "there are: internals, all, reward/NAME, rollout/return_mean"),
    ],
)
def test_mistyped_metrics_name_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen_metrics([name], "steps", None)


def test_no_metric_is_offered_that_the_runs_have_not() -> None:
    folder = RunFolder(REPOSITORY / "tests/data/documents/project/runs/cartpole")  # of PPO, which has no action values
    with pytest.raises(UsageError) as refused:
        chosen_metrics(["q_men"], "steps", None, [folder])
    assert "train/q_" not in str(refused.value)
    with pytest.raises(UsageError, match="did you mean train/approx_kl"):
        chosen_metrics(["aprox_kl"], "steps", None, [folder])


def test_metrics_may_be_named_in_groups() -> None:
    wanted = chosen_metrics(["internals", "std", "train/approx_kl"], "steps", None)
    assert wanted.metrics == ["train/std", "train/approx_kl"]
    assert {*wanted.metrics, *wanted.optional} == set(INTERNALS)


def test_internals_of_an_algorithm_of_ones_own_are_those_that_it_explains(tmp_path: Path) -> None:
    project = shutil.copytree(REPOSITORY / "tests/data/documents/project", tmp_path / "p")
    run = project / "runs/cartpole"
    spread = Metric("train/spread", "how far it searches")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for name in ("metrics.jsonl", "config_snapshot.yaml"):
        (run / name).chmod(0o644)
    plain = [{key: value for key, value in row.items() if not key.startswith("train/")} for row in rows]
    snapshot = (run / "config_snapshot.yaml").read_text()
    (run / "config_snapshot.yaml").write_text(snapshot.replace("name: ppo", "name: elsewhere"))
    metadata = json.loads((run / "metadata.json").read_text())
    (run / "metadata.json").write_text(json.dumps({**metadata, "metrics": {spread.name: spread.to_data()}}))
    wanted = chosen_metrics(["internals"], "steps", None, [RunFolder(run)])
    for logged in (True, False):
        text = "".join(json.dumps(row | ({spread.name: 1.0} if logged else {})) + "\n" for row in plain)
        (run / "metrics.jsonl").write_text(text)
        own(run)
        if logged:
            assert curve_sheet(project, [RunFolder(run)], wanted).metrics == [spread.name]
        else:
            with pytest.raises(Missing, match=r"cartpole: logged none of .*; `--metric all` draws what there is"):
                curve_sheet(project, [RunFolder(run)], wanted)


def test_metrics_of_an_algorithm_that_is_not_here_are_drawn_as_it_was_trained_with_them(tmp_path: Path) -> None:
    run = shutil.copytree(REPOSITORY / "tests/data/documents/project", tmp_path / "p") / "runs/cartpole"
    rows = [
        json.loads(line) | {"rollout/score": 1.0 + i % 2}
        for i, line in enumerate((run / "metrics.jsonl").read_text().splitlines())
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metadata = json.loads((run / "metadata.json").read_text())
    score = Metric("rollout/score", "what it scored", per_episode=True)
    (run / "metadata.json").write_text(json.dumps({**metadata, "metrics": {score.name: score.to_data()}}))
    own(run)
    folder = RunFolder(run)
    wanted = chosen_metrics(["score"], "steps", 1, [folder])
    assert wanted.metrics == [score.name]
    assert score.name in chosen_metrics(["all"], "steps", None, [folder]).optional
    curve = curve_sheet(tmp_path / "p", [folder], wanted).runs[0].metrics[score.name]
    for seed, found in curve.seeds.items():
        mine = [row for row in rows if row["seed"] == seed]
        episodes = [row["rollout/episodes"] for row in mine]
        assert found.values_T[0] == pytest.approx(np.average([row[score.name] for row in mine], weights=episodes))


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "x.eps"],
        ["--width", "double"],
        ["--paper", "--format", "html"],
        ["--paper", "-o", "x.html"],
        ["--paper", "--json"],
        ["--paper", "--csv"],
        ["-o", "x.svg", "--format", "png"],
        ["--csv", "-o", "x.png"],
    ],
)
def test_usage(finished: Project, arguments: list[str]) -> None:
    done = finished.rlx("plot", "cartpole", *arguments, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout
    assert not (finished.root / "plots").exists()
