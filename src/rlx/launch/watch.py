"""What an environment is doing right now, in memory that another process can read while native code runs or hangs.

A worker notes here whenever it calls an environment, which costs some 100 ns; its parent reads it, so that a step that
never returns is noticed and a process that dies says where. In a process that nobody watches the notes go nowhere.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

CALL, STEPS, BEAT, ACTIVITY, PATIENCE, RAISED = range(6)
"""Cells of the board: the call that runs, steps taken in the activity, calls made, the activity, milliseconds allowed, and
the call that raised last."""
SIZE = 8


class Call(IntEnum):
    """What of an environment is being called."""

    NOTHING = 0
    IMPORT = 1
    MAKE = 2
    RESET = 3
    STEP = 4
    RENDER = 5
    CLOSE = 6
    COPIES = 7
    """Copies in processes of their own, which whoever waits for them watches."""
    CHECK = 8
    """None of its methods, but its destructor may run, say."""
    MASKS = 9


class Activity(IntEnum):
    """What steps are taken for."""

    NOTHING = 0
    TRAINING = 1
    VALIDATION = 2
    EVALUATION = 3
    FILMING = 4
    CHECKING = 5


CALL_NAMES = {
    Call.IMPORT: "being imported",
    Call.MAKE: "being made",
    Call.RESET: "`reset`",
    Call.STEP: "`step`",
    Call.RENDER: "`render`",
    Call.CLOSE: "`close`",
    Call.COPIES: "`step`",
    Call.CHECK: "being checked",
    Call.MASKS: "`action_masks`",
}
DURING = {
    Activity.VALIDATION: " in validation",
    Activity.EVALUATION: " in held-out evaluation",
    Activity.FILMING: " while it was filmed",
    Activity.CHECKING: " while it was checked",
}


def view(memory: Any) -> Any:
    """Return shared memory of :data:`SIZE` whole numbers as a board."""
    return memoryview(memory).cast("B").cast("q")


board: Any = view((ctypes.c_int64 * SIZE)())
"""This process's own; hot loops write into it directly."""


def attach(memory: Any) -> None:
    """Let this process's notes go into shared memory."""
    global board
    board = view(memory)


@contextmanager
def calling(call: Call) -> Iterator[None]:
    """Note that an environment is called in this block."""
    now = board
    before = now[CALL]
    now[BEAT] += 1
    now[CALL] = call
    try:
        yield
    except BaseException:
        now[RAISED] = call
        raise
    finally:
        now[CALL] = before
        now[BEAT] += 1


@contextmanager
def doing(activity: Activity, steps: int = 0) -> Iterator[None]:
    """Note what steps are taken for in this block, and how many lie behind."""
    now = board
    before = now[ACTIVITY], now[STEPS]
    now[ACTIVITY], now[STEPS] = activity, steps
    yield
    now[ACTIVITY], now[STEPS] = before  # not after an exception: where it came from is told by the board


def stepping() -> None:
    """Note that an environment's ``step`` begins."""
    now = board
    now[STEPS] += 1
    now[CALL] = Call.STEP


def returned() -> None:
    """Note that an environment's call has ended."""
    board[CALL] = Call.NOTHING


def clear() -> None:
    """Forget what was done: another task begins."""
    for cell in (CALL, STEPS, BEAT, ACTIVITY, RAISED):
        board[cell] = 0


def board_place(cells: Sequence[int]) -> str:
    """Return which call of an environment a board shows, and in what activity; empty outside of any."""
    if cells[CALL] == Call.NOTHING:
        return ""
    name, during = CALL_NAMES[Call(cells[CALL])], DURING.get(Activity(cells[ACTIVITY]), "")
    return name if name.startswith("being") else name + during


def raised_in() -> str:
    """Return the call of an environment that an exception, just caught in this process, came from; empty if from none."""
    cells = list(board)
    cells[CALL] = cells[CALL] or cells[RAISED]
    return board_place(cells)


def at(place_shown: str) -> str:
    """Return a place, as :func:`board_place` shows it, with the word that leads to it: ``in `step` ``, ``while being made``."""
    return f"{'in' if place_shown[0] == '`' else 'while'} {place_shown}" if place_shown else ""


def training_step(cells: Sequence[int]) -> int | None:
    """Return the training step that a board shows; None where nothing is being trained."""
    return cells[STEPS] if cells[ACTIVITY] == Activity.TRAINING else None
