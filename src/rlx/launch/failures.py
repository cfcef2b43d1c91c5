"""Why a seed failed, as facts: what other programs can read instead of an English sentence."""

from __future__ import annotations

import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rlx.errors import EnvironmentFailed, Misfit, NonFiniteValue, RlxError, SuccessUnclear
from rlx.launch import watch
from rlx.stats import raised

NON_FINITE, ENVIRONMENT, PROCESS, OTHER = "non-finite", "environment", "process", "other"
OUT_OF_MEMORY, SOFTWARE = "out-of-memory", "software"
TIME_LIMIT, NODE_LOST, CANCELLED, ENGINE_AWAY = "time-limit", "node-lost", "cancelled", "engine-away"
MOST_DETAILS = 100_000
"""Characters of a traceback that are kept."""
_REFUSED = "DefaultCPUAllocator: can't allocate memory"
"""What torch says where the system gives it no more."""
_CALLS = ("step", "reset", "render", "close")


@dataclass(frozen=True)
class Cause:
    """Why a task failed.

    Attributes:
        kind: ``non-finite`` (a number became NaN or infinite), ``environment`` (its own code raised or did not return, or
            the process of one of its copies ended), ``process`` (the worker died: it was killed, or crashed in native code),
            ``out-of-memory``, ``software`` (where it was to run, code or libraries are others), ``time-limit`` (of its job),
            ``node-lost`` (the machine it ran on is gone), ``cancelled`` (in the engine, by somebody else), ``engine-away`` (the
            engine gave no answer for too long) or ``other``.
        step: Environment steps of the seed, or the last that is known; None where that is not known.
        what: Which number: ``reward``, ``observation``, ``weights``, or the key of a metric.
        value: What it became: ``nan``, ``inf``, ``-inf``, or weights' size beyond reason.
    """

    kind: str
    step: int | None = None
    what: str | None = field(default=None, metadata={"unless": None})
    value: str | None = field(default=None, metadata={"unless": None})

    def to_data(self, last_step: int) -> dict[str, Any]:
        """Return the facts for ``metadata.json``; ``last_step`` is the last one known of the seed."""
        data: dict[str, Any] = {"kind": self.kind, "step": last_step if self.step is None else self.step}
        return data | ({"what": self.what, "value": self.value} if self.kind == NON_FINITE else {})


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


def failure_of(error: BaseException) -> Failure:
    """Return the failure that an exception, just caught in a worker, is: an environment may raise any kind of it."""
    cause = cause_of(error)
    details = trace_of(error)
    if isinstance(error, EnvironmentFailed) and error.details:
        details = f"{error.details}\n{details}"
    if isinstance(error, RlxError):
        return Failure(str(error), details, cause)
    message = raised(error)
    if not isinstance(error, Exception):  # SystemExit, KeyboardInterrupt: nobody but the environment wanted to stop
        place = watch.raised_in()
        message = f"its environment raised {message}" + (f" {watch.at(place)}" if place else "")
    return Failure(message, details, cause)


def sendable(failure: Failure) -> Failure:
    """Return a failure in plain text: whatever an exception calls its message may be of any class."""
    return Failure(str(failure.message), str(failure.details), failure.cause)


def trace_of(error: BaseException) -> str:
    """Return an exception's traceback as a file can hold it, the middle of an endless one left out."""
    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()
    half = MOST_DETAILS // 2
    return text if len(text) <= MOST_DETAILS else f"{text[:half]}\n[…]\n{text[-half:]}"


def tell_in_a_line() -> None:
    """Let what an environment's threads and destructors raise show as a line each: nobody waits for those."""

    def tell(kind: str, error: BaseException | None) -> None:
        with suppress(Exception):  # of a stream that the environment has put in the place of the real one
            said = f"{kind} of an environment raised {place_of(error)}" if error else f"{kind} of an environment failed"
            sys.stderr.write(f"{said}\n")

    threading.excepthook = lambda found: None if found.exc_type is SystemExit else tell("a thread", found.exc_value)
    sys.unraisablehook = lambda found: tell("a destructor", found.exc_value)


def place_of(error: BaseException) -> str:
    """Return what was raised in one line, and where in whose code."""
    trace, place = error.__traceback__, ""
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        place = f" ({file.parent.name}/{file.name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{raised(error)}{place}"


def cause_of(error: BaseException) -> Cause:
    """Return the facts of an exception that was just caught."""
    step = watch.training_step(watch.board)
    if isinstance(error, NonFiniteValue):
        return Cause(NON_FINITE, error.step, error.what, error.value)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _REFUSED in raised(error):
        return Cause(OUT_OF_MEMORY, step)
    if isinstance(error, EnvironmentFailed | Misfit | SuccessUnclear) or not isinstance(error, Exception):
        return Cause(ENVIRONMENT, step)
    trace = error.__traceback__
    while trace is not None:
        if _is_of_environment(trace.tb_frame):
            return Cause(ENVIRONMENT, step)
        trace = trace.tb_next
    return Cause(OTHER, step)


def _is_of_environment(frame: FrameType) -> bool:
    """Tell whether a frame is one of the methods of an environment that its users call."""
    gymnasium, code = sys.modules.get("gymnasium"), frame.f_code
    if gymnasium is None or code.co_name not in _CALLS or not code.co_argcount:
        return False
    return isinstance(frame.f_locals.get(code.co_varnames[0]), gymnasium.Env)
