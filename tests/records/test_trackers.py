"""Trackers themselves: what each holds is read back by its own client, after a kill too, and after results were told twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rlx.config import read_snapshot
from rlx.records import Followers, conclude, sink_makers
from rlx.records.bench import Entry
from rlx.records.sinks import following
from rlx.training.seeds import train_run
from tests.conftest import REPOSITORY, Project
from tests.records.test_sinks import choosing, own_rows
from tests.records.wandb_files import items, records
from tests.training.test_training import cartpole

pytestmark = [
    pytest.mark.component,
    pytest.mark.xdist_group("trackers"),
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("default"),  # those of the trackers are theirs
]

ROWS, CUT = 300, 150
DRIVE = """
import json, os, sys, time
from pathlib import Path
from rlx.records import sink_makers
from rlx.records.sinks.sink import Artifact
root, chosen, stop = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
((name, make),) = sink_makers([chosen], root).items()
config = {"env.id": "CartPole-v1", "algo.name": "ppo", "algo.gamma": 0.99, **{f"more.{n}": n for n in range(120)}}
sink = make()
last = sink.open(root / "place", "cartpole", 7, "k" * 24, config)
for number in range(ROWS):
    if number * 2048 > last:
        sink.write(number * 2048, {f"train/m{k}": float(number * k) for k in range(20)})
    if number == stop:
        sink.flush()
        time.sleep(1.0)
        os.kill(os.getpid(), 9)
sink.close("finished")
(root / "plots").mkdir(exist_ok=True)
(root / "plots/curve.png").write_bytes((root / "picture.png").read_bytes())
files = [Artifact("plots/curve.png", root / "plots/curve.png", "plot", True)]
for _ in range(2):
    sink = make()
    last = sink.open(root / "place", "cartpole", 7, "k" * 24, config)
    for number in range(ROWS):
        if number * 2048 > last:
            sink.write(number * 2048, {f"train/m{k}": float(number * k) for k in range(20)})
    summary = {"held_out/return_mean": 412.5, "held_out/run/return_mean": 400.0, "verdict": "improved", "verdict_against": "base"}
    sink.conclude(summary, files)
    sink.close("finished")
print(last)
""".replace("ROWS", str(ROWS))


def drive(root: Path, chosen: Any, stop: int = -1) -> int:
    """Hand 300 rows to a tracker in a process of its own, and then results, twice; or be killed at a row."""
    root.mkdir(exist_ok=True)
    if not (root / "picture.png").exists():
        from PIL import Image

        Image.new("RGB", (40, 30)).save(root / "picture.png")
    command = [sys.executable, "-c", DRIVE, str(root), json.dumps(chosen), str(stop)]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
    assert done.returncode == (-signal.SIGKILL if stop >= 0 else 0), done.stderr
    return int(done.stdout.split()[-1]) if stop < 0 else -1


STEPS = [number * 2048 for number in range(ROWS)]


@pytest.mark.parametrize("stops", [(), (CUT, 10)])
def test_wandb_has_one_run_with_every_row_once(tmp_path: Path, stops: tuple[int, ...]) -> None:
    for stop in stops:
        drive(tmp_path, {"wandb": {"tags": ["mine"]}}, stop)
    assert drive(tmp_path, {"wandb": {"tags": ["mine"]}}) == -1  # such files cannot be gone on with
    (file,) = (tmp_path / "trackers/wandb").glob("offline-run-*/*.wandb")
    found = [*records(file)]
    (run,) = [each for kind, each in found if kind == "run"]
    assert (run.run_group, run.display_name, [*run.tags]) == (
        "cartpole",
        "cartpole-seed-7",
        ["mine", "CartPole-v1", "ppo"],
    )
    assert items(run.config.update)["algo.gamma"] == 0.99
    history = [items(each.item) for kind, each in found if kind == "history"]
    assert [row["env_step"] for row in history] == STEPS
    assert [row["train/m19"] for row in history] == [19.0 * number for number in range(ROWS)]
    summary: dict[str, Any] = {}
    for kind, each in found:
        summary |= items(each.update) if kind == "summary" else {}
    assert (summary["held_out/return_mean"], summary["verdict"]) == (412.5, "improved")
    assert [each.type for kind, each in found if kind == "artifact"] == ["plot"]
    assert not (Path.home() / ".local/share/wandb").exists()


@pytest.mark.parametrize("stops", [(), (CUT, 200)])
def test_trackio_has_every_row_once(tmp_path: Path, stops: tuple[int, ...]) -> None:
    for stop in stops:
        drive(tmp_path, "trackio", stop)
    assert drive(tmp_path, "trackio") == STEPS[-1]
    read = """
