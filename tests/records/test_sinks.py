"""Where rows go besides metrics.jsonl: sinks follow a training, catch up after a kill, and cannot harm it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.config import compose_run
from rlx.errors import ConfigError, PluginBroken
from rlx.launch import NewLines
from rlx.records import RunFolder, conclude, read_clock
from rlx.records.bench import Entry, entry_for, logs_of
from rlx.records.event_files import _events
from rlx.records.metrics import read_rows
from rlx.records.sinks import concluding, following, notes, registry
from rlx.records.sinks.following import Followers, unsent
from rlx.records.sinks.registry import SinkKind, chosen_sinks, sink_makers
from rlx.training.seeds import train_run
from tests.conftest import Project
from tests.training.test_training import cartpole, hashes

TOY = '''
"""A sink of another package: a line for each call, in a file that survives a kill."""
import json
from pathlib import Path


class Toy:
    def __init__(self, file="told.jsonl", hold=True):
        self.name, self.hold = file, hold

    def open(self, place, run, seed, key, config):
        place.mkdir(parents=True, exist_ok=True)
        self.path = place / self.name
        told = [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        last = max((each["step"] for each in told if "step" in each), default=-1) if self.hold else -1
        self.tell(open=[run, seed, key, config["algo.gamma"], last])
        return last

    def tell(self, **facts):
        with self.path.open("a") as file:
            file.write(json.dumps(facts) + "\\n")

    def write(self, step, row):
        self.tell(step=step, row=dict(row))

    def flush(self):
        pass

    def close(self, state):
        self.tell(close=state)


class Raises(Toy):
    def write(self, step, row):
        raise SystemExit("the server is gone")


class Hangs(Toy):
    def __init__(self, at="write", **settings):
        super().__init__(**settings)
        self.at = at

    def open(self, *about):
        self.wait("open")
        return super().open(*about)

    def write(self, step, row):
        self.wait("write")

    def close(self, state):
        self.wait("close")

    def wait(self, at):
        import time
        time.sleep(1000 * (at == self.at))


class HangsWithResults(Hangs):
    def conclude(self, summary, artifacts):
        pass
'''


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with sinks, on the path of this process and of those that it starts."""
    folder = tmp_path / "site"
    install(
        folder,
        "toys",
        {"toy": "toys:Toy", "raises": "toys:Raises", "hangs": "toys:Hangs", "late": "toys:HangsWithResults"},
        TOY,
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return folder


def install(folder: Path, name: str, sinks: Mapping[str, str], code: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entries = "".join(f"{sink} = {where}\n" for sink, where in sinks.items())
    (info / "entry_points.txt").write_text(f"[rlx.sinks]\n{entries}")
    (folder / f"{name}.py").write_text(code)


def choosing(root: Path, *sinks: str) -> Path:
    """A folder that chooses sinks, and has nothing else of a project."""
    root.mkdir(exist_ok=True)
    (root / "params.yaml").write_text(f"study: {{runs: [a]}}\nlog:\n  sinks: [{', '.join(sinks)}]\n")
    return root


def told(root: Path, seed: int, name: str = "told.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / f"runs/a/logs/seed_{seed}" / name).read_text().splitlines()]


def own_rows(root: Path, seed: int) -> list[dict[str, Any]]:
    return [row for row in read_rows(root / "runs/a/metrics.jsonl") if row["seed"] == seed]


def metrics_of(row: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if "/" in name and not name.startswith("time/")}


# --- following ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("packages")
def test_a_sink_gets_every_row_of_every_seed(tmp_path: Path) -> None:
    """Workers start from nothing, as outside of tests: two seconds of imports each."""
    root, snapshot = choosing(tmp_path / "p", "toy"), cartpole(num_seeds=2, seed=3)
    train_run(root, "a", snapshot, lambda _: None)
    for seed in (3, 4):
        calls, rows = told(root, seed), own_rows(root, seed)
        key = entry_for(root, snapshot, seed).folder.name
        assert calls[0] == {"open": ["a", seed, key, snapshot.config.algo.gamma, -1]}
        assert calls[-1] == {"close": "finished"}
        assert [call["step"] for call in calls[1:-1]] == [row["step"] for row in rows]
        assert [metrics_of(call["row"]) for call in calls[1:-1]] == [metrics_of(row) for row in rows]
        clock = read_clock(root / f"runs/a/logs/seed_{seed}")
        assert [call["row"]["time/seconds"] for call in calls[1:-1]] == [*clock.seconds.values()]
        assert [call["row"]["time/update_seconds"] for call in calls[1:-1]] == [*clock.update_seconds.values()]
        assert not unsent(entry_for(root, snapshot, seed), "toy").exists()


TRAIN = """
import sys
from pathlib import Path
from rlx.training.seeds import train_run
from tests.records.test_sinks import long
if __name__ == "__main__":
    train_run(Path(sys.argv[1]), "a", long(), lambda _: None)
"""


def long() -> Any:
    return cartpole(seed=3, num_seeds=1, algo={"engine": "fast", "total_timesteps": 60_000})


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("hold", [True, False])
def test_killed_and_resumed_it_gets_each_step_once_after_what_it_holds(tmp_path: Path, hold: bool) -> None:
    """A process that imports torch and trains is killed."""
    root = choosing(tmp_path / "p", f"{{toy: {{hold: {str(hold).lower()}}}}}", "tensorboard")
    entry = entry_for(root, long(), 3)
    with subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(root)], cwd=Path(__file__).parents[2], start_new_session=True
    ) as child:
        while child.poll() is None and len(written(entry)) < 20:
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
    before = written(entry)
    train_run(root, "a", long(), lambda _: None)
    steps = [row["step"] for row in own_rows(root, 3)]
    calls = told(root, 3)
    opened = [index for index, call in enumerate(calls) if "open" in call]
    last = calls[opened[-1]]["open"][-1]
    assert last == (max(before, default=-1) if hold else -1)
    after = [call["step"] for call in calls[opened[-1] :] if "step" in call]
    assert after == [step for step in steps if step > last]
    if hold:
        assert before + after == steps
    assert events_of(root / "runs/a/logs/seed_3").keys() == set(steps)
    assert len([*(root / "runs/a/logs/seed_3").glob("events.*")]) == 1  # written anew
    train_run(tmp_path / "calm", "a", long(), lambda _: None)
    assert hashes(entry.folder) == hashes(entry_for(tmp_path / "calm", long(), 3).folder)


def written(entry: Entry) -> list[int]:
    path = logs_of(entry.folder) / "told.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [call["step"] for line in lines if line.endswith("}") and "step" in (call := json.loads(line))]


