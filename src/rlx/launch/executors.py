"""Executors by name: who may run tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from rlx.errors import ConfigError, PluginBroken, RlxError, UsageError
from rlx.launch.execution import Executor, Terms
from rlx.stats import nearest, raised


@dataclass(frozen=True)
class ExecutorRow:
    """An executor that can be chosen.

    Attributes:
        name: What it is called in ``params.yaml`` and after ``--executor``.
        what: What it is, in a line.
        make: Makes it.
        extra: The extra of rlx (``pip install "rlx[…]"``) that it needs; None where it needs none.
    """

    name: str
    what: str
    make: Callable[[Terms], Executor]
    extra: str | None = None

    def start(self, terms: Terms) -> Executor:
        """Make the executor.

        Raises:
            ConfigError: What it needs is not installed.
            PluginBroken: The package that has it is broken.
        """
        try:
            return self.make(terms)
        except ImportError as error:
            if self.extra is None:
                raise
            cure = f'pip install "rlx[{self.extra}]"'
            raise ConfigError(f"the executor {self.name} needs {error.name}, which is not here; `{cure}`") from None


def _local(terms: Terms) -> Executor:
    from rlx.launch.local import Local  # processes are nothing that a list of names needs

    return Local(terms)


LOCAL = "local"
EXECUTORS = {LOCAL: ExecutorRow(LOCAL, "Processes of this machine, which end with the command.", _local)}
"""Those of rlx itself, by name."""


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
        return row.make(terms)
    except (Exception, SystemExit) as error:
        if isinstance(error, RlxError) or (isinstance(error, ImportError) and row.extra is not None):
            raise
        raise addition.broken(f"making it failed: {raised(error)}") from error
