"""The parent's side of worker processes: hands out tasks, reads what comes back, and watches for death and hanging."""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import os
import pickle
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import Any

from rlx.launch import watch
from rlx.launch.failures import ENVIRONMENT, OTHER, OUT_OF_MEMORY, PROCESS, Cause, Failure
from rlx.launch.forked import TOKEN, may_fork
from rlx.launch.memory import kills_for_memory
from rlx.launch.processes import end, started_by
from rlx.launch.signals import signal_name
from rlx.launch.threads import variables_for, worker_variables
from rlx.launch.worker_process import CLOSED, ENDED, EVENT, serve
from rlx.stats import listed

STEP_TIMEOUT = 300.0
"""Seconds that one call of an environment may take, unless ``env.step_timeout`` says otherwise."""
LOOK = 0.1
"""Seconds between two looks at a worker from which nothing comes."""
PAUSED = 5.0
"""A longer time between two looks means that this process was stopped itself (Ctrl-Z): nobody is late for it."""
GRACE = 10.0
"""Seconds more for whoever watches copies of an environment himself, and for a worker to end when it is told to."""
_numbers = itertools.count()


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds.

    Attributes:
        call: One call of an environment.
        task: One task; None: any time.
    """

    call: float = STEP_TIMEOUT
    task: float | None = None


@dataclass(frozen=True)
class Assignment:
    """What a worker is to run: ``function(*arguments, emit)``."""

    number: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Worker:
    """One worker process as its parent sees it."""

    def __init__(self, context: Any, variables: Mapping[str, str]):
        self.token = f"{os.getpid()}-{next(_numbers)}"
        self._memory = context.RawArray(ctypes.c_int64, watch.SIZE)
        self.board = watch.view(self._memory)
        handle, name = tempfile.mkstemp(prefix="rlx-stack-")
        os.close(handle)
        self.stacks = Path(name)
        reader, self._tasks = context.Pipe(duplex=False)
        self.messages: Connection
        self.messages, writer = context.Pipe(duplex=False)
        self.process = context.Process(target=serve, args=(reader, writer, self._memory, os.getpid(), self.stacks))
        resource_tracker.ensure_running()  # our own, and not something that the first worker has started
        with _without_main_module(), _variables({**variables, TOKEN: self.token}):
            self.process.start()
        reader.close()
        writer.close()
        self._received = bytearray()
        self.task: Assignment | None = None
        self.kills_before = 0
        self.ended = False
        """Whether the task's outcome is known; its environments are then being closed."""
        self._began = self._changed = 0.0
        self._seen: tuple[int, ...] = ()

    def start(self, task: Assignment, limits: Limits) -> None:
        """Hand a task over."""
        self.task, self.ended = task, False
        self.kills_before = kills_for_memory()
        self.board[watch.PATIENCE] = int(1000 * limits.call)
        self._began = self._changed = time.monotonic()
        self._tasks.send_bytes(pickle.dumps((task.function, task.arguments)))

    def receive(self) -> Iterator[tuple[int, Any]]:
        """Yield the messages that have come; never waits, whatever a dying process has left unfinished."""
        while wait([self.messages], 0):
            try:
                data = os.read(self.messages.fileno(), 1 << 20)
            except OSError:
                break
            if not data:
                break
            self._received += data
        while len(self._received) >= 4:
            (size,), head = struct.unpack_from("!i", self._received), 4
            if size == -1:
                if len(self._received) < 12:
                    return
                (size,), head = struct.unpack_from("!Q", self._received, 4), 12
            if len(self._received) < head + size:
                return
            message = bytes(self._received[head : head + size])
            del self._received[: head + size]
            yield pickle.loads(message)

    def lateness(self, limits: Limits, now: float, paused: float) -> str | None:
        """Return what has taken too long, as a sentence; None if nothing has.

        Args:
            limits: How long things may take.
            now: The time.
            paused: Seconds for which this process itself was stopped, since the last look.
        """
        cells = tuple(self.board)
        self._began, self._changed = self._began + paused, self._changed + paused
        if cells != self._seen:
            self._seen, self._changed = cells, now
        call, place = cells[watch.CALL], watch.board_place(cells)
        allowed = limits.call + (GRACE if call == watch.Call.COPIES else 0.0)
        if place and now - self._changed > allowed:
            if call in (watch.Call.IMPORT, watch.Call.MAKE, watch.Call.CHECK):
                return f"its environment was still {place} after {limits.call:g} s (env.step_timeout)"
            return f"its environment did not return from {place} for {limits.call:g} s (env.step_timeout)"
        if limits.task is not None and now - self._began > limits.task and not self.ended:
            return f"it did not end within {limits.task:g} s" + (f"; its environment was at {place}" if place else "")
        return None

    def stack(self) -> str:
        """Return where a living worker is in its code, or where native code crashed."""
        if self.process.exitcode is None:
            try:
                os.kill(self.process.pid, signal.SIGUSR1)
            except OSError:
                return ""
            deadline = time.monotonic() + 1.0
            while not self._stack_text() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.05)  # until it is written whole
        return self._stack_text()

    def _stack_text(self) -> str:
        try:
            return self.stacks.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def finish(self) -> None:
        """Let the worker end by itself."""
        try:
            self._tasks.send_bytes(b"")
        except OSError:
            return

    def stop(self) -> None:
        """End the process, with all it has started, however it is."""
        started = started_by(self.token, self.process.pid)
        if self.process.exitcode is None:
            self.process.kill()
        self.process.join()
        end([*started, *started_by(self.token, self.process.pid)])
        self.messages.close()
        self._tasks.close()
        self.stacks.unlink(missing_ok=True)


