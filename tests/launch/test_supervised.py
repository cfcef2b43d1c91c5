"""Commands of somebody else's: their end is told, their output bounded, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, strategies as st

from rlx.errors import CommandFailed
from rlx.launch import Conditions, Ended, run_supervised, wait_for
from rlx.launch.supervisor import BoundedLog


def conditions(folder: Path, **changes: Any) -> Conditions:
    told = {"variables": {"PATH": os.environ["PATH"]}, "timeout": 60.0, "pauses": (0.2, 0.2), **changes}
    return Conditions(folder, output=folder / "log", **told)


def run(folder: Path, code: str, **changes: Any) -> Ended:
    return run_supervised([sys.executable, "-c", code], conditions(folder, **changes))


def test_an_end_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "print('said')").status == 0
    assert (tmp_path / "log").read_text() == "said\n"
    assert run(tmp_path, "raise SystemExit(7)").status == 7
    killed = run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert (killed.status, killed.signal, killed.timed_out) == (None, 9, False)


def test_a_time_out_asks_first(tmp_path: Path) -> None:
    ended = run_supervised(["sleep", "600"], conditions(tmp_path, timeout=0.2, pauses=(60.0, 60.0)))
    assert (ended.timed_out, ended.signal) == (True, signal.SIGINT)


def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = ["sh", "-c", "trap '' INT TERM; while true; do sleep 600; done"]
    ended = run_supervised(deaf, conditions(tmp_path, timeout=1.0))
    assert (ended.timed_out, ended.signal) == (True, signal.SIGKILL)


def test_what_leaves_its_group_and_session_ends_too(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        pathlib.Path('pid.new').write_text(str(os.getpid()))\n"
        "        os.rename('pid.new', 'pid')\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "while not pathlib.Path('pid').exists():\n"
        "    time.sleep(0.01)\n"
    )
    ended = run(tmp_path, code)
    assert (ended.status, ended.left) == (0, 1)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_where_its_watch_is_killed_it_is_killed_too(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, time\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "os.kill(os.getppid(), 9)\n"
        "time.sleep(600)\n"
    )
    ended = run(tmp_path, code)
    assert (ended.status, ended.signal) == (None, signal.SIGKILL)
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_only_what_is_given_is_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    run(tmp_path, "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))", variables={"GIVEN": "1"})
    assert (tmp_path / "log").read_text() == "['GIVEN']\n"


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no-such-program"):
        run_supervised(["no-such-program"], conditions(tmp_path))


def test_output_never_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "log").symlink_to("mine")
    run(tmp_path, "print('said')")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_lock_is_held_until_the_end(tmp_path: Path) -> None:
    lock, waited = tmp_path / "lock", []
    code = (
        "import pathlib, time\npathlib.Path('up').touch()\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.01)"
    )
    thread = threading.Thread(target=run, args=(tmp_path, code), kwargs={"lock": lock})
    thread.start()
    while not (tmp_path / "up").exists():
        time.sleep(0.01)

    def waiting() -> None:
        waited.append((tmp_path / "go").exists())
        (tmp_path / "go").touch()

    wait_for(lock, waiting)
    thread.join()
    wait_for(lock, lambda: waited.append(True))
    wait_for(tmp_path / "none", lambda: waited.append(True))
    assert waited == [False]


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(2, 60))
def test_a_log_keeps_both_ends(parts: list[bytes], most: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "log")
        log = BoundedLog(path, most)
        for part in parts:
            log.write(part)
        log.close()
        content, whole = path.read_bytes(), b"".join(parts)
    if len(whole) <= most:
        assert (content, log.dropped) == (whole, 0)
    else:
        assert log.dropped == len(whole) - most
        assert content.startswith(whole[: most // 2])
        assert content.endswith(whole[len(whole) - (most - most // 2) :])
