"""The warm process: it imports what stages need, and forks a process per stage that asks, until its owner has ended.

``python -m rlx.launch.warm_server LISTENER OWNER SIGNATURE``, started by :mod:`rlx.launch.warm`. It imports libraries and
rlx, never the project's code; it serves stages of its own signature only; and it forks only while it has a single thread
and has not called CUDA. Compiled kernels are loaded where they have been kept on this machine; nothing is compiled here.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from rlx.launch import warm
from rlx.launch.forked import be_fork_for, touches_cuda
from rlx.launch.guarding import finish
from rlx.launch.threads import skip_compiler
from rlx.launch.warm import SIZE, STATUS, exactly

GROUPS = (
    ("resolve", ("rlx.config.composition:load_all", "gymnasium", "gymnasium.envs.classic_control", "rlx.experiments.resolving", "rlx.experiments.stage_process")),
    ("train", ("torch", "stable_baselines3", "rlx.training.seeds", "rlx.training.one_seed", "rlx.algorithms.ppo.trial",
               "rlx.records.event_writing", "rlx.algorithms:load_kernels")),
    ("eval", ("pandas", "scipy.special", "rlx.training.held_out", "rlx.training.held_out_play", "rlx.records.results")),
    ("video", ("av", "PIL.ImageFont", "pygame", "rlx.training.video", "rlx.training.filming", "rlx.training.film_writing")),
    ("analyze", ("matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg", "matplotlib.pyplot",
                 "rlx.report.run_analysis", "rlx.report.plots")),
    ("compare", ("rlx.report.comparison_files",)),
)  # fmt: skip
"""What is imported, in the order in which stages need it. A stage waits until its own group is there; others for all."""

AHEAD = {"eval": "rlx.training.film_ahead"}
"""What is done, for a command of rlx, when a stage has ended well: in time that others wait, beside what comes next."""
IDLE = 120.0
"""Seconds without a stage after which the process ends: its owner may live on for other things."""


@dataclass(frozen=True)
class _Request:
    """A stage that asks."""

    connection: socket.socket
    process: int
    streams: list[int]
    errand: dict[str, Any]

    @property
    def stage(self) -> str:
        return str(self.errand["module"]).rpartition(".")[2]

    def close(self) -> None:
        """Let go of it: without an answer, the stage runs in its own process."""
        for stream in self.streams:
            os.close(stream)
        self.connection.close()


class _Server:
    """Imports, accepts, forks and reaps, in one thread."""

    def __init__(self, listener: int, owner: int, signature: str):
        self._signature = signature
        self._owner = os.pidfd_open(owner)
        self._listener = socket.socket(fileno=listener)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._owner, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._waiting: list[_Request] = []
        self._children: dict[int, tuple[int, _Request]] = {}
        self._loaded: set[str] = set()

    def serve(self) -> None:
        """Work until the owner has ended."""
        steps = [(group, name) for group, names in GROUPS for name in names]
        for number, (group, name) in enumerate(steps):
            for fit in _load(name):
                if not fit or not self._turn(0):
                    return
            if number + 1 == len(steps) or steps[number + 1][0] != group:
                self._loaded.add(group)
                gc.freeze()
            if not self._turn(0):
                return
        while self._turn(IDLE):
            pass

    def _turn(self, timeout: float) -> bool:
        """Take in what has happened; tells whether the owner lives, and has use for this process."""
        events = self._selector.select(timeout)
        if not events and timeout and not self._children:
            return False
        for key, _ in events:
            if key.fd == self._owner:
                return False
            if key.fileobj is self._listener:
                self._accept()
            else:
                self._reap(key.fd)
        for request in [each for each in self._waiting if self._is_ready(each)]:
            self._waiting.remove(request)
            self._fork(request)
        return True

    def _is_ready(self, request: _Request) -> bool:
        known = [group for group, _ in GROUPS]
        return (request.stage if request.stage in known else known[-1]) in self._loaded

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        streams: list[int] = []
        try:
            connection.settimeout(5.0)
            process = warm.peer(connection)
            head, streams, _, _ = socket.recv_fds(connection, SIZE.size, 3)
            errand = json.loads(exactly(connection, SIZE.unpack(head)[0]))
            if len(streams) != 3 or errand["signature"] != self._signature or _shadows(errand["folder"]):
                raise PermissionError
            request = _Request(connection, process, list(streams), errand)
        except (OSError, EOFError, LookupError, TypeError, ValueError, struct.error):
            _Request(connection, 0, list(streams), {}).close()
        else:
            self._waiting.append(request)

    def _fork(self, request: _Request, end: socket.socket | None = None) -> None:
        """Fork a process for a stage, or for whoever is at the other ``end`` of a request of our own."""
        if sum(1 for _ in Path("/proc/self/task").iterdir()) > 1 or touches_cuda():
            request.close()
            return
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._listener.close()
            for other in self._waiting:
                other.close()
            for handle, (_, other) in self._children.items():
                os.close(handle)
                other.connection.close()
            os.close(self._owner)
            if end is not None:
                request.connection.close()
                request = replace(request, connection=end)
            _be(request)
        for stream in request.streams:
            os.close(stream)
        handle = os.pidfd_open(pid)
        self._children[handle] = pid, request
        self._selector.register(handle, selectors.EVENT_READ)

    def _reap(self, handle: int) -> None:
        self._selector.unregister(handle)
        os.close(handle)
        pid, request = self._children.pop(handle)
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):  # the fork has said it itself, and the stage is gone
            request.connection.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
        request.connection.close()
        if status == 0 and request.stage in AHEAD and warm.VARIABLE in request.errand["environment"]:
            self._work_ahead(request)

    def _work_ahead(self, request: _Request) -> None:
        """Fork a process that does what a later stage will need, and that dies with this one."""
        here, there = socket.socketpair()
        silent = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
        errand = {**request.errand, "module": AHEAD[request.stage], "ignored": list(map(int, warm.NUMBERS[:1]))}
        here.sendall(b"go")
        self._fork(_Request(here, 0, silent, errand), there)
        there.close()


def _load(name: str) -> Iterator[bool]:
    """Import a module, and run a generator of it where one is named; tells now and then whether this process can go on."""
    module, _, function = name.partition(":")
    with suppress(Exception):  # whoever needs it will say so
        found = importlib.import_module(module)
        if module == "torch":
            found.set_num_threads(1)
            skip_compiler()
        if function:
            yield from getattr(found, function)()


def _shadows(folder: str) -> bool:
    """Tell whether a project has a module of its own by the name of one that is imported here, which it would not see."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            module = entry.name.endswith((".py", ".pyc", ".so")) or Path(entry.path, "__init__.py").exists()
            if module and entry.name.partition(".")[0] in sys.modules:
                return True
    return False


