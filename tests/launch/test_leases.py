"""Who is at a task, how its command ends, and what it compares first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlx.launch import Failure, Task, lease, software_of
from rlx.launch.failures import cause_of
from rlx.launch.lease import Holder, holder_of, is_fresh, leased
from rlx.launch.letting_go import FUTILE, was_let_go
from rlx.launch.memory import kills_for_memory
from rlx.launch.software import cure, differences
from rlx.launch.task import failure_in
from rlx.launch.task_command import run_task
from tests.conftest import REPOSITORY

WORK = """
import json, os, signal, time
from rlx.launch import may_let_go

def work(folder, arguments, emit):
    emit("begins")
    while arguments["how"] == "wait":
        time.sleep(0.02)
        if arguments["safe"]:
            may_let_go(folder)
    if arguments["how"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "done.json").write_text(json.dumps({}))
"""


def task_of(folder: Path, how: str = "", *, safe: bool = True, **more: Any) -> Task:
    """Return a prepared task whose work is :data:`WORK`, importable beside its folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    (folder.parent / "some_work.py").write_text(WORK)

    def done() -> dict[str, Any] | None:
        path = folder / "done.json"
        return json.loads(path.read_text()) if path.is_file() else None

    return Task("task", folder, "some_work", {"how": how, "safe": safe}, done, 60.0, **more).prepared()


def started(task: Task, **variables: str) -> subprocess.Popen[bytes]:
    """Start a task's command."""
    paths = os.pathsep.join([str(REPOSITORY / "src"), str(task.folder.parent)])
    stdin = subprocess.PIPE if "--while-open" in task.command else subprocess.DEVNULL
    return subprocess.Popen(task.command, env={**os.environ, "PYTHONPATH": paths, **variables}, stdin=stdin)


def begun(task: Task) -> None:
    """Wait until a task's work has begun."""
    end = time.monotonic() + 120
    while not (task.folder / "events.jsonl").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- Leases ------------------------------------------------------------------------------------------------------------


def held_elsewhere(folder: Path) -> Holder:
    """Write the lease of a process of another machine."""
    holder = replace(Holder.own("theirs"), token="theirs", host="n7", machine="another")
    (folder / "alive").write_text(json.dumps(vars(holder)))
    return holder


