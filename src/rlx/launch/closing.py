"""Letting go of environments: after a task's result is safe, so that one that fails in ``close`` costs nothing."""

from __future__ import annotations

from typing import Any

from rlx.launch.watch import Call, calling
from rlx.stats import raised

_waiting: list[Any] | None = None


def collect_garbage() -> None:
    """From now on, keep what is to be closed until :func:`close_all`: this process is a worker."""
    global _waiting
    _waiting = []


def close_later(thing: Any) -> None:
    """Close an environment (anything with ``close``) once the result of the task is safe; outside of a worker, now."""
    if _waiting is None:
        thing.close()
    else:
        _waiting.append(thing)


def close_all() -> list[str]:
    """Close what waits for it; returns what went wrong, a phrase each."""
    problems = []
    while _waiting:
        thing = _waiting.pop(0)
        try:
            with calling(Call.CLOSE):
                thing.close()
                del thing  # its destructor too
        except BaseException as error:  # noqa: BLE001 — an environment may raise anything, SystemExit too
            problems.append(f"failed in `close`: {raised(error)}")
    return problems
