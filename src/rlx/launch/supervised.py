"""A command of somebody else's, run in a process group of its own, with a time-out, and whole in its end.

Between us and it stands a small process, ``supervisor.py``: it keeps the time, bounds what the command prints and ends
everything that the command started, also where we are killed meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.errors import CommandFailed

SUPERVISOR = Path(__file__).with_name("supervisor.py")
LOOK = 0.2
"""Seconds between two looks at whether somebody asked to stop."""
PAUSES = (10.0, 30.0)
"""Seconds from SIGINT to SIGTERM, and from there to SIGKILL."""
MOST_OUTPUT = 16 * 2**20
"""Bytes of what a command prints that are kept: the first half and the last half."""


@dataclass(frozen=True)
class Conditions:
    """Under which a command runs.

    Attributes:
        folder: Where.
        variables: All of its environment variables.
        output: The file that takes what it prints.
        timeout: Seconds that it may take, by the monotonic clock.
        pauses: Seconds between the signals that stop it.
        most_bytes: Of what it prints, kept.
        lock: A file that is locked until the command and all that it started has ended, also where this process is killed
            before; see :func:`wait_for`.
        stopped: Set by another thread to stop it, as Ctrl-C does; None: nobody does.
    """

    folder: Path
    variables: Mapping[str, str]
    output: Path
    timeout: float
    pauses: tuple[float, float] = PAUSES
    most_bytes: int = MOST_OUTPUT
    lock: Path | None = None
    stopped: threading.Event | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; None where a signal ended it.
        signal: That signal.
        timed_out: It was stopped, as it took too long.
        seconds: How long it took.
        dropped: Bytes of its output that were not kept.
        left: Processes that it left behind, and that were ended.
    """

    status: int | None
    signal: int | None
    timed_out: bool
    seconds: float
    dropped: int
    left: int


def run_supervised(command: Sequence[str], conditions: Conditions) -> Ended:
    """Run a command, and wait until it and all that it started has ended.

    Ctrl-C stops it as a time-out does, and is raised then; where this process is killed it is stopped all the same.

    Raises:
        CommandFailed: There is no such program.
        KeyboardInterrupt: As said.
    """
    began = time.monotonic()
    with _locked(conditions.lock) as descriptors:
        process = subprocess.Popen(
            [sys.executable, "-I", str(SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=descriptors,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(_order(command, conditions))
            process.stdin.flush()
            with _stoppable(process, conditions.stopped):
                first, last = _line(process.stdout.readline()), _line(process.stdout.readline())
        except BaseException:
            _wait_for_end(process)
            raise
        if conditions.stopped is not None and conditions.stopped.is_set():
            _wait_for_end(process)
            raise KeyboardInterrupt
    if "refused" in first:
        raise CommandFailed(f"`{command[0]}` cannot run: {first['refused']}")
    if not last:  # what kept watch was killed, and the command goes with it
        _kill_group(first.get("pid"))
        return Ended(None, signal.SIGKILL, False, time.monotonic() - began, 0, 0)
    return Ended(*(last[name] for name in ("status", "signal", "timed_out", "seconds", "dropped", "left")))


def wait_for(lock: Path, waiting: Callable[[], None]) -> None:
    """Wait until what was started with a lock has ended.

    Args:
        lock: The file.
        waiting: Called once where there is something to wait for.
    """
    if not lock.exists():
        return
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def _stoppable(process: subprocess.Popen[bytes], stopped: threading.Event | None) -> Iterator[None]:
    """Have what runs stopped when somebody asks for it: the end of its input tells what keeps watch."""
    over = threading.Event()

    def look(asked: threading.Event) -> None:
        while not over.is_set():
            if asked.wait(LOOK) and process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
                return

    if stopped is not None:
        threading.Thread(target=look, args=(stopped,), daemon=True).start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def _locked(lock: Path | None) -> Iterator[tuple[int, ...]]:
    """Give the descriptor of a locked file; whoever inherits it keeps the lock."""
    if lock is None:
        yield ()
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield (file.fileno(),)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Let what runs be stopped, and wait for it; another Ctrl-C ends the wait, not the stopping."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    process.stdout.read()


def _order(command: Sequence[str], conditions: Conditions) -> bytes:
    """Return what the supervisor is told."""
    told = {
        "command": [*command],
        "folder": str(conditions.folder),
        "variables": dict(conditions.variables),
        "output": str(conditions.output),
        "timeout": conditions.timeout,
        "pauses": conditions.pauses,
        "most_bytes": conditions.most_bytes,
    }
    return json.dumps(told).encode() + b"\n"


def _line(content: bytes) -> dict[str, Any]:
    return dict(json.loads(content)) if content.endswith(b"\n") else {}


def _kill_group(pid: int | None) -> None:
    if pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
