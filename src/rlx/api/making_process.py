"""The process in which :func:`rlx.train` makes an experiment: it does what `rlx train` does, and answers with its name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.errors import UsageError
from rlx.launch import answer, current_call, process_identity, tell_on, warm_process


def made(request: Mapping[str, Any]) -> dict[str, Any]:
    """Make an experiment, or find the one that is what is asked for.

    Args:
        request: ``root``, ``run``, ``settings``, ``name`` and ``executor``.

    Returns:
        Its ``name``, and whether it is ``new``.

    Raises:
        RlxError: As `rlx train` does.
    """
    with warm_process():
        return _made(Path(request["root"]), request["run"], request["settings"], request["name"], request["executor"])


def _made(root: Path, run: str, settings: list[str], name: str | None, executor: str | None) -> dict[str, Any]:
    from rlx.experiments import check_name, plan, start_once
    from rlx.training import executor_named, ready_executor

    if executor is not None:
        executor_named(executor)
        tell_on(executor=executor)
    ready_executor(root)  # one that is broken is refused before anything begins
    if name is not None:
        check_name(name)
    planned = plan(root, run, settings)
    started = start_once(root, planned, name=name)
    if started.how == "in the making":
        raise UsageError(
            f"{started.name} is just being made with the same configuration, code and seeds; nothing else was started. "
            "How far it is: `rlx ls`"
        )
    if started.how == "new":
        _say(f"{started.name}: {run}{''.join(f' -S {setting}' for setting in settings)}")
    if started.how == "stopped":
        _say(f"{started.name} was stopped, with the same configuration, code and seeds: it goes on")
    if started.how != "there":
        _make(root, started.name)
    return {"name": started.name, "new": started.how == "new"}


def _make(root: Path, name: str) -> None:
    """Make a reserved experiment, and let sinks know what came of it."""
    from rlx.config import read_parameters
    from rlx.experiments import Verbosity, make

    told = current_call().verbosity
    verbosity = Verbosity(quiet=told == "quiet", verbose=told == "verbose")
    finished = make(root, name, verbosity, again=f"rlx resume {name}", since=process_identity()[1])
    if finished.is_evaluated:
        from rlx.records import conclude
        from rlx.report import judged_experiment, study_verdicts

        judged = judged_experiment(root, finished, read_parameters(root))
        conclude(root, {finished.name: {}, **study_verdicts(judged.study)}, _say)


def _say(line: str) -> None:
    """Say something to people."""
    from rlx.stats import visible

    if current_call().verbosity != "quiet":
        print(visible(line), flush=True)


if __name__ == "__main__":
    sys.exit(answer(made))