@pytest.mark.usefixtures("packages")
def test_a_sink_that_a_kill_cut_off_after_training_catches_up(tmp_path: Path) -> None:
    root, snapshot = choosing(tmp_path / "p"), cartpole(seed=3, num_seeds=1)
    train_run(root, "a", snapshot, lambda _: None)
    entry = entry_for(root, snapshot, 3)
    unsent(entry, "toy").parent.mkdir()
    unsent(entry, "toy").touch()
    train_run(choosing(root, "toy", "tensorboard"), "a", snapshot, lambda _: None)
    assert [call["step"] for call in told(root, 3) if "step" in call] == [row["step"] for row in own_rows(root, 3)]
    assert not [*(root / "runs/a/logs/seed_3").glob("events.*")]  # what is chosen later follows later trainings


def test_rows_of_a_file_that_is_replaced_are_not_sent_twice(tmp_path: Path) -> None:
    class Steps:
        def __init__(self) -> None:
            self.steps: list[int] = []
            self.times: list[float | None] = []

        def open(self, *_: Any) -> int:
            return 1

        def write(self, step: int, row: Mapping[str, float]) -> None:
            self.steps.append(step)
            self.times.append(row.get("time/seconds"))

        def flush(self) -> None: ...

        def close(self, state: str) -> None: ...

    def write(name: str, *lines: str) -> None:
        (tmp_path / "new").write_text("".join(lines))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "new").rename(tmp_path / name)

    def rows(*steps: int) -> Iterator[str]:
        return (json.dumps({"seed": 3, "step": step, "train/loss": 0.5}) + "\n" for step in steps)

    sink = Steps()
    follower = following.Follower(sink, Entry(tmp_path, 3), "a", {})
    follower.look()  # nothing is there yet
    write("logs/clock.csv", "step,seconds,update_seconds\n", "1,0.1,\n", "2,0.2,\n")
    write("metrics.jsonl", *rows(1, 2, 3), '{"seed": 3, "st')
    follower.look()
    write("logs/clock.csv", "step,seconds,update_seconds\n", "1,0.1,\n", "2,0.2,\n", "3,0.35,\n", "5,0.5,\n")
    write("metrics.jsonl", *rows(1, 2, 3, 4, 5))
    follower.close("finished")
    assert sink.steps == [2, 3, 4, 5]
    assert sink.times == [0.2, None, None, 0.5]


