"""Executors by name: who may run tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from rlx.errors import ConfigError, PluginBroken, RlxError, UsageError
from rlx.launch.execution import Executor, Sight, Terms
from rlx.launch.task import Task
from rlx.stats import nearest, raised


@dataclass(frozen=True)
class ExecutorRow:
    """An executor that can be chosen.

    Attributes:
        name: What it is called in ``params.yaml`` and after ``--executor``.
        what: What it is, in a line.
        make: Makes it.
        extra: The extra of rlx (``pip install "rlx[…]"``) that it needs; None where it needs none.
        check: Refuses, before anything begins, what would be refused later; None where there is nothing to ask.
    """

    name: str
    what: str
    make: Callable[[Terms], Executor]
    extra: str | None = None
    check: Callable[[Terms], None] | None = None

    def start(self, terms: Terms) -> Executor:
        """Make the executor.

        Raises:
            ConfigError: What it needs is not installed.
            PluginBroken: The package that has it is broken.
        """
        with self._extra_named():
            return self.make(terms)

    def ready(self, terms: Terms) -> None:
        """Refuse what is known not to work under these terms, before anything begins.

        Raises:
            ConfigError: What it needs is not installed, or an option is refused.
        """
        if self.check is not None:
            with self._extra_named():
                self.check(terms)

    @contextmanager
    def _extra_named(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            if self.extra is None:
                raise
            cure = f'pip install "rlx[{self.extra}]"'
            raise ConfigError(f"the executor {self.name} needs {error.name}, which is not here; `{cure}`") from None


def _local(terms: Terms) -> Executor:
    from rlx.launch.local import Local  # processes are nothing that a list of names needs

    return Local(terms)


def _slurm(terms: Terms) -> Executor:
    from rlx.launch.slurm import Slurm

    return Slurm(terms)


def _check_slurm(terms: Terms) -> None:
    from rlx.launch.slurm import check

    check(terms)


def _ray(terms: Terms) -> Executor:
    from rlx.launch.ray_actors import RayActors

    return RayActors(terms)


def _check_ray(terms: Terms) -> None:
    from rlx.launch.ray_actors import check

    check(terms)


LOCAL, SLURM, RAY = "local", "slurm", "ray"
EXECUTORS = {
    row.name: row
    for row in (
        ExecutorRow(LOCAL, "Processes of this machine, which end with the command.", _local),
        ExecutorRow(SLURM, "Jobs of a Slurm cluster, which go on without the command.", _slurm, check=_check_slurm),
        ExecutorRow(RAY, "Actors of a Ray cluster, which go on without the command.", _ray, "ray", _check_ray),
    )
}
"""Those of rlx itself, by name."""


PAUSE, TRIES = 1.0, 2
"""What :class:`rlx.launch.Executor` has of an executor of a package that does not say it."""
METHODS = ("attach", "submit", "look", "cancel", "close")


class Addition(Protocol):
    """Something that an installed package adds (:class:`rlx.config.Plugin`)."""

    def load(self) -> Any:
        """Import it."""

    def broken(self, why: str) -> PluginBroken:
        """Return the error that it cannot be used."""


def executor(name: str, additions: Mapping[str, Addition] | None = None) -> ExecutorRow:
    """Return an executor by its name.

    Args:
        name: One of :data:`EXECUTORS`, or of what packages add.
        additions: What packages add.

    Raises:
        UsageError: There is none; the message names the nearest.
        PluginBroken: The package that has it is broken.
    """
    if name in EXECUTORS:
        return EXECUTORS[name]
    known = [*EXECUTORS, *(additions or {})]
    if name not in known or additions is None:
        raise UsageError(f"there is no executor {name!r}; {nearest(name, known)}")
    row = additions[name].load()
    if not isinstance(row, ExecutorRow):
        raise additions[name].broken("it is no rlx.launch.ExecutorRow")
    return replace(row, make=partial(_made, row, additions[name]))


def _made(row: ExecutorRow, addition: Addition, terms: Terms) -> Executor:
    """Make an executor that a package adds.

    Raises:
        PluginBroken: It raises what is neither for people nor an extra of rlx that is missing.
    """
    try:
        return _Added(row.make(terms), addition)
    except (Exception, SystemExit) as error:
        if isinstance(error, RlxError) or (isinstance(error, ImportError) and row.extra is not None):
            raise
        raise addition.broken(f"making it failed: {raised(error)}") from error


class _Added:
    """An executor that a package adds: what it raises is told as the package's, and what it does not say is the usual."""

    def __init__(self, inner: Executor, addition: Addition):
        self._inner, self._addition = inner, addition
        self.pause = float(getattr(inner, "pause", PAUSE))
        self.tries = int(getattr(inner, "tries", TRIES))
        if missing := [name for name in METHODS if not callable(getattr(inner, name, None))]:
            raise addition.broken(f"it has no method {missing[0]}()")

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        with self._named("attach"):
            return set(self._inner.attach(tasks))

    def submit(self, tasks: Sequence[Task]) -> None:
        with self._named("submit"):
            self._inner.submit(tasks)

    def look(self) -> Mapping[str, Sight]:
        with self._named("look"):
            seen = dict(self._inner.look())
        if odd := [sight for sight in seen.values() if not isinstance(sight, Sight)]:
            raise self._addition.broken(f"its look() gives {odd[0]!r:.60}, which is no rlx.launch.Sight")
        return seen

    def cancel(self, keys: Iterable[str]) -> None:
        with self._named("cancel"):
            self._inner.cancel(keys)

    def close(self) -> None:
        with self._named("close"):
            self._inner.close()

    @contextmanager
    def _named(self, method: str) -> Iterator[None]:
        try:
            yield
        except RlxError:
            raise
        except (Exception, SystemExit) as error:
            raise self._addition.broken(f"its {method}() failed: {raised(error)}") from error
