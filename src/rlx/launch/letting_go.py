"""Letting go of a task before its process has to end: at a moment when nothing is lost, to go on later, maybe elsewhere.

A job of a cluster has a time limit. Shortly before it, whoever runs the task asks it to let go, by a file in its folder; the
work looks for it where it has just saved all that it needs (:func:`may_let_go`), and ends there. What was let go of is neither
done nor failed nor lost. If the work never comes to such a place in a whole job, it never would in the next one either: after
:data:`FUTILE` such jobs the task has failed, with what to change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

REQUEST, PLACE, LET_GO = "let_go_please", "safe_place", "let_go.json"
FUTILE = 2


class LetGo(BaseException):
    """The work was asked to end here, where it can go on from; raised through whatever it does."""


def may_let_go(folder: Path) -> None:
    """Say that the work of the task in ``folder`` is at a place where it can end without loss.

    Raises:
        LetGo: It was asked to.
    """
    touch_safe_place(folder)
    if is_asked_to_let_go(folder):
        raise LetGo


def touch_safe_place(folder: Path) -> None:
    """Say that the work of a task is at a place where it could end without loss."""
    with suppress(OSError):
        (folder / PLACE).touch()


def is_asked_to_let_go(folder: Path) -> bool:
    """Tell whether the work of a task is to end as soon as it can."""
    return (folder / REQUEST).exists()


def ask(folder: Path) -> None:
    """Ask the work of a task to let go at the next such place."""
    (folder / REQUEST).touch()


def begin(folder: Path) -> int:
    """Forget what was asked of an earlier process; returns the last safe place that work came to (:func:`last_place`)."""
    (folder / REQUEST).unlink(missing_ok=True)
    if note := _note(folder):
        _write(folder, {**note, "attempt": None})
    return last_place(folder)


def last_place(folder: Path) -> int:
    """Return a number that changes with each safe place that the work comes to."""
    try:
        return (folder / PLACE).stat().st_mtime_ns
    except OSError:
        return 0


def note_let_go(folder: Path, attempt: str, *, came_on: bool) -> int:
    """Note that a task was let go of; returns how many processes in a row have come to no safe place (0: this one has).

    Args:
        folder: The task's.
        attempt: Which attempt of it.
        came_on: Whether the work came to a safe place in this process.
    """
    futile = 0 if came_on else _note(folder).get("futile", 0) + 1
    _write(folder, {"attempt": attempt, "futile": futile})
    return int(futile)


def was_let_go(folder: Path, attempt: str) -> bool:
    """Tell whether the process of an attempt let go of the task, so that it is to go on."""
    return _note(folder).get("attempt") == attempt


def forget(folder: Path) -> None:
    """Forget all that is noted: somebody begins the task from outside, maybe under other terms."""
    for name in (REQUEST, LET_GO):
        (folder / name).unlink(missing_ok=True)


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    temporary = folder / f".{LET_GO}"
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(folder / LET_GO)


def _note(folder: Path) -> Mapping[str, Any]:
    try:
        content = json.loads((folder / LET_GO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