def test_a_seed_has_one_record_with_all_its_rows_whatever_signs_of_life_came_of_it(tmp_path: Path) -> None:
    told: list[tuple[str, object]] = []

    class Steps:
        def open(self, place: Path, run: str, seed: int, *_: Any) -> int:
            self.name = f"seed {seed}"
            return -1

        def write(self, step: int, row: Mapping[str, float]) -> None:
            told.append((self.name, step))

        def flush(self) -> None: ...

        def close(self, state: str) -> None:
            told.append((self.name, state))

    entries = [Entry(tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    for entry in entries:
        entry.folder.mkdir()
        (entry.folder / "metrics.jsonl").write_text(
            json.dumps({"seed": entry.seed, "step": 8, "train/loss": 0.5}) + "\n"
        )
    late, silent, broken = entries
    with Followers({"steps": Steps}, "a", {}, told.append) as followers:
        followers.begin(late)
        followers.end(late, "finished")
        followers.begin(late)
        followers.end(late, "finished")
        followers.end(silent, "finished")
        followers.end(broken, "failed")
    assert told == [("seed 1", 8), ("seed 1", "finished"), ("seed 2", 8), ("seed 2", "finished")]
    assert not any(unsent(entry, "steps").exists() for entry in entries)


def test_a_file_that_is_replaced_while_it_is_opened_is_read_whole_the_next_time(tmp_path: Path) -> None:
    class Replaced(type(tmp_path)):  # type: ignore[misc]
        def open(self, *how: Any) -> Any:
            file = super().open(*how)
            if (new := tmp_path / "new").exists():
                new.rename(self)
            return file

    (tmp_path / "rows").write_text("1\n")
    (tmp_path / "new").write_text("2\n3\n")
    lines = NewLines(Replaced(tmp_path / "rows"))
    assert [list(lines.read()) for _ in range(3)] == [["1\n"], ["2\n", "3\n"], []]


# --- what a sink does cannot harm a training --------------------------------------------------------------------------------


@pytest.mark.usefixtures("packages")
def test_a_sink_that_fails_or_hangs_is_said_once_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 3.0)
    snapshot = cartpole(num_seeds=2, seed=3)
    found = {}
    for name, sinks in (("none", []), ("bad", ["raises", "{hangs: {file: hung.jsonl}}", "{toy: {file: good.jsonl}}"])):
        root = choosing(tmp_path / name, *sinks)
        outcomes = train_run(root, "a", snapshot, lambda _: None)
        assert [outcome.status for outcome in outcomes] == ["finished", "finished"]
        run = root / "runs/a"
        found[name] = {
            str(path.relative_to(run)): path.read_bytes()
            for path in [run / "metrics.jsonl", *(run / "checkpoints").rglob("*.zip")]
        }
    assert found["none"] == found["bad"]
    assert len(told(root, 4, "good.jsonl")) == len(own_rows(root, 4)) + 2
    said = " ".join("".join(capfd.readouterr()).split())
    assert said.count("the sink raises is left out from here on: SystemExit: the server is gone") == 1
    assert said.count("the sink hangs is left out from here on: it has not taken all rows within 3 s") == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("at", ["open", "write", "close"])
@pytest.mark.usefixtures("packages")
def test_who_makes_an_experiment_hears_once_of_a_sink_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], at: str
) -> None:
    root = choosing(tmp_path / "project", f"{{hangs: {{at: {at}}}}}", f"{{late: {{at: {at}}}}}")
    live = root / "runs/a_001"
    live.mkdir(parents=True)
    snapshot = cartpole(num_seeds=2, seed=3)
    (root / "runs/a").mkdir()
    (root / "runs/a/config_snapshot.yaml").write_text(snapshot.to_yaml())
    with monkeypatch.context() as made:
        made.setenv("RLX_CALL", json.dumps({"project": str(root), "live": str(live)}))
        train_run(root, "a", snapshot, lambda _: None)
    heard = " ".join("".join(capfd.readouterr()).split())
    assert heard.count("the sink hangs is left out from here on: it has not taken all rows within 0.5 s") == 1
    assert "the sink late" not in heard  # it gets the rest with the results
    monkeypatch.setattr(concluding, "PATIENCE", 0.0)
    said: list[str] = []
    for _ in range(2):
        conclude(root, {"a_001": {}, "a_002": {}}, said.append, is_heard=False)
    told = [line for line in said if "hangs" in line]
    assert [line[: line.index(";")] for line in told] == [
        "a_001: the sink hangs is left out from here on: it has not taken all rows within 0.5 s"
    ]


