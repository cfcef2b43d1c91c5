"""Why a seed failed, as facts: what other programs can read instead of an English sentence."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rlx.errors import NonFiniteValue

NON_FINITE, ENVIRONMENT, PROCESS, OTHER = "non-finite", "environment", "process", "other"
_COPIES = "stable_baselines3.common.vec_env.subproc_vec_env"


@dataclass(frozen=True)
class Cause:
    """Why a task failed.

    Attributes:
        kind: ``non-finite`` (a number became NaN or infinite), ``environment`` (its own ``step`` or ``reset`` raised, or
            the process of one of its copies ended), ``process`` (the worker died) or ``other``.
        step: Environment steps of the seed; None where that is not known.
        what: Which number: ``reward``, ``observation``, ``weights``, or the key of a metric.
        value: What it became: ``nan``, ``inf``, ``-inf``, or weights' size beyond reason.
    """

    kind: str
    step: int | None = None
    what: str | None = None
    value: str | None = None

    def to_data(self, last_step: int) -> dict[str, Any]:
        """Return the facts for ``metadata.json``; ``last_step`` is the last one known of the seed."""
        data: dict[str, Any] = {"kind": self.kind, "step": last_step if self.step is None else self.step}
        return data | ({"what": self.what, "value": self.value} if self.kind == NON_FINITE else {})


def cause_of(error: BaseException) -> Cause:
    """Return the facts of an exception that was just caught."""
    if isinstance(error, NonFiniteValue):
        return Cause(NON_FINITE, error.step, error.what, error.value)
    trace = error.__traceback__
    while trace is not None:
        if _is_of_environment(trace.tb_frame, error):
            return Cause(ENVIRONMENT)
        trace = trace.tb_next
    return Cause(OTHER)


def _is_of_environment(frame: FrameType, error: BaseException) -> bool:
    """Tell whether a frame is an environment's ``step`` or ``reset``, or waits for one in a process that has ended."""
    if frame.f_globals.get("__name__") == _COPIES:
        return isinstance(error, EOFError | ConnectionError)
    gymnasium, code = sys.modules.get("gymnasium"), frame.f_code
    if gymnasium is None or code.co_name not in ("step", "reset") or not code.co_argcount:
        return False
    return isinstance(frame.f_locals.get(code.co_varnames[0]), gymnasium.Env)
