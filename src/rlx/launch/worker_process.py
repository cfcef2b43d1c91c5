"""The inside of a worker process: it takes tasks, runs them, and survives whatever an environment raises.

What runs in it cannot write to the standard output of the command: file descriptor 1 leads to standard error, for child
processes too.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

from rlx.launch import closing, watch
from rlx.launch.failures import failure_of, sendable, tell_in_a_line, trace_of
from rlx.launch.forked import TOKEN, may_fork, show_token
from rlx.launch.guarding import finish
from rlx.launch.processes import end, left_behind, started_by

EVENT, ENDED, CLOSED = range(3)
"""Kinds of messages: something emitted, a task's outcome, and what closing its environments left to be said."""


def serve(tasks: Connection, messages: Connection, memory: Any, parent: int, stacks: Path) -> None:
    """Run tasks until there are none; the process ends with this call.

    Args:
        tasks: Pickled (function, arguments) come from here; an empty message ends the process.
        messages: Pickled (kind, content) go there.
        memory: Where the parent watches what the environment does.
        parent: Process id; when it is gone, this process ends.
        stacks: Where Python's stack is written when native code crashes, or when the parent asks (SIGUSR1).
    """
    file = _prepare(memory, parent, stacks)
    try:
        _serve(tasks, messages)
    except BaseException as error:  # noqa: BLE001 — an environment may have spoiled anything here
        with suppress(Exception):
            file.write(trace_of(error))
            file.flush()
        os._exit(1)
    _finish()


def _serve(tasks: Connection, messages: Connection) -> None:
    lock = threading.Lock()

    def send(kind: int, content: Any) -> None:
        data = pickle.dumps((kind, content))
        with lock:
            messages.send_bytes(data)

    while data := tasks.recv_bytes():
        threads = {thread.ident for thread in threading.enumerate() if thread.ident}
        watch.clear()
        _send_outcome(send, _outcome(data, send))
        problems = closing.close_all()
        send(CLOSED, (problems, left_behind(threads)))


def _send_outcome(send: Callable[[int, Any], None], outcome: Any) -> None:
    try:
        send(ENDED, outcome)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        send(ENDED, failure_of(error))


def _outcome(data: bytes, send: Callable[[int, Any], None]) -> Any:
    try:
        function, arguments = pickle.loads(data)
        return function(*arguments, lambda content: send(EVENT, content))
    except BaseException as error:  # noqa: BLE001 — an environment may raise anything, SystemExit too
        return sendable(failure_of(error))


def _prepare(memory: Any, parent: int, stacks: Path) -> TextIO:
    """Set a new worker up: it leaves Ctrl-C to its parent, dies with it, and keeps away from standard output.

    Returns the file for stacks, open as long as the process lives.
    """
    os.dup2(2, 1)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    if may_fork():
        show_token(os.environ[TOKEN])
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))  # files are atomic or trimmed
    watch.attach(memory)
    closing.collect_garbage()
    tell_in_a_line()
    file = stacks.open("w", encoding="utf-8")
    faulthandler.enable(file, all_threads=False)
    faulthandler.register(signal.SIGUSR1, file, all_threads=True)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    return file


def _die_with(parent: int) -> None:
    """End this process, with all it started, as soon as its parent is gone (killed, say): no orphan goes on writing."""
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(0.5)
    end(started_by(os.environ.get(TOKEN, ""), os.getpid()))
    os._exit(1)


def _finish() -> None:
    """End the process without waiting for threads that an environment has left behind."""
    end(started_by(os.environ.get(TOKEN, ""), os.getpid()))
    finish(wait=False)
    os._exit(0)
