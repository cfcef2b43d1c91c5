"""The contract of executors, which start tasks and say which of them live.

An executor brings no results: those lie in the tasks' folders, and what is said there counts before what the executor says
(:mod:`rlx.launch.task`). So one that loses sight of its tasks, or is started anew, loses nothing.

What is handed over in memory is no task: playing held-out episodes and filming go on through
:func:`rlx.launch.run_parallel`, whose worker processes ``local`` has inside, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from rlx.errors import ConfigError
from rlx.launch.failures import Failure
from rlx.launch.task import Task


@dataclass(frozen=True)
class Sight:
    """What an executor knows of a task.

    Attributes:
        state: ``waiting``, ``running``, or ``gone``: it runs no longer, for whatever reason.
        reason: Of one that is gone, why, in the engine's words; empty where it does not know.
        where: Where it runs or ran, for people.
        failure: Of one that is gone, the facts of its failure, where the executor knows them.
        final: Whether it would be of no use to start it again: somebody cancelled it.
    """

    state: Literal["waiting", "running", "gone"]
    reason: str = ""
    where: str = ""
    failure: Failure | None = None
    final: bool = False


def _refused(option: str, message: str) -> ConfigError:
    return ConfigError(f"launch, {option}: {message}" if option else f"launch: {message}")


@dataclass(frozen=True)
class Terms:
    """How tasks are run.

    Attributes:
        slots: How many may run on this machine at once.
        step_timeout: Seconds that one call of an environment may take.
        portable: Whether all that is computed is to give the same bits on every processor (:mod:`rlx.launch.threads`).
        on_event: Takes in what tasks emit, from an executor that hears them; others leave that to ``events.jsonl``. A line of the
            executor's own for people goes there too.
        options: What ``params.yaml`` says of the executor: the section of its name in ``launch``.
        refusal: Makes the error that says what is wrong with an option, and where in ``params.yaml`` it stands; given the option's name
            (empty: the whole section) and the message.
        title: What the tasks are for, in a word: the run.
        folder: Where the folders of tasks will be, known before there are any.
    """

    slots: int
    step_timeout: float
    on_event: Callable[[Any], None]
    portable: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    refusal: Callable[[str, str], ConfigError] = field(default=_refused)
    title: str = ""
    folder: Path | None = None


class Executor(Protocol):
    """Starts tasks and tells which live.

    Attributes:
        pause: Seconds to let pass between two looks; 0 where :meth:`look` itself waits until something happens. 1 of one of a package
            that does not say it.
        tries: How often a task is started that was lost, that is gone without ``done.json`` and ``error.json``. 2 likewise.
    """

    pause: float
    tries: int

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        """Return the keys of tasks that an earlier command has started and that still live; they are looked at from now on.

        Whatever is needed to find them again is noted in ``handle.json`` of their folders when they are submitted.
        """

    def submit(self, tasks: Sequence[Task]) -> None:
        """Start tasks, whose ``spec.json`` is written; returns at once."""

    def look(self) -> Mapping[str, Sight]:
        """Return how every task is that was submitted or attached, by its key; asks the engine once for all of them."""

    def cancel(self, keys: Iterable[str]) -> None:
        """Stop tasks; those that have ended, or that nobody knows, are passed over."""

    def close(self) -> None:
        """Let go of the engine: processes of this machine end, jobs of a cluster go on."""
