"""Worker processes, one per core, each with one torch thread: what runs in them may die or hang, and is named.

Environments run nowhere else. When a worker dies in any way (killed, a crash in native code, ``os._exit(0)``), or an
environment does not return, only its own task fails, and what it had started ends with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from rlx.errors import UsageError
from rlx.launch.failures import Failure
from rlx.launch.worker_pool import STEP_TIMEOUT, Assignment, Limits, WorkerPool

__all__ = ["STEP_TIMEOUT", "Failure", "run_alone", "run_parallel", "usable_cores", "worker_count"]


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


def run_parallel(  # noqa: PLR0913
    function: Callable[..., Any],
    tasks: Mapping[int, tuple[Any, ...]],
    on_event: Callable[[Any], None] = lambda _: None,
    on_end: Callable[[int, Any], None] = lambda _, __: None,
    *,
    step_timeout: float = STEP_TIMEOUT,
    time_limit: float | None = None,
    portable: bool = False,
) -> dict[int, Any]:
    """Run ``function(*arguments, emit)`` for each task in parallel worker processes.

    Args:
        function: Importable; what it emits comes to ``on_event`` here.
        tasks: Arguments by task number.
        on_event: Called in this process with whatever the workers emit, in order for each of them, and with a line (text)
            about what an environment has left behind or failed to close.
        on_end: Called with a task's number and result (or :class:`rlx.launch.failures.Failure`) as soon as it has ended.
        step_timeout: Seconds that one call of an environment may take (``env.step_timeout``).
        time_limit: Seconds that one task may take; None: any.
        portable: Whether all that is computed is to give the same bits on every processor (:mod:`rlx.launch.threads`).

    Returns:
        Each task's result, or its :class:`rlx.launch.failures.Failure`.

    Raises:
        KeyboardInterrupt: Passed on after every worker has been stopped.
    """
    found: dict[int, Any] = {}

    def end(number: int, outcome: Any) -> None:
        found[number] = outcome
        on_end(number, outcome)

    limits = Limits(step_timeout, time_limit)
    with WorkerPool(worker_count(len(tasks)), limits, on_event, end, portable=portable) as pool:
        for number, arguments in tasks.items():
            pool.add(Assignment(number, function, arguments))
        while pool.is_busy:
            pool.turn()
    return {number: found[number] for number in tasks}


def run_alone(  # noqa: PLR0913
    function: Callable[..., Any],
    arguments: tuple[Any, ...] = (),
    on_event: Callable[[Any], None] = lambda _: None,
    *,
    step_timeout: float = STEP_TIMEOUT,
    time_limit: float | None = None,
    portable: bool = False,
) -> Any:
    """Run ``function(*arguments, emit)`` in a process of its own and return its result, or its failure.

    The process imports nothing heavy by itself; arguments and limits are those of :func:`run_parallel`.
    """
    limits: dict[str, Any] = {"step_timeout": step_timeout, "time_limit": time_limit, "portable": portable}
    return run_parallel(function, {0: arguments}, on_event, **limits)[0]
