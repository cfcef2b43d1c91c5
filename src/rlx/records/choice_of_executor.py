"""Which executor is to train a project's seeds, by its name alone."""

from __future__ import annotations

from pathlib import Path

from rlx.config import read_parameters
from rlx.errors import ConfigError
from rlx.launch import LOCAL, current_call


def asked_executor(root: Path) -> str:
    """Return what ``--executor`` names, else ``launch.executor`` of ``params.yaml``; without a project, this machine."""
    try:
        return current_call().executor or read_parameters(root).launch.executor
    except ConfigError:  # no project's: the seeds of a benchmark, say
        return LOCAL