def test_a_stopped_training_closes_its_records_as_stopped(tmp_path: Path) -> None:
    states: list[str] = []

    class Closes:
        def open(self, *_: Any) -> int:
            return -1

        def write(self, *_: Any) -> None: ...

        def flush(self) -> None: ...

        def close(self, state: str) -> None:
            states.append(state)

    with pytest.raises(KeyboardInterrupt):
        with Followers({"closes": Closes}, "a", {}, lambda _: None) as followers:
            for seed in (1, 2, 3):
                (tmp_path / str(seed)).mkdir()
                followers.begin(Entry(tmp_path / str(seed), seed))
            followers.end(Entry(tmp_path / "1", 1), "finished")
            followers.end(Entry(tmp_path / "2", 2), "failed")
            raise KeyboardInterrupt
    assert states == ["finished", "failed", "stopped"]
    assert [seed for seed in (1, 2, 3) if unsent(Entry(tmp_path / str(seed), seed), "closes").exists()] == [2, 3]


# --- TensorBoard --------------------------------------------------------------------------------------------------------


SB3 = {
    "rollout/return_mean": "rollout/ep_rew_mean",
    "rollout/length_mean": "rollout/ep_len_mean",
    "validation/return_mean": "eval/mean_reward",
    "validation/length_mean": "eval/mean_ep_length",
    "validation/success_rate": "eval/success_rate",
}


def events_of(folder: Path) -> dict[int, Any]:
    """The events with metrics, by step."""
    (path,) = folder.glob("events.out.tfevents.*")
    return {event.step: event for event in _events(path) if event.step}


def test_event_files_hold_the_metrics_at_the_moments_of_the_clock(tmp_path: Path) -> None:
    root = tmp_path
    train_run(root, "a", cartpole(seed=3, num_seeds=1), lambda _: None)
    folder = root / "runs/a/logs/seed_3"
    events, rows, clock = events_of(folder), own_rows(root, 3), read_clock(folder)
    assert list(events) == [row["step"] for row in rows] == list(clock.seconds)
    for row in rows:
        values = {value.tag: value.simple_value for value in events[row["step"]].summary.value}
        assert values.pop("time/update_seconds") == np.float32(clock.update_seconds[row["step"]])
        assert values.pop("time/fps") == np.float32(row["step"] / clock.seconds[row["step"]])
        assert values == {SB3.get(name, name): np.float32(value) for name, value in metrics_of(row).items()}
    times = np.array([event.wall_time for event in events.values()])
    assert np.diff(times) == pytest.approx(np.diff([*clock.seconds.values()]), abs=1e-4)
    assert abs(times[-1] - (folder / "clock.csv").stat().st_mtime) < 600
    (path,) = folder.glob("events.*")
    plugins_named = [
        value.metadata.plugin_data.plugin_name
        for event in _events(path)
        if event.HasField("summary")
        for value in event.summary.value
        if value.HasField("metadata")
    ]
    assert plugins_named == ["hparams"] * 3  # what is measured, the settings, and that it finished


