"""What a command of rlx tells the processes that work for it: one record, in one environment variable.

A stage runs in a process of DVC's, so an environment variable is the only way to it. Everything in the record may be
missing: a person who runs ``dvc repro`` has told nobody anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

VARIABLE = "RLX_CALL"
VERBOSITIES = ("quiet", "verbose")


@dataclass(frozen=True)
class StageCall:
    """What a process was told by the ``rlx`` that it works for.

    Attributes:
        project: The project that an experiment's copy belongs to.
        run: While an experiment is made: the run whose stages alone are run; the compare stage, and so its roster, is not
            involved.
        live: The live folder of that experiment.
        starter: Process id and start time (seconds since 1970) of the ``rlx`` that the stage is made for.
        verbosity: One of :data:`VERBOSITIES`; None for what is usual.
        output_is_data: Standard output is for programs; what is said to people goes to standard error.
        executor: Who is to train the seeds, where a command says so.
    """

    project: str | None = None
    run: str | None = None
    live: str | None = None
    starter: tuple[int, float] | None = None
    verbosity: str | None = None
    output_is_data: bool = False
    executor: str | None = None

    def variables(self) -> dict[str, str]:
        """Return the environment variable that carries the record."""
        return {VARIABLE: json.dumps({name: value for name, value in asdict(self).items() if value})}


def current_call(variables: Mapping[str, str] = os.environ) -> StageCall:
    """Return what a process of these environment variables was told, by default this one.

    What is damaged, or was not written by rlx, counts as not told.
    """
    try:
        told = json.loads(variables.get(VARIABLE) or "{}")
    except (ValueError, RecursionError):
        return StageCall()
    if not isinstance(told, dict):
        return StageCall()
    return StageCall(
        **{name: _text(told.get(name)) for name in ("project", "run", "live", "executor")},
        starter=_starter(told.get("starter")),
        verbosity=verbosity if (verbosity := _text(told.get("verbosity"))) in VERBOSITIES else None,
        output_is_data=told.get("output_is_data") is True,
    )


def tell_on(**changes: Any) -> None:
    """Note something for this process and those that it starts: fields of :class:`StageCall`."""
    os.environ.update(replace(current_call(), **changes).variables())


@contextmanager
def working_for(project: Path) -> Iterator[None]:
    """Say, to this process and those that it starts, to which project the copy belongs that this block works in."""
    before = os.environ.get(VARIABLE)
    tell_on(project=str(project))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def main_root(root: Path) -> Path:
    """Return the folder of the project itself, also where an experiment runs in a copy of it.

    ``rlx`` names it for the stages of its experiments, DVC for those of its own (`dvc exp run --temp`, `dvc queue`).
    """
    return Path(current_call().project or os.environ.get("DVC_ROOT") or root)


def _text(value: object) -> str | None:
    """Return a text that can be a name or path; None for anything else."""
    return value if isinstance(value, str) and value and "\0" not in value else None


def _starter(value: object) -> tuple[int, float] | None:
    """Return process id and start time; None for what is no such pair."""
    match value:
        case [int(pid), (int() | float()) as started] if pid > 0 and not isinstance(pid, bool):
            return pid, float(started)
    return None
