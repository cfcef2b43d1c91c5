"""The command that does a task: ``python -m rlx.launch.task_command FOLDER``, wherever the folder is seen.

It exits with 0 when the task is done, with 1 when it failed, with 4 where ``spec.json`` cannot be read, with 75 when it let go
of the task, which is to go on, and with 143 when it was told to end. The work runs in a process of its own below it, so that
one that dies or hangs is named in ``error.json`` as an exception is, and tells what it emits in ``events.jsonl``. A command
that is killed itself leaves neither: its task was lost, and may be given to another.

Signals: TERM and INT end it at once, and its task is as one that was lost. USR1 says that its time is nearly over: it lets go of the
task (:mod:`rlx.launch.letting_go`), at the latest after ``RLX_GRACE`` seconds. What it has to call then, so that the engine
starts the same job again, stands in ``RLX_REQUEUE``. With ``--while-open`` its end comes with that of standard input too:
whoever started it is gone.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from rlx.errors import DataDamaged
from rlx.launch import letting_go, software
from rlx.launch.failures import PROCESS, SOFTWARE, TIME_LIMIT, Cause, Failure
from rlx.launch.lease import leased
from rlx.launch.streams import write_error
from rlx.launch.task import LET_GO, failure_in, perform, read_spec, write_event, write_failure
from rlx.launch.workers import run_alone

GRACE, REQUEUE, WHILE_OPEN = "RLX_GRACE", "RLX_REQUEUE", "--while-open"
STATUS_LET_GO = 75
STATUS_ENDED = 128 + signal.SIGTERM
LAST_WORD = 2.0
"""Seconds between the death of the work and that of this command, where one signal was for both."""
TO_BE_ENDED = 30.0
"""Seconds that an engine that was asked to start the job again may take to end this one."""


class _Told(BaseException):
    """A signal came: the work ends now. ``status`` is what this command exits with."""

    def __init__(self, status: int):
        self.status = status


def run_task(folder: Path) -> int:
    """Do the task in ``folder``; returns the exit status."""
    try:
        spec = read_spec(folder)
    except DataDamaged as error:
        write_error(error)
        return error.exit_code
    if failure_in(folder, spec["attempt"]) is not None:  # some engines start again what has failed
        return 1
    if found := software.differences(spec.get("software", {})):
        write_failure(folder, spec["attempt"], _other_software(spec["software"], found))
        return 1
    return _done(folder, spec)


def _done(folder: Path, spec: dict[str, Any]) -> int:
    """Do a task with the lease of its folder; returns the exit status."""
    tell = partial(write_event, folder)
    terms = {"step_timeout": spec["step_timeout"], "portable": spec["portable"]}
    try:
        with leased(folder, spec["attempt"], tell, partial(os.kill, os.getpid(), signal.SIGTERM)):
            before = letting_go.begin(folder)
            _listen(folder)
            try:
                outcome = run_alone(perform, (folder, spec), tell, **terms)
                if isinstance(outcome, Failure) and outcome.cause.kind == PROCESS:
                    time.sleep(LAST_WORD)
            except _Told as told:
                outcome = LET_GO
                if told.status != STATUS_LET_GO:
                    return told.status
            _ignore()
            return _status(folder, spec, outcome, before)
    except _Told as told:  # before it had begun
        return told.status


def _status(folder: Path, spec: dict[str, Any], outcome: Any, before: int) -> int:
    """Note how a task has ended, where its work has not; returns the exit status."""
    if outcome == LET_GO:
        came_on = letting_go.last_place(folder) != before
        if letting_go.note_let_go(folder, spec["attempt"], came_on=came_on) < letting_go.FUTILE:
            _requeue(folder)
            return STATUS_LET_GO
        outcome = _no_time()
    if not isinstance(outcome, Failure):
        return 0
    if failure_in(folder, spec["attempt"]) is None:
        write_failure(folder, spec["attempt"], outcome)
    return 1


def _listen(folder: Path) -> None:
    """Let signals say what the module says of them."""

    def end(_: int, __: FrameType | None) -> None:
        raise _Told(STATUS_ENDED)

    def let_go(_: int, __: FrameType | None) -> None:
        raise _Told(STATUS_LET_GO)

    def ask(_: int, __: FrameType | None) -> None:
        letting_go.ask(folder)
        signal.alarm(max(1, int(os.environ.get(GRACE) or 30)))

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGALRM, let_go)
    signal.signal(signal.SIGUSR1, ask)


def _ignore() -> None:
    """Let signals change nothing any more: how the task has ended is being noted."""
    signal.alarm(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def _requeue(folder: Path) -> None:
    """Have the engine start this job again, where it can."""
    command = os.environ.get(REQUEUE)
    if not command:
        return
    try:
        asked = subprocess.run(shlex.split(command), text=True, capture_output=True, check=False, timeout=60)
        refusal = asked.stderr.strip() if asked.returncode else None
    except (OSError, subprocess.SubprocessError) as error:
        refusal = str(error)
    if refusal is None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(TO_BE_ENDED)
    else:
        write_event(folder, f"`{command}` failed: {refusal}")


def _other_software(wanted: dict[str, str | None], found: list[str]) -> Failure:
    message = (
        f"{os.uname().nodename} has other software than the machine that asked for this: {'; '.join(found)}: "
        f"{software.cure(wanted, found)}"
    )
    return Failure(message, message, Cause(SOFTWARE))


def _no_time() -> Failure:
    message = (
        f"the time limit of its job was over {letting_go.FUTILE} times before its first checkpoint: ask for more time "
        "(launch.slurm.time), or save more often (checkpoint.save_every)"
    )
    return Failure(message, message, Cause(TIME_LIMIT))


def _end_with_input() -> None:
    """End this process when standard input does."""

    def wait() -> None:
        while os.read(0, 1024):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until it can be answered
    if WHILE_OPEN in sys.argv:
        _end_with_input()
    sys.exit(run_task(Path(sys.argv[1])))