def test_names_are_those_that_stable_baselines3_logs(tmp_path: Path) -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import EvalCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.logger import KVWriter, Logger

    class Names(KVWriter):
        def __init__(self) -> None:
            self.names: set[str] = set()

        def write(self, key_values: Any, key_excluded: Mapping[str, Any], step: int = 0) -> None:
            self.names |= {name for name, excluded in key_excluded.items() if "tensorboard" not in (excluded or ())}

        def close(self) -> None: ...

    names = Names()
    model = PPO("MlpPolicy", make_vec_env("CartPole-v1"), n_steps=64, batch_size=64, n_epochs=1, device="cpu")
    model.set_logger(Logger(None, [names]))
    model.learn(128, callback=EvalCallback(make_vec_env("CartPole-v1"), n_eval_episodes=1, eval_freq=64, verbose=0))
    train_run(tmp_path, "a", cartpole(seed=3, num_seeds=1), lambda _: None)
    events = events_of(tmp_path / "runs/a/logs/seed_3").values()
    ours = {value.tag for event in events for value in event.summary.value}
    assert names.names - {"time/total_timesteps"} <= ours


@pytest.mark.component
def test_tensorboard_itself_reads_what_is_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_run(tmp_path, "a", cartpole(seed=3, num_seeds=1), lambda _: None)
    read = EventAccumulator(str(tmp_path / "runs/a/logs/seed_3"))
    read.Reload()
    rows = own_rows(tmp_path, 3)
    assert len(read.PluginTagToContent("hparams")) == 3  # what is measured, the settings, and that it finished
    for name in metrics_of(rows[-1]):
        found = [(event.step, event.value) for event in read.Scalars(SB3.get(name, name))]
        assert found == [(row["step"], float(np.float32(row[name]))) for row in rows if row.get(name) is not None]


# --- choosing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("[tensorbord]", "params.yaml:4:11: log.sinks: there is no sink 'tensorbord'; did you mean tensorboard?"),
        (
            "[tensorboard, carrier_pigeon]",
            "params.yaml:4:24: log.sinks: there is no sink 'carrier_pigeon'; there are: ",
        ),
        ("[{tensorboard: {flush: 3}}]", "log.sinks: tensorboard takes no options: write `tensorboard` alone"),
        ("[3]", "params.yaml:4:10: log.sinks: each sink is `name`, or `name: {option: value}`"),
        ("[tensorboard, tensorboard]", "params.yaml:4:10: log.sinks: tensorboard is listed twice; keep one"),
        ("tensorboard", "params.yaml:4:10: log.sinks: must be a list, not 'tensorboard'"),
    ],
)
def test_what_cannot_be_chosen_is_refused_at_its_line(tmp_path: Path, chosen: str, said: str) -> None:
    refuse(tmp_path, f"log:\n  sinks: {chosen}\n", said)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("[tensorbord]", "params.yaml:3:7: log: there is no sink 'tensorbord'; did you mean tensorboard?"),
        (
            "[{wandb: {mode: ofline}}]",
            "params.yaml:3:22: log.wandb.mode: 'ofline' is not allowed; one of 'offline' or 'online'; did you mean offline?",
        ),
        ("tensorboard", "params.yaml:3:6: log: must be a list, such as `log: [tensorboard]`, not 'tensorboard'"),
        ("wandb", "log: must be a list, such as `log: [wandb]`"),
        ("false", "log: must be a list, such as `log: []` where nobody follows"),
        ("{tensorboard: {}}", "log: must be a list, such as `log: [tensorboard]`"),
        ("{wandb: {project: a}}", "log: must be a list, such as `log: [{wandb: {…}}]`"),
        ("[{wandb: {projekt: a}}]", "log.wandb.projekt: unknown key; did you mean `project`?"),
        ("[{wandb: {tags: [a, 3]}}]", "params.yaml:3:26: log.wandb.tags: must be text, not 3"),
        (
            "[{wandb: {artifacts: all}}]",
            "log.wandb.artifacts: 'all' is not allowed; one of 'none', 'media' or 'models'",
        ),
        ("[{wandb: {api_key: abc123}}]", "log.wandb.api_key: a secret does not belong in params.yaml"),
        ("[{wandb: {key: abc123}}]", "set the environment variable WANDB_API_KEY instead"),
        ("[{mlflow: {uri: 'https://me:abc123@host'}}]", "MLFLOW_TRACKING_PASSWORD"),
        ("[{mlflow: {uri: host:5000}}]", "must be the address of a server, such as http://127.0.0.1:5000"),
        ("[{trackio: {uri: 'http://host'}}]", "log.trackio.uri: unknown key"),
    ],
)
def test_options_of_trackers_are_checked_before_anything_runs(tmp_path: Path, chosen: str, said: str) -> None:
    refuse(tmp_path, f"log: {chosen}\n", said)


