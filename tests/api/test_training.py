"""Training from Python: in processes of its own, with the bits of the command, from wherever Python is started."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

import rlx
from rlx.api.making import MARK
from rlx.errors import ConfigError, NotInProject, TrainingFailed, UsageError
from tests.conftest import REPOSITORY, Project, interruptible

SCRIPT = """
import rlx
project = rlx.open()
run = project.make("cartpole", {"algo.gamma": 0.9}, seeds=1, quiet=True)
print("made", run.name, len(run.scores))
"""


def checkpoints(folder: Path) -> dict[str, str]:
    found = sorted((folder / "checkpoints").rglob("*.zip"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_a_script_without_a_guard_gives_the_bits_of_the_command(
    fresh: Project, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two trainings from a cold start take some fifteen seconds; the script is read from standard input, as by `python -`."""
    shutil.copytree(fresh.root, tmp_path / "other", symlinks=True)
    other = Project(tmp_path / "other")
    command = [sys.executable, "-"]
    done = subprocess.run(command, cwd=project.root, input=SCRIPT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["made", "cartpole_001", "1"]
    other.rlx("train", "cartpole", "-S", "algo.gamma=0.9", "--seeds", "1")
    mine, theirs = (each.root / "runs/cartpole_001" for each in (project, other))
    assert checkpoints(mine) == checkpoints(theirs) != {}
    for name in ("metrics.jsonl", "eval/episodes.csv", "eval/summary.json", "config_snapshot.yaml"):
        assert (mine / name).read_bytes() == (theirs / name).read_bytes()

    # What was trained before is not trained again, whoever asks: here a process whose standard output is no file.
    opened = rlx.open(project.root)
    assert opened.make("cartpole", ["algo.gamma=0.9"], seeds=1).name == "cartpole_001"
    again = opened.make(opened.runs["cartpole_001"])  # a run with its settings
    assert again.name == "cartpole_001"
    assert opened.runs["cartpole_001"].config.algo.gamma == 0.9
    assert project.git("status", "--porcelain").strip() == ""
    capsys.readouterr()
    with pytest.raises(ConfigError) as told:
        opened.make("cartpole_001", {"algo.gama": 0.5})
    assert "there is no setting 'algo.gama'; did you mean algo.gamma?" in str(told.value)


@pytest.mark.slow
def test_what_the_process_says_comes_through_python(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """One training, some eight seconds. Where standard output is not Python's own, as in a notebook, lines are passed on."""
    run = rlx.train(
        {"run_name": "Written in Python", "algo": {"gamma": 0.8}}, project=project.root, seeds=1, name="from_python"
    )
    assert run.name == "from_python"
    assert run.config.algo.gamma == 0.8
    said = capfd.readouterr()
    assert "from_python: written_in_python -S num_seeds=1" in said.out
    assert "training seed 1" in said.out
    assert said.err == ""
    text = (project.root / "configs/written_in_python.yaml").read_text()
    assert text.startswith(MARK)
    assert yaml.safe_load(text) == {"run_name": "Written in Python", "algo": {"gamma": 0.8}}
    assert list(rlx.open(project.root).runs.where(environment="CartPole-v1")) == ["from_python"]


def test_a_configuration_overwrites_no_file_of_a_person(project: Project) -> None:
    with pytest.raises(UsageError, match="and is not overwritten"):
        rlx.train({"algo": {"gamma": 0.8}}, run="cartpole", project=project.root)
    project.write("configs/mine.yaml", MARK + "algo: {gamma: 0.7}\n")
    with pytest.raises(ConfigError, match=r"^the configuration: algo.gama: unknown key"):
        rlx.train({"algo": {"gama": 0.8}}, run="mine", project=project.root)
    assert yaml.safe_load((project.root / "configs/mine.yaml").read_text()) == {"algo": {"gamma": 0.7}}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda root: rlx.train({"algo": {}}, project=root), "needs the name of a run"),
        (lambda root: rlx.train({"algo": {}}, run="a b", project=root), "'a b' is none"),
        (lambda root: rlx.train({"env": {"id": object}}, run="x", project=root), "env.id: type is no value"),
        (lambda root: rlx.train("cartpole", run="x", project=root), "run= names the file"),
        (lambda root: rlx.train("cartpole", seeds=0, project=root), "seeds=0"),
        (lambda root: rlx.train("cartpole", ["gamma"], project=root), "must be KEY=VALUE"),
        (lambda root: rlx.train("cartpole", executor="moon", project=root), "moon"),
        (lambda root: rlx.train("cartpole", name="a/b", project=root), "a/b"),
        (lambda root: rlx.train(["cartpole"], project=root), "list is no configuration"),
        (lambda root: rlx.train(None, project=root), "NoneType is no configuration"),
        (lambda root: rlx.train("cartpole", project=3), "int is no path"),
        (lambda root: rlx.train("cartpole", project=root / "params.yaml"), "params.yaml: is a file"),
        (lambda root: rlx.train("carpole", project=root), "there is no config 'carpole'"),
        (lambda root: rlx.train(Path("configs/carpole.yaml"), project=root), "there is no config 'carpole'"),
    ],
)
def test_what_cannot_be_asked_for_is_told(fresh: Project, asked, told: str) -> None:
    with pytest.raises((UsageError, ConfigError), match=told):
        asked(fresh.root)


