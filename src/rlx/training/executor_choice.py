"""Which executor trains the seeds: ``--executor``, else ``launch.executor`` of ``params.yaml``, and under which terms.

It is asked of the project as it is, since no snapshot holds what cannot change a result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import parameters_problem, plugins, read_parameters
from rlx.errors import ConfigError
from rlx.launch import EXECUTORS, LOCAL, STEP_TIMEOUT, Executor, ExecutorRow, Terms, executor
from rlx.records import asked_executor, bench_folder


def chosen_executor(root: Path) -> ExecutorRow:
    """Return who trains the seeds of a project's runs.

    Raises:
        UsageError: ``--executor`` names none that there is.
        PluginBroken: The package that has it is broken.
    """
    return executor_named(asked_executor(root))


def ready_executor(root: Path) -> ExecutorRow:
    """Return who trains the seeds of a project's runs, after asking whether it would, before anything begins.

    Raises:
        UsageError: ``--executor`` names none that there is.
        PluginBroken: The package that has it is broken.
        ConfigError: What it needs is not here, or what the project asks of it is refused.
    """
    chosen = chosen_executor(root)
    chosen.ready(terms_of(root, chosen.name, Terms(1, STEP_TIMEOUT, lambda _: None)))
    return chosen


def executor_elsewhere(root: Path, title: str, say: Callable[[str], None]) -> Callable[[], Executor] | None:
    """Return what makes the executor of a project where that is not this machine; None where it is.

    Args:
        root: The project.
        title: What its tasks are for: a sweep's name.
        say: Called with lines for people.
    """
    chosen = ready_executor(root)
    if chosen.name == LOCAL:
        return None
    return partial(chosen.start, terms_of(root, chosen.name, Terms(1, STEP_TIMEOUT, say), title))


def executor_named(name: str) -> ExecutorRow:
    """Return an executor of rlx or of an installed package; see :func:`rlx.launch.executor`."""
    return executor(name, None if name in EXECUTORS else plugins("rlx.executors"))


def terms_of(root: Path, name: str, terms: Terms, title: str = "") -> Terms:
    """Return terms together with what ``params.yaml`` says of an executor.

    Args:
        root: The project.
        name: The executor.
        terms: How tasks are run.
        title: What they are for: a run's name.
    """
    from dataclasses import replace

    refusal: Callable[[str, str], ConfigError] = partial(_refusal, root, name)
    return replace(terms, options=_options(root, name), refusal=refusal, title=title, folder=bench_folder(root))


def _options(root: Path, name: str) -> dict[str, Any]:
    try:
        section = getattr(read_parameters(root).launch, name, None)
    except ConfigError:  # no project's: the seeds of a benchmark, say
        return {}
    return {} if section is None else section.model_dump()


def _refusal(root: Path, name: str, option: str, message: str) -> ConfigError:
    """Return what is wrong with an option of an executor, with its place in ``params.yaml``."""
    path = ("launch", name, *([option] if option else []))
    try:
        return ConfigError([parameters_problem(root, path, message)])
    except ConfigError:
        return ConfigError(f"{'.'.join(path)}: {message}")