def _be(request: _Request) -> NoReturn:
    """In the fork: be the stage."""
    status = 1
    try:
        request.connection.settimeout(warm.WAIT)
        request.connection.sendall(SIZE.pack(os.getpid()))
        if exactly(request.connection, 2) != b"go":
            os._exit(0)
        request.connection.settimeout(None)
        status = _run(request)
    except EOFError:
        os._exit(0)  # the stage is gone
    except BaseException as error:  # noqa: BLE001 — as an interpreter tells it
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            finish()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finish()
    with suppress(OSError):
        request.connection.sendall(STATUS.pack(status))
    os._exit(status & 0xFF)


def _run(request: _Request) -> int:
    errand = request.errand
    os.setsid()
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    for number in warm.NUMBERS:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in errand["ignored"] else usual)
    os.chdir(errand["folder"])
    os.umask(errand["umask"])
    os.environ.clear()
    os.environ.update(errand["environment"])
    sys.path[:] = errand["path"]
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        lines = number == 2 or os.isatty(number)
        new = open(  # noqa: SIM115 — as long as the process
            number, "w", encoding=stream.encoding, errors=stream.errors, closefd=False, buffering=1 if lines else -1
        )
        new.reconfigure(write_through=unbuffered)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    sys.stdin = sys.__stdin__ = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.argv = [errand["module"], *errand["arguments"]]
    sys.orig_argv = [sys.executable, "-m", errand["module"], *errand["arguments"]]
    be_fork_for(request.process)
    importlib.invalidate_caches()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # as unforeseeable as in a process of its own
    threading.Thread(target=_die_with, args=(request.connection,), daemon=True).start()
    os.register_at_fork(after_in_child=lambda: _forget(request.connection))
    try:
        runpy.run_module(errand["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _forget(connection: socket.socket) -> None:
    """In a worker that is forked in turn: what its parent has to tidy up, and to whom it answers, is not its business."""
    connection.close()
    atexit._clear()


def _die_with(connection: socket.socket) -> None:
    """Let this process end, as when it is told to, as soon as the stage that it is the fork of is gone."""
    with suppress(OSError):
        while connection.recv(1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(10.0)
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    _Server(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]).serve()
    os._exit(0)