import json, trackio
from trackio.sqlite_storage import SQLiteStorage
(run,) = trackio.Api().runs("rlx")
logs = SQLiteStorage.get_logs("rlx", run.name, run_id=run.id)
files = [each["name"] for each in SQLiteStorage.get_run_artifacts("rlx", run.name, run.id)["output"]]
print(json.dumps([run.name, run.config, logs, files]))
"""
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackers/trackio"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", read], env=environment, capture_output=True, text=True, check=True)
    name, config, logs, files = json.loads(done.stdout.splitlines()[-1])
    assert (name, config["_Group"], config["algo.gamma"]) == ("cartpole-seed-7", "cartpole", 0.99)
    assert (config["summary/verdict"], config["summary/held_out/return_mean"]) == ("improved", 412.5)
    assert [row["step"] for row in logs if "train/m1" in row] == STEPS
    assert [row["held_out/return_mean"] for row in logs if "held_out/return_mean" in row] == [412.5]
    assert len(files) == 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback."""
    with serving(tmp_path_factory.mktemp("mlflow")) as (uri, _):
        yield uri


@contextmanager
def serving(place: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{place}/server.db", "--artifacts-destination", str(place / "files")]
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True, text=True)
    try:
        deadline = time.monotonic() + 300
        while not answers(port):
            assert process.poll() is None, (place / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("stops", [(), (CUT, 200)])
@pytest.mark.parametrize("where", ["project", "server"])
def test_mlflow_has_every_row_once(
    tmp_path: Path, where: str, stops: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    from mlflow.tracking import MlflowClient

    options: dict[str, Any] = {"project": f"p{len(stops)}", "tags": ["mine"]}
    uri = f"sqlite:///{tmp_path}/trackers/mlflow.db"
    if where == "server":
        uri = options["uri"] = request.getfixturevalue("server")
    for stop in stops:
        drive(tmp_path, {"mlflow": options}, stop)
    assert drive(tmp_path, {"mlflow": options}) == STEPS[-1]
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(options["project"])
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert runs.keys() == {"cartpole", "cartpole-seed-7"}
    parent, run = runs["cartpole"], runs["cartpole-seed-7"]
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (run.info.status, parent.info.status) == ("FINISHED", "FINISHED")
    assert (run.data.params["algo.gamma"], run.data.params["more.119"]) == ("0.99", "119")
    assert {"mine", "CartPole-v1", "ppo"} <= run.data.tags.keys()
    history = client.get_metric_history(run.info.run_id, "train/m19")
    assert [(each.step, each.value) for each in history] == [(step, 19.0 * number) for number, step in enumerate(STEPS)]
    for each, name, value in ((run, "held_out/return_mean", 412.5), (parent, "held_out/run/return_mean", 400.0)):
        assert each.data.tags["verdict"] == "improved"
        assert [found.value for found in client.get_metric_history(each.info.run_id, name)] == [value]
    assert [each.path for each in client.list_artifacts(parent.info.run_id, "plots")] == ["plots/curve.png"]


def test_a_server_that_stops_midway_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 300.0)
    monkeypatch.setattr(following, "PATIENCE_AT_WORK", 300.0)
    entry, said = Entry(tmp_path / "bench", 3), list[str]()
    entry.folder.mkdir()

    def log(*steps: int) -> None:
        with (entry.folder / "metrics.jsonl").open("a") as file:
            file.writelines(json.dumps({"seed": 3, "step": step, "train/loss": 0.5}) + "\n" for step in steps)

    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server") as (uri, process):
        makers = sink_makers([{"mlflow": {"uri": uri}}], tmp_path)
        with Followers(makers, "a", {"algo.name": "ppo"}, said.append) as followers:
            followers.begin(entry)
            log(1, 2, 3)
            deadline = time.monotonic() + 300
            while rows_on(uri) != [1, 2, 3]:
                assert time.monotonic() < deadline
                time.sleep(0.5)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log(4, 5)
            followers.end(entry, "finished")
    (line,) = said
    assert line.startswith("the sink mlflow is left out from here on: ")


def rows_on(uri: str) -> list[int]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name("rlx")
    runs = client.search_runs([found.experiment_id], "tags.`rlx.seed` = '3'") if found else []
    return [each.step for each in client.get_metric_history(runs[0].info.run_id, "step")] if runs else []


def test_a_server_that_is_not_there_is_said_once_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody answers at this address."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = choosing(tmp_path / "down", f"{{mlflow: {{uri: 'http://127.0.0.1:{port}'}}}}")
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 120.0)
    monkeypatch.setattr(following, "PATIENCE_AT_WORK", 120.0)
    train_run(root, "a", cartpole(seed=3, num_seeds=1), lambda _: None)
    train_run(choosing(tmp_path / "none"), "a", cartpole(seed=3, num_seeds=1), lambda _: None)
    said = " ".join("".join(capfd.readouterr()).split())
    assert said.count("the sink mlflow is left out from here on: ") == 1
    assert "Traceback" not in said
    same = [(tmp_path / name / "runs/a/metrics.jsonl").read_bytes() for name in ("down", "none")]
    assert same[0] == same[1]


