"""The executor ``slurm``: an array of jobs for each submission, and ``squeue`` to see how they are.

Jobs outlive the command that has submitted them, and the next one finds them by what ``handle.json`` says. Where Slurm does not
answer, nothing is known: they are as they were. ``docs/scale.md`` says what happens when.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.errors import ConfigError
from rlx.launch import signals, slurm_commands as commands
from rlx.launch.execution import Sight, Terms
from rlx.launch.failures import CANCELLED, OTHER, Cause, Failure
from rlx.launch.patience import Patience
from rlx.launch.shared_folder import trouble
from rlx.launch.slurm_commands import Row, SlurmAway, SlurmFull, SlurmRefuses
from rlx.launch.slurm_script import Request, array_options, script
from rlx.launch.task import HANDLE, Task, read_spec, write_whole

OUTPUTS = ".slurm"
"""Folder beside those of the tasks: what jobs say, a folder for each submission."""
KEPT = 20
"""So many of them are kept."""
ASK_AGAIN = 20.0
"""Seconds until Slurm is asked again whether it takes more jobs."""
ATTACHING = 3.0
"""Seconds between two questions of a command that has to know first what runs already."""


@dataclass(frozen=True)
class _Place:
    """Where a task is in Slurm: the name of its jobs, and which of the array it is."""

    name: str
    index: int

    @property
    def key(self) -> tuple[str, str]:
        return self.name, str(self.index)


@dataclass
class _Submission:
    """Tasks that are to be one array of jobs."""

    name: str
    tasks: list[Task]
    again: float = 0.0
    """When Slurm is to be asked next."""


def check(terms: Terms) -> None:
    """Refuse what Slurm would refuse; where it does not answer, nothing is refused.

    Raises:
        ConfigError: Its commands are not here, the project is where no node sees it, or it says no.
    """
    if missing := commands.missing_tools():
        raise ConfigError(
            f"the executor slurm needs {', '.join(missing)}, which this machine does not have: run the command where jobs are "
            "submitted (a login node), or choose another (--executor local)"
        )
    request = Request(**terms.options)
    if terms.folder is not None:
        _check_folder(terms, request)
    with suppress(SlurmAway, SlurmFull):
        _submit(terms, request.options(), "#!/bin/sh\n", test_only=True)


class Slurm:
    """Runs each task as a job of a Slurm cluster."""

    pause, tries = 3.0, 3

    def __init__(self, terms: Terms):
        self._terms, self._request = terms, Request(**terms.options)
        self._patience = Patience("Slurm", terms.on_event)
        self._tasks: dict[str, Task] = {}
        self._places: dict[str, _Place] = {}
        self._rows: commands.Rows = {}
        self._to_submit: list[_Submission] = []
        self._unseen: set[str] = set()
        """Submissions that were taken after Slurm was asked how jobs are."""
        self._told: set[str] = set()
        self._longest: int | None = None

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        """Find the tasks whose jobs wait or run; waits for Slurm, since nobody else knows."""
        found = {task.key: place for task in tasks if (place := _handle(task)) is not None}
        while found:
            try:
                rows = commands.rows_of(place.name for place in found.values())
                break
            except SlurmAway as error:
                self._patience.away(str(error))
                time.sleep(ATTACHING)
        else:
            return set()
        self._patience.back()
        self._rows = rows
        living = {key for key, place in found.items() if (row := rows.get(place.key)) and row.life != "gone"}
        self._places |= {key: found[key] for key in living}
        self._tasks |= {task.key: task for task in tasks if task.key in living}
        return living

    def submit(self, tasks: Sequence[Task]) -> None:
        """Submit tasks, in arrays that are as long as they may be."""
        if warning := _check_folder(self._terms, self._request, tasks[0].folder.parent):
            self._say_once(warning)
        if self._longest is None:
            self._longest = commands.longest_array()
        for first in range(0, len(tasks), self._longest):
            part = list(tasks[first : first + self._longest])
            title = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in self._terms.title)[:60]
            name = "-".join(["rlx", *([title] if title else []), uuid.uuid4().hex[:10]])
            for index, task in enumerate(part):  # before the jobs: what is submitted is found, whatever happens here
                self._tasks[task.key], self._places[task.key] = task, _Place(name, index)
                write_whole(
                    task.folder / HANDLE, {"executor": "slurm", "name": name, "index": index, "attempt": task.attempt}
                )
            self._to_submit.append(_Submission(name, part))
        self._submit_waiting()

    def _submit_waiting(self) -> None:
        """Submit what Slurm has not taken yet."""
        for each in [each for each in self._to_submit if each.again <= time.monotonic()]:
            output = each.tasks[0].folder.parent / OUTPUTS / each.name
            output.mkdir(parents=True, exist_ok=True)
            options = array_options(self._request, each.name, len(each.tasks), output, output.parent.parent)
            each.again = time.monotonic() + ASK_AGAIN
            try:
                _submit(self._terms, options, script(each.tasks, self._request))
            except SlurmAway as error:
                self._patience.away(str(error))
                return
            except SlurmFull as error:
                self._say_once(f"Slurm takes no more jobs just now ({error}); the others are submitted later")
                return
            self._to_submit.remove(each)
            self._unseen.add(each.name)

    def look(self) -> Mapping[str, Sight]:
        """Return how the jobs are; those of a Slurm that does not answer are as they were."""
        try:
            self._unseen.clear()
            self._rows = commands.rows_of(place.name for place in self._places.values())
            self._patience.back()
            known = {name for name, _ in self._rows}
            self._to_submit = [each for each in self._to_submit if each.name not in known]
            self._submit_waiting()
            self._tell_reasons()
        except SlurmAway as error:
            self._patience.away(str(error))
            over = self._patience.is_over
            return {key: self._patience.given_up() if over else self._last_sight(key) for key in self._places}
        unsent = {each.name for each in self._to_submit} | self._unseen
        return {
            key: Sight("waiting") if place.name in unsent else self._sight(key, self._rows.get(place.key))
            for key, place in self._places.items()
        }

    def _sight(self, key: str, row: Row | None) -> Sight:
        if row is None:
            return Sight("gone", "Slurm knows it no longer")
        where = f"{row.nodes} (job {row.job})" if row.nodes else f"job {row.job}"
        if row.life == "waiting":
            return Sight("waiting", row.reason, where)
        if row.life == "running":
            return Sight("running", "", where)
        return self._ended(key, row, where)

    def _ended(self, key: str, row: Row, where: str) -> Sight:
        """Return what is to be said of a job that has ended."""
        kind, output = commands.ENDED[row.state], self._output(key, row)
        words = f"Slurm says {row.state}" + (f", {row.reason}" if row.reason not in ("None", "") else "")
        if kind == CANCELLED:
            return _final(f"its job {row.job} was cancelled in Slurm (scancel)", words, where, CANCELLED)
        if row.nodes and not output.exists():
            told = f"{row.nodes} does not see {output.parent}: the project has to be on a disk that all nodes share"
            return _final(told, words, where, OTHER)
        said = _last_line(output)
        reason = f"{words}: {said}" if said else words
        message = f"its job {row.job} on {row.nodes or 'no node'} ended without a result: {reason}"
        return Sight("gone", reason, where, Failure(message, f"{message}\nIts output: {output}", Cause(kind)))

    def _last_sight(self, key: str) -> Sight:
        """Return how a job was when Slurm answered last."""
        row = self._rows.get(self._places[key].key)
        return Sight("waiting") if row is None else self._sight(key, row)

    def _output(self, key: str, row: Row) -> Path:
        return self._tasks[key].folder.parent / OUTPUTS / row.name / f"{row.array}_{row.place}.out"

    def _tell_reasons(self) -> None:
        """Tell people, once each, of reasons to wait that do not pass by themselves."""
        for row in self._rows.values():
            if row.life == "waiting" and row.reason not in commands.USUAL:
                cure = f"; `scontrol release {row.job}` lets it go" if "held" in row.reason.lower() else ""
                self._say_once(f"Slurm lets {row.array} wait: {row.reason}{cure}")

    def _say_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._terms.on_event(line)

    def cancel(self, keys: Iterable[str]) -> None:
        """Stop the jobs of tasks; where nobody asked to stop, but whoever started this process is gone, jobs go on."""
        if signals.is_deserted():
            return
        self._to_submit.clear()
        wanted = [key for key in keys if key in self._places]
        try:
            rows = commands.rows_of(self._places[key].name for key in wanted)
            found = {key: row for key in wanted if (row := rows.get(self._places[key].key)) and row.life != "gone"}
            commands.cancel(_together(found.values(), rows))
        except SlurmAway as error:
            names = ",".join(sorted({self._places[key].name for key in wanted}))
            self._terms.on_event(
                f"Slurm does not answer ({error}): its jobs go on; `scancel --name={names}` stops them later"
            )
            return
        for key in found:
            (self._tasks[key].folder / HANDLE).unlink(missing_ok=True)

    def close(self) -> None:
        """Let jobs go on; delete what those said that have ended well, and what is old."""
        ended = {key: self._tasks[key].done() is not None for key in self._places}
        missed = {self._places[key].name for key, is_done in ended.items() if not is_done}
        with suppress(OSError):
            for folder in {self._tasks[key].folder.parent / OUTPUTS for key in self._places}:
                found = sorted(folder.glob("rlx-*"), key=lambda path: path.stat().st_mtime)
                own = {place.name for place in self._places.values()}
                old = [path for path in found[:-KEPT] if path.name not in missed]
                for path in {*old, *(path for path in found if path.name in own - missed)}:
                    shutil.rmtree(path, ignore_errors=True)


def _submit(terms: Terms, options: Sequence[str], text: str, *, test_only: bool = False) -> None:
    """Submit a script.

    Raises:
        ConfigError: Slurm refuses it.
    """
    try:
        commands.submit(options, text, test_only=test_only)
    except SlurmRefuses as error:
        option = commands.option_of(str(error)) or _asked_for(terms.options, str(error))
        raise terms.refusal(option, f"Slurm refuses such a job: {error}") from None


def _asked_for(options: Mapping[str, Any], refusal: str) -> str:
    """Return which option asks for more than there is, where Slurm says only that no node is like that."""
    if "node configuration is not available" not in refusal:
        return ""
    usual: tuple[Any, ...] = (None, 0, 1, [], ())
    return next((name for name in ("mem", "gpus", "cpus", "extra") if options.get(name) not in usual), "")


def _check_folder(terms: Terms, request: Request, folder: Path | None = None) -> str | None:
    """Return what may be wrong with where the project is.

    Raises:
        ConfigError: No other machine can see it.
    """
    place = folder or terms.folder
    assert place is not None
    wrong, doubt = trouble(place, commands.hosts(request.partition))
    if wrong:
        raise ConfigError(f"the executor slurm: {wrong}")
    return doubt


def _handle(task: Task) -> _Place | None:
    """Return where the newest attempt of a task is in Slurm; None where it was not submitted there."""
    try:
        content: Any = json.loads((task.folder / HANDLE).read_text(encoding="utf-8"))
        if content["executor"] != "slurm" or content["attempt"] != read_spec(task.folder)["attempt"]:
            return None
        return _Place(str(content["name"]), int(content["index"]))
    except Exception:  # noqa: BLE001 — no handle, or a damaged one: the task is begun anew
        return None


def _together(found: Iterable[Row], rows: commands.Rows) -> list[str]:
    """Return how to name jobs to `scancel`: an array whose living jobs are all meant by its number alone."""
    by_array: dict[str, list[str]] = {}
    for row in found:
        by_array.setdefault(row.array, []).append(row.job)
    living: dict[str, int] = {}
    for row in rows.values():
        living[row.array] = living.get(row.array, 0) + (row.life != "gone")
    return [job for array, jobs in by_array.items() for job in ([array] if len(jobs) == living[array] else jobs)]


def _final(message: str, words: str, where: str, kind: str) -> Sight:
    return Sight("gone", message, where, Failure(message, f"{message}\n{words}", Cause(kind)), final=True)


def _last_line(path: Path) -> str:
    """Return the last line that a job printed."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
