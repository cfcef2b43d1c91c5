"""What Slurm is given: options of ``sbatch``, and a batch script that becomes the command of a task.

The script ends in ``exec``, so the command is the batch process itself and gets Slurm's signals; ``srun`` and a step of a job are
not needed. Of an array, each job takes the folder of its place. Paths stand in the script itself, which Slurm keeps: nothing that
is deleted here while jobs wait is missed.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlx.launch.task import SPEC, Task, task_variables
from rlx.launch.task_command import GRACE, REQUEUE

MARGIN = 20
"""Seconds between the last moment at which a task is let go of and its job's end."""
NO_FOLDER, NO_PYTHON = 71, 72


@dataclass(frozen=True)
class Request:
    """What each job asks of Slurm: the options of ``launch.slurm`` (:class:`rlx.config.SlurmConfig`)."""

    cpus: int = 1
    mem: str | None = None
    gpus: int = 0
    time: str | int | None = None
    partition: str | None = None
    account: str | None = None
    parallel: int | None = None
    warning: int = 120
    extra: Sequence[str] = field(default=())

    def options(self) -> list[str]:
        """Return them as options of ``sbatch``."""
        said: Mapping[str, object] = {
            "cpus-per-task": self.cpus,
            "mem": self.mem,
            "gres": f"gpu:{self.gpus}" if self.gpus else None,
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
            "signal": f"B:USR1@{self.warning}",
        }
        given = [f"--{name}={value}" for name, value in said.items() if value is not None]
        return ["--nodes=1", "--ntasks=1", "--requeue", "--open-mode=append", *given, *self.extra]


def array_options(request: Request, name: str, count: int, output: Path, folder: Path) -> list[str]:
    """Return the options of an array of jobs.

    Args:
        request: What each job asks for.
        name: Of the jobs.
        count: How many there are.
        output: The folder of what they say.
        folder: Where they run.
    """
    most = f"%{request.parallel}" if request.parallel else ""
    own = [f"--job-name={name}", f"--array=0-{count - 1}{most}", f"--output={output}/%A_%a.out", f"--chdir={folder}"]
    return [*request.options(), *own]


def script(tasks: Sequence[Task], request: Request) -> str:
    """Return the batch script of an array of jobs, one for each task."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in task_variables().items()]
    python = shlex.quote(sys.executable)
    lines = [
        "#!/bin/bash",
        "trap '' USR1  # until the command itself can answer it",
        "folders=(",
        *(shlex.quote(str(task.folder)) for task in tasks),
        ")",
        "folder=${folders[$SLURM_ARRAY_TASK_ID]}",
        *exports,
        f'export {GRACE}={max(5, request.warning - MARGIN)} {REQUEUE}="scontrol requeue $SLURM_JOB_ID"',
        "unset RLX_WARM RLX_WORKERS",
        f'[ -f "$folder/{SPEC}" ] || {{ echo "rlx: $(hostname) does not see $folder: the project has to be on a disk that all '
        f'nodes share, under the same name" >&2; exit {NO_FOLDER}; }}',
        f'[ -x {python} ] || {{ echo "rlx: $(hostname) has no" {python}": Python and rlx have to be on a disk that all nodes '
        f'share, or installed on each" >&2; exit {NO_PYTHON}; }}',
        f'exec {python} -m rlx.launch.task_command "$folder"',
    ]
    return "\n".join(lines) + "\n"
