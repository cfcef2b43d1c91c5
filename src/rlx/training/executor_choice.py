"""Which executor trains the seeds: ``--executor``, else ``launch.executor`` of ``params.yaml``.

It is asked of the project as it is, since no snapshot holds what cannot change a result.
"""

from __future__ import annotations

from pathlib import Path

from rlx.config import plugins, read_parameters
from rlx.errors import ConfigError
from rlx.launch import EXECUTORS, ExecutorRow, current_call, executor


def chosen_executor(root: Path) -> ExecutorRow:
    """Return who trains the seeds of a project's runs.

    Raises:
        UsageError: ``--executor`` names none that there is.
        PluginBroken: The package that has it is broken.
    """
    return executor_named(current_call().executor or _said(root))


def executor_named(name: str) -> ExecutorRow:
    """Return an executor of rlx or of an installed package; see :func:`rlx.launch.executor`."""
    return executor(name, None if name in EXECUTORS else plugins("rlx.executors"))


def _said(root: Path) -> str:
    try:
        return read_parameters(root).launch.executor
    except ConfigError:  # no project's: the seeds of a benchmark, say
        return next(iter(EXECUTORS))