def test_what_is_refused_leaves_nothing(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gama"):
        rlx.train({"algo": {"gama": 1}}, run="mine", project=project.root)
    assert not (project.root / "configs/mine.yaml").exists()
    with pytest.raises(ConfigError, match="gama"):
        rlx.train("cartpole", {"algo.gama": 1}, project=tmp_path / "new/a/b", quiet=True)
    assert not (tmp_path / "new").exists()


def test_outside_of_a_project_it_says_how_to_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotInProject, match=r'`rlx init NAME`.*rlx.train\(…, project="NAME"\) makes one, too'):
        rlx.train("cartpole")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(NotInProject):
        rlx.train("cartpole", project="full")


LONG = """
import rlx
rlx.open().make("cartpole", {"algo.total_timesteps": 20_000_000, "checkpoint.save_every": 20_000}, seeds=1)
"""


def started(project: Project) -> subprocess.Popen[str]:
    """Start a script that trains for long, and wait until it does."""
    script = project.write("long.py", LONG)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, str(script)], cwd=project.root, preexec_fn=interruptible, **pipes)  # noqa: PLW1509
    assert process.stdout
    for line in process.stdout:
        if "steps/s" in line:
            return process
    raise AssertionError(process.communicate())


def still_at_work(project: Project) -> list[int]:
    """Return the processes that name the project, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(project.root):
                found.append(process.pid)
    return found


def test_ctrl_c_stops_in_order_and_says_how_to_go_on(project: Project) -> None:
    """Starting, and stopping, takes some ten seconds."""
    process = started(project)
    process.send_signal(signal.SIGINT)  # to the script alone, as a kernel is interrupted
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt: cartpole_001: interrupted; finished seeds and checkpoints are kept" in errors
    assert "`rlx resume cartpole_001`" in errors
    assert rlx.open(project.root).runs["cartpole_001"].status == "stopped"
    assert still_at_work(project) == []


@pytest.mark.slow  # what is left has seconds to stop in
def test_a_script_that_is_killed_leaves_nothing_running(project: Project) -> None:
    process = started(project)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while still_at_work(project) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert still_at_work(project) == []


def test_a_process_that_dies_without_a_word_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlx.launch import run_in_own_process

    with pytest.raises(TrainingFailed, match=r"ended with status \d+, and left no word"):
        run_in_own_process("rlx.no_such_module", {}, quiet=True)


@pytest.mark.slow
def test_the_example_composes_and_trains(tmp_path: Path) -> None:
    """A project is made and a seed is trained: some fifteen seconds."""
    script = (REPOSITORY / "examples/cartpole_reinforce.py").read_text()
    assert 15 <= len(script.splitlines()) <= 30
    (tmp_path / "script.py").write_text(script.replace("seeds=3", "seeds=1"))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "action for a pole that leans right:" in done.stdout
    made = tmp_path / "cartpole-reinforce/runs/cartpole_reinforce_001"
    assert json.loads((made / "metadata.json").read_text())["algorithm"] == "reinforce"
