"""Slurm's commands, and what they say: ``sbatch``, ``squeue``, ``scancel``, ``scontrol``. No accounting database is asked.

Jobs are known by their name, which rlx makes up for every submission, and their place in its array. So a submission of which
no answer came back is found again as one whose number is known.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rlx.launch.failures import CANCELLED, NODE_LOST, OUT_OF_MEMORY, PROCESS, TIME_LIMIT

TIMEOUT = 90.0
"""Seconds that a command of Slurm may take; without a controller they give up by themselves after some ten."""
COLUMNS = "%F|%K|%T|%j|%N|%r"
"""What is asked of ``squeue``: number of the array, place in it, state, name, nodes, reason."""
MOST_IDS = 500
"""Jobs that one ``scancel`` is told."""
AWAY = (
    "unable to contact slurm controller",
    "socket timed out",
    "zero bytes were transmitted",
    "connection refused",
    "communication connection failure",
    "backup controller in standby",
    "slurm controller not responding",
    "temporarily unable to accept",
    "resource temporarily unavailable",
)
"""What Slurm says where it is its controller that does not answer."""
FULL = ("submit limit", "maxsubmit", "violates accounting/qos policy", "job/step already completing")
"""What it says where a person has as many jobs queued as they may; later it takes more."""
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
ENDED = {
    "BOOT_FAIL": NODE_LOST,
    "CANCELLED": CANCELLED,
    "COMPLETED": PROCESS,
    "DEADLINE": TIME_LIMIT,
    "FAILED": PROCESS,
    "LAUNCH_FAILED": PROCESS,
    "NODE_FAIL": NODE_LOST,
    "OUT_OF_MEMORY": OUT_OF_MEMORY,
    "PREEMPTED": PROCESS,
    "REVOKED": CANCELLED,
    "TIMEOUT": TIME_LIMIT,
}
"""States of a job that has ended, and what the failure of its task is then, should its folder not say more. A state that
stands in neither list is one of a job that lives."""
USUAL = {
    "None",
    "Priority",
    "Resources",
    "JobArrayTaskLimit",
    "BeginTime",
    "Licenses",
    "Dependency",
    "Prolog",
    "Cleaning",
}
"""Reasons to wait that pass by themselves."""
OPTIONS = (
    ("partition", r"partition"),
    ("account", r"account"),
    ("mem", r"memory"),
    ("time", r"time limit|--time"),
    ("gpus", r"gres|gpu"),
    ("extra", r"unrecognized option|unknown option|qos|feature|constraint|reservation|licen[sc]e"),
    ("cpus", r"cpu count|cpus|processor"),
)
"""Which option a refusal of ``sbatch`` is about, by its words."""


class SlurmAway(Exception):
    """Slurm does not answer."""


class SlurmFull(Exception):
    """Slurm takes no more jobs just now."""


class SlurmRefuses(Exception):
    """Slurm refuses a job, in its own words."""


@dataclass(frozen=True)
class Row:
    """What ``squeue`` says of a job of an array."""

    array: str
    place: str
    state: str
    name: str
    nodes: str
    reason: str

    @property
    def job(self) -> str:
        """What Slurm calls it."""
        return f"{self.array}_{self.place}"

    @property
    def life(self) -> str:
        """``waiting``, ``running`` or ``gone``."""
        return "waiting" if self.state in WAITING else "gone" if self.state in ENDED else "running"


def missing_tools() -> list[str]:
    """Return the commands of Slurm that are not here."""
    return [name for name in ("sbatch", "squeue", "scancel", "scontrol") if shutil.which(name) is None]


def rows_of(names: Iterable[str]) -> dict[tuple[str, str], Row]:
    """Return what Slurm knows of the jobs of these names, by name and place; ended ones for as long as it remembers them.

    Raises:
        SlurmAway: It does not answer; nothing is known then.
    """
    wanted = sorted(set(names))
    if not wanted:
        return {}
    command = ["squeue", "--noheader", "--array", "--states=all", f"--user={getpass.getuser()}", f"--format={COLUMNS}"]
    done = _run([*command, f"--name={','.join(wanted)}"])
    if done.returncode:
        raise SlurmAway(_words(done))
    return {(row.name, row.place): row for row in read_rows(done.stdout) if row.name in wanted}


def read_rows(text: str) -> list[Row]:
    """Return the rows that ``squeue`` printed; what is none is passed over."""
    parts = (line.strip().split("|", 5) for line in text.splitlines())
    return [Row(*fields) for fields in parts if len(fields) == 6]


def submit(options: Sequence[str], script: str, *, test_only: bool = False) -> str:
    """Submit a batch script; returns what Slurm calls the job.

    Args:
        options: Of ``sbatch``.
        script: The script.
        test_only: Ask whether it would be taken, and submit nothing.

    Raises:
        SlurmAway: Slurm does not answer; it may have taken the job all the same.
        SlurmFull: It takes no more jobs of this person now.
        SlurmRefuses: It never will take this one.
    """
    done = _run(["sbatch", "--parsable", *(["--test-only"] if test_only else []), *options], script)
    if not done.returncode:
        return done.stdout.strip().partition(";")[0]
    words, lower = _words(done), _words(done).lower()
    if any(each in lower for each in AWAY):
        raise SlurmAway(words)
    raise (SlurmFull if any(each in lower for each in FULL) else SlurmRefuses)(words)


def cancel(jobs: Sequence[str]) -> None:
    """Stop jobs; those that have ended are passed over.

    Raises:
        SlurmAway: Slurm does not answer.
    """
    for first in range(0, len(jobs), MOST_IDS):
        done = _run(["scancel", "--quiet", *jobs[first : first + MOST_IDS]])
        if done.returncode and any(each in done.stderr.lower() for each in AWAY):
            raise SlurmAway(_words(done))


def longest_array() -> int:
    """Return how many jobs an array may have, 1,000 where Slurm does not say."""
    try:
        done = _run(["scontrol", "show", "config"])
    except SlurmAway:
        return 1000
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, re.MULTILINE)
    return max(1, int(found[1])) if found else 1000


def hosts(partition: str | None) -> list[str]:
    """Return the machines that nodes of a partition are; none where Slurm does not say."""
    try:
        done = _run(["sinfo", "--noheader", "--format=%n", *([f"--partition={partition}"] if partition else [])])
    except SlurmAway:
        return []
    return done.stdout.split() if not done.returncode else []


def option_of(refusal: str) -> str:
    """Return which option of ``launch.slurm`` a refusal of ``sbatch`` is about; empty where its words do not tell."""
    lower = refusal.lower()
    return next((option for option, words in OPTIONS if re.search(words, lower)), "")


def _run(command: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, input=text, text=True, capture_output=True, check=False, timeout=TIMEOUT, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise SlurmAway(f"{command[0]} took longer than {TIMEOUT:g} s") from None
    except OSError as error:
        raise SlurmAway(f"{command[0]}: {error.strerror}") from None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command said went wrong, in a line."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    told = [re.sub(r"^(\w+: )?(error: |fatal: )?", "", line) for line in lines]
    return "; ".join(dict.fromkeys(told)) or f"exit status {done.returncode}"


Rows = Mapping[tuple[str, str], Row]