def refuse(tmp_path: Path, log: str, said: str) -> None:
    (tmp_path / "params.yaml").write_text(f"study:\n  runs: [a]\n{log}")
    with pytest.raises(ConfigError) as refused:
        chosen_sinks(tmp_path)
    assert said in str(refused.value)
    assert "abc123" not in str(refused.value)
    with pytest.raises(ConfigError):
        train_run(tmp_path, "a", cartpole(), lambda _: None)
    assert not (tmp_path / ".dvc").exists()


def test_an_extra_that_is_missing_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = SinkKind("tracker", "a tracker", "nowhere:Tracker", needs="rlx_no_such_module", extra="tracker")
    monkeypatch.setattr(registry, "OWN", (*registry.OWN, kind))
    with pytest.raises(
        PluginBroken, match=r"params.yaml:3:11: .*needs rlx_no_such_module.*`pip install 'rlx\[tracker\]'`"
    ):
        chosen_sinks(choosing(tmp_path, "tracker"))


def test_the_choice_is_no_part_of_what_a_training_depends_on(project: Project) -> None:
    before = compose_run(project.root, "cartpole").config
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", text + "\nlog: {sinks: []}\n")
    assert compose_run(project.root, "cartpole").config == before
    assert "log" not in before.model_dump()
    refused = project.rlx("train", "cartpole", "-S", "log.sinks=[tensorbord]", check=False)
    assert refused.returncode == 3
    said = "-S log.sinks=[tensorbord]: there is no sink 'tensorbord'; did you mean tensorboard?"
    assert said in " ".join(refused.stdout.split())


# --- what packages add --------------------------------------------------------------------------------------------------


def test_a_broken_package_is_named_in_a_line_and_passed_over(packages: Path, tmp_path: Path) -> None:
    broken = {"broken": "broken:Sink", "tensorboard": "broken:Sink"}
    install(packages, "broken", broken, "raise SystemExit('not\\ntoday')")
    with pytest.raises(PluginBroken, match=r"log\.sinks: the plugin 'broken' .*of the package broken"):
        chosen_sinks(choosing(tmp_path / "p", "broken"))
    assert sink_makers(["tensorboard"]).keys() == {"tensorboard"}  # rlx's own stays


# --- results ------------------------------------------------------------------------------------------------------------


TELLS = '''
import json, os
from pathlib import Path


class Teller:
    """Takes results, and fails or hangs where a file says so."""

    def open(self, place, run, seed, key, config):
        self.seed, self.rows = seed, 0
        return -1

    def write(self, step, row):
        self.rows += 1

    def flush(self):
        pass

    def conclude(self, summary, artifacts):
        told = Path(os.environ["TOLD"])
        how = told.with_suffix(".how")
        if how.exists() and how.read_text() == "fail":
            raise SystemExit("the server is gone")
        if how.exists() and how.read_text() == "hang":
            import time
            time.sleep(1000)
        files = [[artifact.name, artifact.kind, artifact.path.is_file()] for artifact in artifacts]
        with told.open("a") as file:
            file.write(json.dumps([self.seed, self.rows, dict(summary), files]) + "\\n")

    def close(self, state):
        assert state == "finished"
'''


