"""Where in a page (a project's or package's own algorithm) something is, for messages about what does not keep to the contract."""

from __future__ import annotations

import inspect
import sys
from traceback import walk_tb
from typing import Any

from rlx.errors import RlxError, TrainingFailed
from rlx.stats import raised

OURS = "rlx"


def place_of(made: Any) -> str:
    """Return the file and line of a class, function or method of a page: ``algorithms/reinforce.py:74``.

    Empty for what rlx itself brings, and where nothing can be told (what another language made, say).
    """
    made = inspect.unwrap(made)
    if not (file := _file_of(made)):
        return ""
    try:
        line = max(1, inspect.getsourcelines(made)[1])
    except (OSError, TypeError):
        return file
    return f"{file}:{line}"


def raised_at(error: BaseException, made: Any) -> str:
    """Return the deepest line of a page that an exception came through; empty where it came through none.

    Args:
        error: What was raised.
        made: The page's class or function.
    """
    made = inspect.unwrap(made)
    if not (file := _file_of(made)):
        return ""
    places = [
        f"{file}:{line}, in {frame.f_code.co_name}"
        for one in (error, error.__cause__)  # what it was raised from is deeper
        if one
        for frame, line in walk_tb(one.__traceback__)
        if frame.f_code.co_filename == _source_of(made)
    ]
    return places[-1] if places else ""


def told_at(error: BaseException, made: Any) -> str:
    """Return what was raised in one line, and the deepest line of a page that it came through, if any."""
    told, place = str(error) if isinstance(error, RlxError) else raised(error), raised_at(error, made)
    return f"{told} ({place})" if place else told


def broken(made: Any, message: str) -> TrainingFailed:
    """Return what tells that a page does not keep to the contract, with the place of what breaks it.

    Args:
        made: The class or method at fault.
        message: What is wrong, and what to do.
    """
    place = place_of(made)
    return TrainingFailed(f"{place}: {message}" if place else message)


def _source_of(made: Any) -> str:
    return getattr(sys.modules.get(str(getattr(made, "__module__", ""))), "__file__", None) or ""


def _file_of(made: Any) -> str:
    """Return the file as a project or package knows it, by the name of its module; empty for rlx's own."""
    name = str(getattr(made, "__module__", ""))
    if not _source_of(made) or name.partition(".")[0] == OURS:
        return ""
    inside = "/__init__" if hasattr(sys.modules[name], "__path__") else ""
    return f"{name.replace('.', '/')}{inside}.py"
