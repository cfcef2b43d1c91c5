"""The making of an experiment as a task: one job of a cluster makes it whole, its seeds beside each other on that node.

So whoever asked for a sweep runs no stage itself: DVC, training and evaluation are on the node, which has to have Git and sees the
project. What the stages print is ``said.txt`` of the task's folder, beside the experiments' workplaces.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import Snapshot, libraries_of, read_json, write_json
from rlx.errors import DataDamaged, Interrupted, RlxError, TrainingFailed
from rlx.experiments.kept import experiment_named
from rlx.experiments.making import make
from rlx.experiments.workplace import Verbosity
from rlx.launch import (
    LOCAL,
    STEP_TIMEOUT,
    Executor,
    Failure,
    LetGo,
    Task,
    carry_out,
    is_asked_to_let_go,
    main_root,
    software_of,
    stop,
    tell_on,
    touch_safe_place,
    usable_cores,
)
from rlx.records import BENCH, LIBRARIES

SAID = "said.txt"
FAILURE = re.compile(r"rror:| failed(:| at step) ")
BESIDE = re.compile(r"(^|: )(warning: |the sink \S+ is left out)")
"""What is said of a run without being why it failed: warnings, which may speak of errors too, and sinks."""
LOOK = 1.0
"""Seconds between two looks at whether the task is to be let go of."""


@dataclass(frozen=True)
class Elsewhere:
    """Who makes experiments that are tasks.

    Attributes:
        start: Makes the executor.
        say: Called with lines for people.
    """

    start: Callable[[], Executor]
    say: Callable[[str], None]


def make_experiments(
    root: Path,
    experiments: Mapping[str, Snapshot],
    elsewhere: Elsewhere,
    again: str,
    on_end: Callable[[str, str | None], None],
) -> None:
    """Let an executor make reserved experiments, or go on with stopped ones, each as one task.

    Args:
        root: The project.
        experiments: Their names, whose folders are in ``runs/``, with the configuration that each will have.
        elsewhere: Who makes them.
        again: The command that goes on with them, for messages.
        on_end: Called with an experiment's name, and None or why it failed, when it has ended.

    Raises:
        KeyboardInterrupt: Passed on after every task has been cancelled.
    """
    tasks = [_task(root, name, snapshot, again) for name, snapshot in experiments.items()]

    def end(name: str, outcome: Any) -> None:
        failed = isinstance(outcome, Failure)
        if not failed:
            shutil.rmtree(_folder(root, name), ignore_errors=True)
        on_end(name, outcome.message if failed else None)

    carry_out(elsewhere.start(), tasks, lambda event: elsewhere.say(str(event)), end)


def work(folder: Path, arguments: Mapping[str, Any], emit: Callable[[Any], None]) -> None:
    """Make an experiment, in a worker process on whatever machine.

    Raises:
        LetGo: The task was to be let go of; what is trained is on the bench.
        TrainingFailed: A stage failed; the message is what it said.
    """
    root, name = Path(arguments["root"]), arguments["name"]
    tell_on(executor=LOCAL)  # what is a task itself makes no more of them
    emit(f"{name} is made on {os.uname().nodename}")
    watched = _Watched(folder, root / "runs" / name / BENCH)
    workers = int(os.environ.get("SLURM_CPUS_PER_TASK") or usable_cores())
    verbosity = Verbosity(log=folder / SAID, workers=workers, watch=watched.watch, stopped=watched.stopped.is_set)
    try:
        if experiment_named(root, name) is None:
            make(root, name, verbosity, again=arguments["again"])
    except Interrupted:
        if watched.stopped.is_set():
            raise LetGo from None
        raise
    except RlxError as error:
        raise TrainingFailed(said(folder / SAID) or str(error)) from None
    finally:
        watched.end()
    write_json(folder / "done.json", {"name": name})


def said(log: Path) -> str | None:
    """Return the first error in what stages said; None where they said none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    told = [line.strip() for line in lines if FAILURE.search(line) and not BESIDE.search(line)]
    return told[0].removeprefix("error: ") if told else None


class _Watched:
    """Watches, beside the stages, whether the task is to be let go of, and whether its seeds come on."""

    def __init__(self, folder: Path, bench: Path):
        self.stopped = threading.Event()
        self._folder, self._bench, self._over = folder, bench, threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def watch(self, process: subprocess.Popen[bytes], *, ended: bool) -> None:
        """Take note of the process that runs the stages."""
        self._process = None if ended else process

    def _run(self) -> None:
        before = self._came_on()
        while not self._over.wait(LOOK):
            if self._came_on() != before:
                before = self._came_on()
                touch_safe_place(self._folder)
            if is_asked_to_let_go(self._folder) and not self.stopped.is_set():
                self.stopped.set()
                if (process := self._process) is not None:
                    stop(process)

    def _came_on(self) -> list[int]:
        """Return numbers that change whenever a seed comes to a checkpoint."""
        return sorted(path.stat().st_mtime_ns for path in self._bench.glob("seed_*/checkpoints"))

    def end(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join()


def _task(root: Path, name: str, snapshot: Snapshot, again: str) -> Task:
    folder = _folder(root, name)

    def done() -> dict[str, Any] | None:
        try:
            content = read_json(folder / "done.json")
        except (OSError, ValueError, DataDamaged):
            return None
        return content if isinstance(content, dict) and experiment_named(root, name) is not None else None

    arguments = {"root": str(root), "name": name, "again": again}
    software = software_of((*LIBRARIES, *libraries_of(snapshot.config.algo)))
    return Task(name, folder, __name__, arguments, done, STEP_TIMEOUT, software=software)


def _folder(root: Path, name: str) -> Path:
    return main_root(root) / ".dvc" / "tmp" / "rlx-experiments" / name
