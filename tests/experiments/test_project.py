"""The project's own environments and networks, workers, the bench, and the commands that make and mend projects."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from rlx.config.schema import RunConfig
from rlx.config.snapshot import ProjectCode, Snapshot
from rlx.errors import UsageError
from rlx.launch.workers import Failure, run_parallel, usable_cores, worker_count
from rlx.records.bench import SIZE_LIMIT, bench_folder, entry_for, fingerprint, prune
from tests.conftest import REPOSITORY, Project


def echo(number: int, emit: object) -> tuple[int, int]:
    emit(f"working on {number}")  # type: ignore[operator]
    import torch

    return number * 2, torch.get_num_threads()


def misbehave(how: str, emit: object) -> str:
    if how == "raise":
        raise ValueError("broken on purpose")
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return how


def test_workers_use_one_thread_each_and_events_arrive() -> None:
    events: list[str] = []
    found = run_parallel(echo, {1: (10,), 2: (20,)}, events.append)
    assert found == {1: (20, 1), 2: (40, 1)}
    assert sorted(events) == ["working on 10", "working on 20"]


def test_one_failing_task_leaves_the_others() -> None:
    found = run_parallel(misbehave, {1: ("raise",), 2: ("fine",), 3: ("die",), 4: ("fine",)})
    assert found[2] == found[4] == "fine"
    assert isinstance(found[1], Failure)
    assert found[1].message == "ValueError: broken on purpose"
    assert "misbehave" in found[1].details
    assert isinstance(found[3], Failure)
    assert "SIGKILL" in found[3].message
    assert [found[number].cause.kind for number in (1, 3)] == ["other", "process"]


def test_never_more_workers_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_count(1000) == usable_cores()
    assert worker_count(1) == 1
    monkeypatch.setenv("RLX_WORKERS", "1")
    assert worker_count(1000) == 1
    monkeypatch.setenv("RLX_WORKERS", "many")
    with pytest.raises(UsageError, match="RLX_WORKERS='many'"):
        worker_count(2)


def test_a_fingerprint_holds_everything_that_can_change_a_seed(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "train.py").write_text("1")
    base = Snapshot(RunConfig(), ProjectCode({"envs/a.py": "1"}))
    one = fingerprint(tmp_path, base, 1)
    changes = [
        Snapshot(RunConfig(algo={"gamma": 0.5}), base.code),  # type: ignore[arg-type]
        Snapshot(RunConfig(eval={"every": 7}), base.code),  # type: ignore[arg-type]
        Snapshot(base.config, ProjectCode({"envs/a.py": "2"})),
        Snapshot(base.config, ProjectCode({"envs/a.py": "1"}, {"max_episode_steps": 3})),
    ]
    others = [fingerprint(tmp_path, snapshot, 1) for snapshot in changes] + [fingerprint(tmp_path, base, 2)]
    (tmp_path / "stages" / "train.py").write_text("2")
    others.append(fingerprint(tmp_path, base, 1))
    assert len({one, *others}) == 7
    (tmp_path / "stages" / "train.py").write_text("1")
    assert fingerprint(tmp_path, Snapshot(RunConfig(num_seeds=9, seed=4, run_name="x"), base.code), 1) == one


def test_the_bench_is_pruned_oldest_first_and_never_under_somebody(tmp_path: Path) -> None:
    entries = [entry_for(tmp_path, Snapshot(RunConfig()), seed) for seed in range(3)]
    for index, entry in enumerate(entries):
        with entry.locked():
            (entry.folder / "checkpoints.zip").write_bytes(b"x" * 1000)
            entry.finish({"steps": index})
        os.utime(entry.folder / "done.json", (index, index))
    assert prune(tmp_path, SIZE_LIMIT) == []
    with entries[0].locked():
        assert prune(tmp_path, 1500) == [entries[1].folder, entries[2].folder]
    assert [path.name for path in bench_folder(tmp_path).glob("*") if path.is_dir()] == [entries[0].folder.name]
    assert entries[1].done is None


def test_bossfight_is_a_sound_environment() -> None:
    import gymnasium as gym
    import numpy as np
    from gymnasium.utils.env_checker import check_env

    from rlx.envs.making import own_registrations

    assert "BossFight-v0" in own_registrations(REPOSITORY)
    check_env(gym.make("BossFight-v0", render_mode="rgb_array").unwrapped)
    env = gym.make("BossFight-v0", render_mode="rgb_array")
    outcomes = []
    for seed in range(30):
        observation, _ = env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            assert env.observation_space.contains(observation)
            observation, reward, terminated, truncated, info = env.step(player(observation))
            assert reward == pytest.approx(sum(value for key, value in info.items() if key.startswith("reward_")))
            total, over = total + float(reward), terminated or truncated
        outcomes.append(bool(info["is_success"]))
    assert np.mean(outcomes) > 0.9  # who reads, dodges and punishes wins
    assert env.render().shape == (240, 480, 3)  # type: ignore[union-attr]


def player(seen: object) -> int:
    """Play BossFight by its rules: escape what is announced, hit otherwise."""
    stay, left, right, attack, roll = range(5)
    player_at, _, distance = (float(x) for x in seen[:3])  # type: ignore[index]
    recovering, (sweep, slam, wave), time_left = bool(seen[8]), (bool(x) for x in seen[9:12]), float(seen[12]) * 14  # type: ignore[index]
    towards, away = (right, left) if distance > 0 else (left, right)
    if wave:
        return roll if time_left <= 2 else (attack if abs(distance) * 2 < 0.3 else towards)
    if slam and abs(float(seen[13])) * 2 < 0.3:  # type: ignore[index]
        return left if player_at > 0 else right
    if sweep and abs(distance) * 2 < 0.7:
        return away if abs(player_at) < 0.95 else (roll if time_left <= 2 else stay)
    return attack if abs(distance) * 2 < 0.28 or (recovering and abs(distance) * 2 < 0.3) else towards


def test_init_makes_a_committed_project_and_overwrites_nothing(project: Project) -> None:
    assert project.git("status", "--short") == ""
    assert "analytics = false" in (project.root / ".dvc" / "config").read_text()
    again = project.rlx("init", ".", "--env", "CartPole-v1", check=False)
    assert again.returncode == 2
    assert "rlx init never overwrites a file" in again.stdout
    assert "this clone of project is set up" in project.rlx("init", ".").stdout
    assert project.git("status", "--short") == ""


def test_init_in_a_repository_keeps_what_is_there(tmp_path: Path) -> None:
    here = Project(tmp_path)
    here.git("init", "-q")
    here.write("README.md", "mine\n")
    here.write(".gitignore", "*.tmp\n")
    here.commit()
    here.rlx("init", ".")
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert (tmp_path / ".gitignore").read_text().startswith("*.tmp\n")
    assert "/runs/*_[0-9][0-9][0-9]*/" in (tmp_path / ".gitignore").read_text()
    assert here.git("status", "--short") == ""


def test_init_on_an_environment(tmp_path: Path) -> None:
    here = Project(tmp_path)
    here.rlx("init", "pendulum", "--env", "Pendulum-v1")
    made = Project(tmp_path / "pendulum")
    made.dvc("repro", "resolve@baseline", "resolve@variant")
    assert "use_sde: true" in (made.root / "runs" / "baseline" / "config_snapshot.yaml").read_text()
    assert {path.name for path in (made.root / "configs").glob("*.yaml")} >= {"baseline.yaml", "variant.yaml"}
    wrong = here.rlx("init", "x", "--env", "Pendulum-v9", check=False)
    assert wrong.returncode == 2
    assert "did you mean Pendulum-v1?" in wrong.stdout
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["comapre"], 2, "did you mean `rlx compare`?"),
        (["train"], 2, "Missing argument 'CONFIG'"),
        (["train", "cartpol"], 3, "there is no config 'cartpol' in configs/; did you mean cartpole?"),
        (["train", "cartpole", "-S", "algo.gama=1"], 3, "did you mean algo.gamma?"),
        (["train", "cartpole", "-S", "gamma"], 2, "must be KEY=VALUE"),
        (["train", "cartpole", "--seeds", "0"], 2, "0 is not in the range x>=1"),
        (["train", "cartpole", "--name", "a b"], 2, "use letters, digits, - and _"),
        (["compare"], 4, "there is no run 'cartpole'; there are: none yet; `dvc repro` makes the study"),
        (["compare", "--checkpoint", "worst"], 2, "'worst' is not one of 'latest', 'best'"),
        (["--nonsense"], 2, "No such option"),
    ],
)
def test_mistakes_get_one_helpful_message(shared: Project, arguments: list[str], status: int, message: str) -> None:
    done = shared.rlx(*arguments, check=False)
    assert message in " ".join(done.stdout.split())
    assert done.returncode == status
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("123", "configs/123.yaml: '123' is not a run name; allowed: a letter, then letters"),
        ("a_001", "configs/a_001.yaml: names that end in _001 and so on belong to kept experiments"),
        ("null", "configs/null.yaml: 'null' means something else in YAML"),
        ("été", "configs/été.yaml: 'été' is not a run name"),
        ("a b", "configs/a b.yaml: 'a b' is not a run name"),
    ],
)
def test_a_config_that_no_run_can_be_called_after_is_told_by_its_file(project: Project, name: str, told: str) -> None:
    project.write(f"configs/{name}.yaml", "seed: 1\n")
    done = project.rlx("train", name, check=False)
    assert (done.returncode, told in " ".join(done.stdout.split()), "rename the file" in done.stdout) == (3, True, True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("shared")
    Project(folder).rlx("init", "project")
    return Project(folder / "project")


def test_outside_a_project(tmp_path: Path) -> None:
    done = Project(tmp_path).rlx("compare", check=False)
    assert done.returncode == 4
    assert "is not inside an rlx project; make one with `rlx init NAME`" in " ".join(done.stdout.split())


def test_sync_keeps_the_roster_in_step_and_the_comments(project: Project) -> None:
    project.replace("params.yaml", "runs: [cartpole, cartpole_epochs]", "runs: [cartpole, bossfight]")
    failed = project.dvc("repro", "resolve@cartpole", check=False)
    assert "it lacks bossfight and still lists cartpole_epochs; mend it with `rlx sync`" in " ".join(failed.split())
    comments = [line for line in (project.root / "dvc.yaml").read_text().splitlines() if line.startswith("#")]
    assert "now compares cartpole, bossfight" in project.rlx("sync").stdout
    assert comments == [line for line in (project.root / "dvc.yaml").read_text().splitlines() if line.startswith("#")]
    assert "dvc.yaml compares cartpole, bossfight" in project.rlx("sync").stdout
    project.dvc("repro", "resolve@cartpole", "resolve@bossfight")


def test_a_mistaken_config_is_told_by_the_resolve_stage(project: Project) -> None:
    project.write("configs/cartpole_epochs.yaml", "env: {id: CartPole-v11}\ndevice: cuda\n")
    told = project.dvc("repro", "resolve@cartpole_epochs", check=False)
    assert (
        "configs/cartpole_epochs.yaml:1:7: env.id: there is no environment 'CartPole-v11'; did you mean CartPole-v1?"
        in told
    )
    for config, message in (
        ("env: {id: BossFight}", "env.id: write the id in full, with its version: BossFight-v0"),
        (
            "env: {id: 'envs.bossfight:BossFight-v0'}",
            "register BossFight-v0 in envs/__init__.py and write `BossFight-v0`",
        ),
        (
            "env: {wrappers: [gymnasium.wrappers.NormalizeObservation]}",
            "use env.normalize_observation and env.normalize_reward",
        ),
        (
            "policy: {type: residual, kwargs: {widht: 3}}",
            "policy.kwargs: 'residual' cannot be built: got an unexpected keyword argument 'widht'; its arguments are: width, blocks",
        ),
    ):
        project.write("configs/cartpole_epochs.yaml", config + "\n")
        assert message in " ".join(project.dvc("repro", "resolve@cartpole_epochs", check=False).split())
    project.write("configs/cartpole_epochs.yaml", "env: {wrappers: [os.getcwd]}\n")
    assert "env.wrappers.0: os.getcwd is not a Gymnasium wrapper" in project.dvc(
        "repro", "resolve@cartpole_epochs", check=False
    )
    project.write("configs/cartpole_epochs.yaml", "policy: {type: resdual}\n")
    assert "there is no network 'resdual'; did you mean residual?" in project.dvc(
        "repro", "resolve@cartpole_epochs", check=False
    )
    project.write("envs/__init__.py", "import nonsense\n")
    told = project.dvc("repro", "resolve@cartpole", check=False)
    assert "envs/__init__.py:1: importing `envs` failed: ModuleNotFoundError: No module named 'nonsense'" in told
    assert "Traceback" not in told