def test_a_lease_is_held_in_a_block_and_given_back(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    assert not is_fresh(tmp_path)
    with leased(tmp_path, "mine", print, print):
        holder = holder_of(tmp_path)
        assert holder is not None
        assert (holder.attempt, holder.pid, is_fresh(tmp_path)) == ("mine", os.getpid(), True)
    assert not list(tmp_path.iterdir())


def test_whoever_comes_second_waits_until_the_first_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK", 0.01)
    held_elsewhere(tmp_path)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        os.utime(tmp_path / "alive", (time.time() - 2 * lease.SILENT,) * 2)

    with leased(tmp_path, "mine", say, print):
        holder = holder_of(tmp_path)
        assert holder is not None
        assert holder.attempt == "mine"
    assert said == [f"process {os.getpid()} on n7 is at it; waiting until that has ended"]


def test_a_process_of_this_machine_that_is_dead_is_not_waited_for(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (tmp_path / "alive").write_text(json.dumps(vars(replace(Holder.own("old"), pid=process.pid))))
    assert not is_fresh(tmp_path)
    (tmp_path / "alive").write_text("{")  # torn
    with leased(tmp_path, "mine", print, print):
        assert is_fresh(tmp_path)


def test_a_holder_whose_lease_is_anothers_is_told(tmp_path: Path) -> None:
    told: list[bool] = []
    with leased(tmp_path, "mine", print, lambda: told.append(True), beat=0.02):
        before = (tmp_path / "alive").stat().st_mtime_ns
        time.sleep(0.2)
        assert (tmp_path / "alive").stat().st_mtime_ns > before
        theirs = held_elsewhere(tmp_path)
        while not told:
            time.sleep(0.01)
    assert holder_of(tmp_path) == theirs


# --- How a command ends ------------------------------------------------------------------------------------------------


def test_a_command_that_is_told_to_end_leaves_no_failure(tmp_path: Path) -> None:
    for end in (lambda p: p.send_signal(signal.SIGTERM), lambda p: p.stdin.close()):
        task = task_of(tmp_path / "t", "wait")
        (task.folder / "safe_place").unlink(missing_ok=True)
        words = [*task.command, "--while-open"]
        process = started(replace_command(task, words))
        begun(task)
        end(process)
        assert process.wait(60) == 143
        if process.stdin is not None:
            process.stdin.close()
        assert failure_in(task.folder, task.attempt) is None
        assert not (task.folder / "alive").exists()


def replace_command(task: Task, words: list[str]) -> Any:
    """Return what has another command and is otherwise that task."""

    class Other:
        folder, attempt, command = task.folder, task.attempt, words

    return Other()


def test_before_its_time_is_over_a_command_lets_go_and_asks_to_be_started_again(tmp_path: Path) -> None:
    task = task_of(tmp_path / "t", "wait")
    asked = tmp_path / "asked"
    process = started(task, RLX_REQUEUE=f"sh -c 'touch {asked}; exit 1'", RLX_GRACE="30")
    begun(task)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == 75
    assert asked.exists()
    assert was_let_go(task.folder, task.attempt)
    assert task.outcome() is None
    assert "failed: exit status" not in (task.folder / "events.jsonl").read_text()


def test_what_never_comes_to_a_safe_place_fails_with_what_to_change(tmp_path: Path) -> None:
    """Each time the command is given its second."""
    task = task_of(tmp_path / "t", "wait", safe=False)
    for number in range(FUTILE):
        (task.folder / "events.jsonl").unlink(missing_ok=True)
        process = started(task, RLX_GRACE="1")
        begun(task)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == (75 if number + 1 < FUTILE else 1)
    outcome = task.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.cause.kind == "time-limit"
    assert "ask for more time (launch.slurm.time), or save more often (checkpoint.save_every)" in outcome.message


def test_work_that_is_killed_is_named(tmp_path: Path) -> None:
    task = task_of(tmp_path / "t", "die")
    assert started(task).wait(120) == 1
    outcome = task.outcome()
    assert isinstance(outcome, Failure)
    assert (outcome.cause.kind, "SIGKILL" in outcome.message) == ("process", True)


# --- Software, and memory ----------------------------------------------------------------------------------------------


def test_a_task_that_asks_for_other_software_is_refused_with_both_versions(tmp_path: Path) -> None:
    wanted = software_of(["numpy", "nothing-of-this-name"])
    assert differences(wanted) == []
    wanted |= {"numpy": "0.1", "nothing-of-this-name": "2.0"}
    task = task_of(tmp_path / "t", software=wanted)
    assert run_task(task.folder) == 1
    outcome = task.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.cause.kind == "software"
    assert "here, 0.1 there" in outcome.message
    assert "nothing-of-this-name missing here, 2.0 there" in outcome.message
    assert '`pip install "numpy==0.1" "nothing-of-this-name==2.0"` here' in outcome.message
    other = {**software_of([]), "rlx": "0.0.1 (source 000000000000)"}
    assert "install the same on both" in cure(other, differences(other))


def test_what_linux_counts_is_read(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/job_7/step_0\n")
    folder = tmp_path / "groups/job_7/step_0"
    folder.mkdir(parents=True)
    assert kills_for_memory(tmp_path / "cgroup", tmp_path / "groups") == 0
    (folder / "memory.events").write_text("low 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 0\n")
    assert kills_for_memory(tmp_path / "cgroup", tmp_path / "groups") == 3
    assert kills_for_memory(tmp_path / "none") == 0
    assert kills_for_memory() >= 0


def test_an_exception_for_want_of_memory_is_told_apart() -> None:
    class OutOfMemoryError(RuntimeError):
        """As torch calls it."""

    for error in (MemoryError(), OutOfMemoryError("CUDA out of memory")):
        assert cause_of(error).kind == "out-of-memory"
    assert cause_of(RuntimeError("shapes differ")).kind == "other"
