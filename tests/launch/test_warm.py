"""The warm process: a stage that is forked from it does, says and ends as in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from rlx.launch import warm_process
from tests.conftest import interruptible

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

Start = Callable[..., subprocess.Popen[str]]
PROBE = """
import json, os, signal, sys, time
told = {"pid": os.getpid(), "parent": os.getppid(), "argv": sys.argv[1:], "folder": os.getcwd(), "path": sys.path[0],
        "torch": "torch" in sys.modules, "variable": os.environ.get("MINE"), "name": __name__, "file": __file__,
        "umask": os.umask(0o22), "hup": signal.getsignal(signal.SIGHUP) is signal.SIG_IGN}
what = sys.argv[1] if len(sys.argv) > 1 else ""
if what == "wait":
    try:
        print(json.dumps(told), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
print(json.dumps(told), flush=True)
if what == "echo":
    sys.stderr.write(sys.stdin.read())
if what == "exit":
    sys.exit(int(sys.argv[2]))
if what == "say":
    sys.exit("a word")
if what == "raise":
    raise ValueError("mine")
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "doze":
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """One warm process for all tests, as a command of rlx has one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RLX_WARM", raising=False)
        patch.delenv("PYTEST_CURRENT_TEST")
        with warm_process():
            assert "RLX_WARM" in os.environ
            yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a stage that tells about itself."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").write_text("from rlx.launch import hand_over\nhand_over()\n")
    (tmp_path / "stages" / "probe.py").write_text(PROBE)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """What starts the stage, as DVC does."""
    from rlx.launch import environment

    with ExitStack() as stack:

        def begin(*words: str, **variables: str) -> subprocess.Popen[str]:
            pipe, around = subprocess.PIPE, environment() | variables
            around.pop("PYTEST_CURRENT_TEST", None)  # another in each test
            command = ["python", "-m", "stages.probe", *words]
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=around,
                text=True,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                preexec_fn=interruptible,  # noqa: PLW1509
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read what the stage says of itself first."""
    assert process.stdout
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def ended(pid: int) -> bool:
    """Wait for the end of a process; tells whether it came."""
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


@pytest.mark.usefixtures("warm")
def test_a_fork_is_what_a_process_of_its_own_is(start: Start) -> None:
    facts = []
    for variables in ({}, {"RLX_WARM": "off"}):
        process = start("echo", "ü", **variables)
        output, errors = process.communicate("read", timeout=60)
        assert process.returncode == 0
        facts.append((json.loads(output), errors, process.pid))
    (forked, said, pid), (alone, also_said, own) = facts
    assert forked["pid"] != pid, "it was forked"
    assert forked["torch"]
    assert alone["pid"] == own, "it was not"
    assert not alone["torch"]
    different = ("pid", "parent", "torch")
    assert {k: v for k, v in forked.items() if k not in different} == {
        k: v for k, v in alone.items() if k not in different
    }
    assert said == also_said == "read"


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["exit", "3"], 3, ""),
        (["exit", "0"], 0, ""),
        (["say"], 1, "a word"),
        (["raise"], 1, "ValueError: mine"),
        (["die"], -signal.SIGKILL, ""),
    ],
)
def test_a_stage_ends_as_its_fork_does(start: Start, words: list[str], status: int, line: str) -> None:
    process = start(*words)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert line in errors


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("does", "number", "status"),
    [("wait", signal.SIGINT, 130), ("wait", signal.SIGTERM, -signal.SIGTERM), ("doze", signal.SIGINT, -signal.SIGINT)],
)
def test_what_a_stage_is_told_its_fork_hears(start: Start, does: str, number: int, status: int) -> None:
    process = start(does)
    pid = told(process)["pid"]
    assert pid != process.pid
    process.send_signal(number)
    assert process.wait(20) == status
    assert ended(pid)


@pytest.mark.usefixtures("warm")
def test_a_fork_pauses_with_its_stage(start: Start) -> None:
    process = start("wait")
    fork = psutil.Process(told(process)["pid"])

    def reaches(status: str) -> bool:
        deadline = time.monotonic() + 10
        while fork.status() != status and time.monotonic() < deadline:
            time.sleep(0.02)
        return bool(fork.status() == status)

    process.send_signal(signal.SIGTSTP)
    assert reaches(psutil.STATUS_STOPPED)
    process.send_signal(signal.SIGCONT)
    assert reaches(psutil.STATUS_SLEEPING)
    process.terminate()
    process.wait(20)


@pytest.mark.usefixtures("warm")
def test_a_fork_ends_with_a_stage_that_is_killed(start: Start) -> None:
    process = start("wait")
    pid = told(process)["pid"]
    process.kill()
    assert ended(pid)


@pytest.mark.usefixtures("warm")
def test_an_edit_between_two_stages_is_seen(start: Start, folder: Path) -> None:
    assert told(start())["torch"]
    stage = folder / "stages" / "probe.py"
    stage.write_text(PROBE.replace('"torch" in sys.modules', '"edited"'))
    assert told(start())["torch"] == "edited"


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", ["torch.py", "yaml/__init__.py"])
def test_a_module_of_the_projects_own_is_not_hidden(start: Start, folder: Path, name: str) -> None:
    """A stage finds the project's modules before those that are installed, whatever the warm process has imported."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    process = start()
    assert told(process)["pid"] == process.pid


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("variables", [{"OMP_WAIT_POLICY": "active"}, {"PYTHONDEVMODE": "1"}, {"RLX_WARM": "nobody"}])
def test_whoever_would_import_otherwise_runs_alone(start: Start, variables: dict[str, str]) -> None:
    process = start(**variables)
    assert told(process)["pid"] == process.pid


def test_stages_go_on_when_the_warm_process_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RLX_WARM", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with warm_process():
        process = start("wait")
        fork = told(process)
        assert fork["pid"] != process.pid
        os.kill(fork["parent"], signal.SIGKILL)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130, "its fork has told it"
        after = start()
        assert told(after)["pid"] == after.pid


def test_the_warm_process_ends_with_its_owner() -> None:
    script = (
        "import os, time; from rlx.launch import warm_process\n"
        "with warm_process(): print(os.environ['RLX_WARM'], flush=True); time.sleep(60)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RLX_WARM"}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, text=True, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        owner.stdout.readline()
        (server,) = psutil.Process(owner.pid).children()
        owner.kill()
    assert ended(server.pid)


def test_a_person_may_want_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLX_WARM", "off")
    before = psutil.Process().children()
    with warm_process():
        assert os.environ["RLX_WARM"] == "off"
        assert psutil.Process().children() == before