def test_all_of_them_follow_a_training_and_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setattr(following, "PATIENCE_SECONDS", 300.0)
    monkeypatch.setattr(following, "PATIENCE_AT_WORK", 300.0)
    snapshot = cartpole(seed=3, num_seeds=2)
    root = choosing(tmp_path / "all", "tensorboard", "wandb", "mlflow", "trackio")
    found = {}
    for place in (root, choosing(tmp_path / "none")):
        train_run(place, "a", snapshot, lambda _: None)
        run = place / "runs/a"
        found[place.name] = {
            str(path.relative_to(run)): path.read_bytes()
            for path in [run / "metrics.jsonl", *(run / "checkpoints").rglob("*.zip")]
        }
    assert found["all"] == found["none"]
    for seed in (3, 4):
        steps = [row["step"] for row in own_rows(root, seed)]
        (file,) = (root / "trackers/wandb").glob(f"offline-run-*/*{key_of(root, seed)}.wandb")
        history = [items(each.item) for kind, each in records(file) if kind == "history"]
        assert [row["env_step"] for row in history] == steps
        client = MlflowClient(tracking_uri=f"sqlite:///{root}/trackers/mlflow.db")
        experiment = client.get_experiment_by_name("rlx")
        assert experiment is not None
        (mine,) = client.search_runs([experiment.experiment_id], f"tags.`rlx.seed` = '{seed}'")
        assert [each.step for each in client.get_metric_history(mine.info.run_id, "step")] == steps


def key_of(root: Path, seed: int) -> str:
    from rlx.records.bench import entry_for

    return entry_for(root, cartpole(seed=3, num_seeds=2), seed).folder.name


def test_tensorboards_table_of_settings_has_the_held_out_score(tmp_path: Path) -> None:
    """The page HPARAMS is asked as TensorBoard's own frontend asks it."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    drive(tmp_path, "tensorboard")
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path / "place"))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    context = backend_context.Context(
        base_plugin.TBContext(logdir=str(tmp_path), data_provider=provider, multiplexer=multiplexer)
    )
    request, asked = RequestContext(), api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=10)
    asked.allowed_statuses.extend([api_pb2.STATUS_SUCCESS])
    told = context.hparams_metadata(request, "0"), context.hparams_from_data_provider(request, "0", None)
    experiment = context.experiment_from_metadata(request, "0", True, *told)
    assert {info.name.tag for info in experiment.metric_infos} >= {"rollout/ep_rew_mean", "held_out/return_mean"}
    handler = list_session_groups.Handler(request, context, "0", asked)
    (group,) = handler.run().session_groups
    assert group.name == "cartpole"
    assert group.hparams["algo.gamma"].number_value == 0.99
    values = {each.name.tag: each.value for each in group.metric_values}
    assert values["held_out/return_mean"] == 412.5
    names = Counter(tag for tags in multiplexer.Runs().values() for tag in tags["tensors"])
    assert names["train/m1"] == 1


def test_results_of_a_study_are_told_once(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished project chooses trackers afterwards: the next comparison tells them all there is."""
    monkeypatch.setattr("rlx.records.sinks.concluding.PATIENCE", 300.0)  # a machine that tests keep busy
    from mlflow.tracking import MlflowClient

    root = study.root
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(f"{text}\nlog: [mlflow, trackio, wandb]\n")
    for _ in range(2):
        said: list[str] = []
        conclude(root, {"cartpole": {"verdict": "baseline"}}, said.append)
        assert said == []
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/trackers/mlflow.db")
    experiment = client.get_experiment_by_name("rlx")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    seeds = read_snapshot(root / "runs/cartpole/config_snapshot.yaml").seeds
    assert len(runs) == 1 + len(seeds)
    for run in runs:
        assert run.data.tags["verdict"] == "baseline"
    assert len([*(root / "trackers/wandb").glob("offline-run-*")]) == len(seeds)
