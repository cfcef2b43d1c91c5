"""The command that does a task: ``python -m rlx.launch.task_command FOLDER``, wherever the folder is seen.

It exits with 0 when the task is done, with 1 when it failed, and with 4 where ``spec.json`` cannot be read. The work runs in a process of its own below it, so that one that dies or
hangs is named in ``error.json`` as an exception is, and tells what it emits in ``events.jsonl``. A command that is killed
itself leaves neither: its task was lost, and may be given to another.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from rlx.errors import DataDamaged
from rlx.launch.failures import Failure
from rlx.launch.streams import write_error
from rlx.launch.task import failure_in, perform, read_spec, write_event, write_failure
from rlx.launch.workers import run_alone


def run_task(folder: Path) -> int:
    """Do the task in ``folder``; returns the exit status."""
    try:
        spec = read_spec(folder)
    except DataDamaged as error:
        write_error(error)
        return error.exit_code
    if failure_in(folder, spec["attempt"]) is not None:  # some engines start again what has failed
        return 1
    tell = partial(write_event, folder)
    terms = {"step_timeout": spec["step_timeout"], "portable": spec["portable"]}
    outcome = run_alone(perform, (folder, spec), tell, **terms)
    if not isinstance(outcome, Failure):
        return 0
    if failure_in(folder, spec["attempt"]) is None:
        write_failure(folder, spec["attempt"], outcome)
    return 1


if __name__ == "__main__":
    sys.exit(run_task(Path(sys.argv[1])))