@pytest.fixture
def teller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path / "site", "tells", {"teller": "tells:Teller"}, TELLS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    return tmp_path / "told"


def results(told: Path) -> list[Any]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


def test_results_are_told_once_and_again_where_they_have_changed(study: Project, teller: Path) -> None:
    study.write("params.yaml", (study.root / "params.yaml").read_text() + "\nlog: [teller, tensorboard]\n")
    said: list[str] = []
    for _ in range(2):
        conclude(study.root, {"cartpole": {}}, said.append)
    found = results(teller)
    assert said == []
    run = RunFolder(study.root / "runs/cartpole")
    scores = run.evaluation.scores["latest"]
    assert [each[0] for each in found] == list(run.snapshot.seeds)
    for seed, rows, summary, files in found:
        assert rows == len([row for row in read_rows(run.path / "metrics.jsonl") if row["seed"] == seed])
        assert summary["held_out/return_mean"] == scores.seeds[seed]
        assert summary["held_out/run/return_mean"] == scores.estimate.mean
        assert [f"checkpoints/seed_{seed}/latest.zip", "model", True] in files
    named = [name for *_, files in found for name, kind, _ in files if kind == "plot"]
    assert "plots/learning_curve.png" in named
    assert len(named) == len({*named})  # with one seed
    conclude(study.root, {"cartpole": {"verdict": "improved"}}, said.append)
    again = results(teller)[len(found) :]
    assert [each[2]["verdict"] for each in again] == ["improved"] * len(found)
    folder = study.root / "trackers/tensorboard/cartpole"
    for seed in run.snapshot.seeds:
        events = [*_events(next((folder / f"seed_{seed}").glob("events.*")))]
        values = {value.tag: value.simple_value for event in events for value in event.summary.value}
        assert values["held_out/return_mean"] == np.float32(scores.seeds[seed])
    assert study.git("status", "--short").splitlines() == [" M params.yaml"]


@pytest.mark.parametrize("how", ["fail", "hang"])
def test_a_sink_that_fails_with_results_is_said_once_and_gets_them_later(
    study: Project, teller: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concluding, "PATIENCE", 1.0)
    study.write("params.yaml", (study.root / "params.yaml").read_text() + "\nlog: [teller]\n")
    teller.with_suffix(".how").write_text(how)
    said: list[str] = []
    for _ in range(2):
        conclude(study.root, {"cartpole": {}}, said.append)
    (line,) = said
    assert "the sink teller has not got what came of cartpole: " in line
    assert results(teller) == []
    teller.with_suffix(".how").unlink()
    monkeypatch.setattr(notes, "AGAIN_AFTER", 0.0)
    monkeypatch.setattr(
        concluding, "lock_of", lambda *_: nullcontext()
    )  # the thread that hangs holds it, in this process
    conclude(study.root, {"cartpole_epochs": {}}, said.append)
    seeds = RunFolder(study.root / "runs/cartpole").snapshot.seeds
    assert len(results(teller)) == 2 * len(seeds)
    assert len(said) == 1


def test_the_last_stage_and_the_comparison_tell(study: Project, teller: Path) -> None:
    study.write("params.yaml", (study.root / "params.yaml").read_text() + "\nlog: [teller]\n")
    study.run("dvc", "repro", "--force", "--single-item", "analyze@cartpole")
    first = results(teller)
    assert first
    assert all("verdict" not in summary for _, _, summary, _ in first)
    study.run("dvc", "repro", "--force", "--single-item", "compare")
    later = results(teller)[len(first) :]
    judged = [summary["verdict"] for _, _, summary, _ in later if "verdict" in summary]
    comparison = json.loads((study.root / "analysis/compare/summary.json").read_text())
    assert {*judged} == {comparison["cartpole_epochs"]["verdict"]}
