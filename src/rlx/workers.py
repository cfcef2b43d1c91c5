"""A pool of worker processes, one per core, each with one torch thread, that stops at once when told to.

Pebble keeps the pool: when a worker dies (killed, out of memory, a crash in native code) only its own task fails.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pebble import ProcessPool

from rlx.errors import RlxError, UsageError
from rlx.failures import PROCESS, Cause, cause_of

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
Emit = Callable[[Any], None]


@dataclass(frozen=True)
class Failure:
    """Why a task did not finish.

    Attributes:
        message: One line for people.
        details: The traceback, or how the process ended.
        cause: The facts of it.
    """

    message: str
    details: str
    cause: Cause


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(tasks: int) -> int:
    """Return how many workers to start: one per task, never more than cores, nor than ``RLX_WORKERS`` if it is set.

    Raises:
        UsageError: ``RLX_WORKERS`` is not a whole number of at least 1.
    """
    asked = os.environ.get("RLX_WORKERS")
    if asked is not None and (not asked.isdigit() or int(asked) < 1):
        raise UsageError(f"RLX_WORKERS={asked!r} must be a whole number of at least 1")
    return max(1, min(tasks, usable_cores(), int(asked) if asked else tasks))


def run_parallel(
    function: Callable[..., Any],
    tasks: Mapping[int, tuple[Any, ...]],
    on_event: Callable[[Any], None] = lambda _: None,
    on_end: Callable[[int, Any], None] = lambda _, __: None,
) -> dict[int, Any]:
    """Run ``function(*arguments, emit)`` for each task in parallel worker processes.

    Args:
        function: Importable; what it emits comes to ``on_event`` here.
        tasks: Arguments by task number.
        on_event: Called in this process with whatever the workers emit, in order for each of them.
        on_end: Called with a task's number and result (or :class:`Failure`) as soon as it has ended.

    Returns:
        Each task's result, or its :class:`Failure`.

    Raises:
        KeyboardInterrupt: Passed on after every worker has been stopped.
    """
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    results: dict[int, Any] = {}
    with _one_thread_each():
        pool: Any = ProcessPool(
            max_workers=worker_count(len(tasks)), initializer=_prepare, initargs=(events, os.getpid()), context=context
        )
        try:
            futures: dict[int, Future[Any]] = {
                number: pool.schedule(_guarded, args=[function, arguments]) for number, arguments in tasks.items()
            }
            while len(results) < len(futures):
                _drain(events, on_event, timeout=0.1)
                for number in [n for n, future in futures.items() if future.done() and n not in results]:
                    _drain(events, on_event, timeout=0)
                    results[number] = _outcome(futures[number])
                    on_end(number, results[number])
            pool.close()
        except BaseException:
            pool.stop()
            raise
        finally:
            pool.join(timeout=1)
            if pool.active:
                pool.stop()
            pool.join()
            events.close()
            events.cancel_join_thread()
    return {number: results[number] for number in tasks}


def _outcome(future: Future[Any]) -> Any:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 — whatever ended the worker is what the task failed of
        code = getattr(error, "exitcode", None)
        ended = f"with exit code {code}" if code is None or code >= 0 else f"by signal {signal.Signals(-code).name}"
        return Failure(
            f"its process ended {ended} (out of memory, or a crash in native code?)", f"{error!r}", Cause(PROCESS)
        )


def _drain(events: Any, on_event: Callable[[Any], None], timeout: float) -> None:
    try:
        while True:
            on_event(events.get(timeout=timeout) if timeout else events.get_nowait())
            timeout = 0
    except queue.Empty:
        return


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started in this block use one thread of BLAS and OpenMP each."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_events: Any = None


def _prepare(events: Any, parent: int) -> None:
    """Set a new worker up: it leaves Ctrl-C to its parent, and dies with it."""
    global _events
    _events = events
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))  # files are atomic or trimmed
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this process as soon as its parent is gone (killed, say), so that no orphan goes on writing."""
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(0.5)
    os._exit(1)


def _guarded(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    import torch

    torch.set_num_threads(1)
    try:
        return function(*arguments, _events.put)
    except RlxError as error:
        return Failure(str(error), traceback.format_exc(), cause_of(error))
    except Exception as error:  # noqa: BLE001 — an environment may raise anything
        first_line = (str(error).splitlines() or [""])[0]
        return Failure(f"{type(error).__name__}: {first_line}", traceback.format_exc(), cause_of(error))