class WorkerPool:
    """As many workers as asked for, each of which runs one task after another."""

    def __init__(
        self,
        size: int,
        limits: Limits,
        on_event: Callable[[Any], None],
        on_end: Callable[[int, Any], None],
        *,
        portable: bool = False,
    ):
        """Start nothing yet: workers start with their first task; the rest is said at :func:`rlx.launch.run_parallel`."""
        self._size, self._limits = size, limits
        self._on_event, self._on_end = on_event, on_end
        self._variables = variables_for(portable=portable)
        fork = may_fork() and self._variables == worker_variables()  # libraries have chosen their code here already
        self._context = multiprocessing.get_context("fork" if fork else "spawn")
        self._workers: list[Worker] = []
        self._waiting: list[Assignment] = []
        self._ended: set[int] = set()
        self._failed: set[int] = set()
        self._said: set[str] = set()
        self._looked = time.monotonic()

    def __enter__(self) -> WorkerPool:
        """Do nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop every worker; after a failure here (Ctrl-C) at once."""
        self.stop(gently=kind is None)

    @property
    def waiting(self) -> set[int]:
        """The tasks that no worker has yet."""
        return {task.number for task in self._waiting}

    @property
    def is_busy(self) -> bool:
        """Whether a task waits, runs, or closes its environments."""
        return bool(self._waiting) or any(worker.task for worker in self._workers)

    def add(self, task: Assignment) -> None:
        """Queue a task, whose number is its own."""
        self._waiting.append(task)

    def drop(self, number: int) -> None:
        """Stop a task, wherever it is; nothing is told of it any more."""
        self._waiting = [task for task in self._waiting if task.number != number]
        for worker in [worker for worker in self._workers if worker.task and worker.task.number == number]:
            self._retire(worker)

    def stop(self, *, gently: bool) -> None:
        """Stop every worker; gently: those without a task may end by themselves first."""
        if gently:
            for worker in self._workers:
                worker.finish()
            deadline = time.monotonic() + GRACE
            for worker in self._workers:
                while worker.process.exitcode is None and time.monotonic() < deadline:
                    time.sleep(0.01)
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def turn(self) -> None:
        """Hand out tasks, wait a moment for news of them, and take those in."""
        self._hand_out()
        busy = [worker for worker in self._workers if worker.task]
        wait([worker.messages for worker in busy], LOOK)
        now = time.monotonic()
        paused, self._looked = max(0.0, now - self._looked - PAUSED), now
        for worker in busy:
            dead = worker.process.exitcode is not None  # before reading: a dead one sends no more
            for kind, content in worker.receive():
                if kind == EVENT:
                    self._on_event(content)
                else:
                    self._take(worker, kind, content)
            if worker.task is not None:
                self._examine(worker, dead=dead, now=now, paused=paused)

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.task is None:
                worker.start(self._waiting.pop(0), self._limits)
        while self._waiting and len(self._workers) < self._size:
            self._workers.append(Worker(self._context, self._variables))
            self._workers[-1].start(self._waiting.pop(0), self._limits)

    def _take(self, worker: Worker, kind: int, content: Any) -> None:
        """Take in what a worker says of its task's end."""
        assert worker.task is not None
        number = worker.task.number
        if kind == ENDED:
            worker.ended = True
            self._end(number, content)
            return
        assert kind == CLOSED
        problems, left = content
        for problem in problems:
            self._say(f"an environment {problem}; the results are complete")
        if left:
            self._say(f"an environment has left {listed(left)} running; ended with its process")
        if left or problems or number in self._failed:
            self._retire(worker)
        worker.task = None

    def _end(self, number: int, outcome: Any) -> None:
        self._ended.add(number)
        if isinstance(outcome, Failure):
            self._failed.add(number)
        self._on_end(number, outcome)

    def _say(self, line: str) -> None:
        """Say something of an environment; what every seed's environment does is said once."""
        kind = "".join(character for character in line if not character.isdigit())
        if kind not in self._said:
            self._said.add(kind)
            self._on_event(line)

    def _examine(self, worker: Worker, *, dead: bool, now: float, paused: float) -> None:
        """Note the failure of a worker that has died, or in which an environment does not return."""
        assert worker.task is not None
        if dead:
            failure = _death(worker)
        elif late := worker.lateness(self._limits, now, paused):
            failure = _lateness(worker, late)
        else:
            return
        number = worker.task.number
        self._retire(worker)
        worker.task = None
        if number in self._ended:
            self._say(f"{failure.message}; the results are complete")
        else:
            self._end(number, failure)

    def _retire(self, worker: Worker) -> None:
        worker.stop()
        self._workers.remove(worker)


def _death(worker: Worker) -> Failure:
    code = worker.process.exitcode
    how = f"with exit code {code}" if code >= 0 else f"by signal {signal_name(-code)}"
    cells = tuple(worker.board)
    place = watch.board_place(cells)
    cause = Cause(PROCESS, watch.training_step(cells))
    if code == -signal.SIGKILL and kills_for_memory() > worker.kills_before:
        message = "its process was killed by the system, which had no more memory for it"
        cause = Cause(OUT_OF_MEMORY, cause.step)
    elif place:
        message = f"its environment ended its process {how}, {watch.at(place)}"
    else:
        message = f"its process ended {how} (out of memory, or a crash in native code?)"
    return Failure(message, f"{message}\n\n{worker.stack()}", cause)


def _lateness(worker: Worker, message: str) -> Failure:
    cells = tuple(worker.board)
    kind = OTHER if cells[watch.CALL] == watch.Call.NOTHING else ENVIRONMENT
    return Failure(message, f"{message}\n\n{worker.stack()}", Cause(kind, watch.training_step(cells)))


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Let processes started in this block have these environment variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Spare processes started in this block from importing the program that starts them, which they have no use for."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
