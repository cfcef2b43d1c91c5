"""A task: a folder with ``spec.json``, which says what is to be done; files beside it tell what becomes of it.

``spec.json`` names a module and plain values for it; nothing is pickled. The module's ``work(folder, arguments, emit)`` does
the task, goes on from what it finds in the folder, and writes ``done.json`` as its last act. What it raises stands in
``error.json``. Whoever wants to know how a task stands believes ``done.json``, then ``error.json``, then whoever runs it.

A task is done by a process that is warm already (:func:`perform`), or by a command, anywhere where its folder is seen
(:attr:`Task.command`, :mod:`rlx.launch.task_command`), which tells what the work emits in ``events.jsonl``. ``error.json``
holds for one attempt, which ``spec.json`` names: two who wait for the same folder do not take each other's failure for theirs.
Whoever does the task holds the lease of its folder (:mod:`rlx.launch.lease`), so nobody else does it at the same time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rlx.errors import DataDamaged
from rlx.launch import letting_go
from rlx.launch.failures import Cause, Failure, failure_of, sendable
from rlx.launch.lease import leased
from rlx.launch.new_lines import NewLines
from rlx.launch.progress import Progress
from rlx.launch.stage_call import StageCall, current_call
from rlx.stats import first_line

FORMAT = 1
LET_GO = "let go"
"""What became of a task whose process was asked to let go of it (:mod:`rlx.launch.letting_go`)."""
SPEC, ERROR, EVENTS, HANDLE = "spec.json", "error.json", "events.jsonl", "handle.json"


@dataclass(frozen=True)
class Task:
    """Something to be done.

    Attributes:
        key: Its name among those given to one executor, for people too: ``seed 3``.
        folder: Its folder, on a file system that every machine sees that may do it.
        worker: The module that does it.
        arguments: Plain values for that.
        done: Reads ``done.json``; None before it is there.
        step_timeout: Seconds that one call of an environment may take.
        portable: Whether it is to give the same bits on every processor (:mod:`rlx.launch.threads`).
        attempt: Which one this is, of those that there were or are at it; empty before the first.
        software: What it is to be computed with (:func:`rlx.launch.software_of`): a command that finds itself with other software
            refuses the task; nothing is compared where this is empty.
    """

    key: str
    folder: Path
    worker: str
    arguments: Mapping[str, Any]
    done: Callable[[], dict[str, Any] | None] = field(compare=False)
    step_timeout: float
    portable: bool = False
    attempt: str = ""
    software: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The command that does it."""
        return [sys.executable, "-m", "rlx.launch.task_command", str(self.folder)]

    @property
    def spec(self) -> dict[str, Any]:
        """What ``spec.json`` holds."""
        facts = {"format": FORMAT, "attempt": self.attempt, "worker": self.worker, "arguments": dict(self.arguments)}
        terms = {"step_timeout": float(self.step_timeout), "portable": self.portable}
        return {**facts, **terms, **({"software": dict(self.software)} if self.software else {})}

    def prepared(self, *, again: bool = False) -> Task:
        """Return the task in a new attempt, whose ``spec.json`` is written; what an earlier one told is deleted.

        Args:
            again: Whether the same command starts it once more.
        """
        task = replace(self, attempt=uuid.uuid4().hex)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (ERROR, EVENTS):
            (self.folder / name).unlink(missing_ok=True)
        if not again:
            letting_go.forget(self.folder)
        write_whole(self.folder / SPEC, task.spec)
        return task

    def begun(self) -> Task:
        """Return the task in the attempt that ``spec.json`` names: somebody else has begun it."""
        return replace(self, attempt=read_spec(self.folder)["attempt"])

    def outcome(self) -> dict[str, Any] | Failure | None:
        """Return how this attempt has ended, as the folder says; None before."""
        return self.done() or failure_in(self.folder, self.attempt)


def read_spec(folder: Path) -> dict[str, Any]:
    """Return what a task is to do.

    Raises:
        DataDamaged: It has no ``spec.json``, or one that is not of this version.
    """
    path, cure = folder / SPEC, "the command that made the task, called again, writes it anew"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataDamaged(f"{path}: cannot be read: {error.strerror}; {cure}") from None
    except ValueError as error:
        raise DataDamaged(f"{path}: is damaged: {first_line(error)}; {cure}") from None
    kinds = {"attempt": str, "worker": str, "arguments": dict, "step_timeout": float, "portable": bool}
    whole = isinstance(content, dict) and all(isinstance(content.get(key), kind) for key, kind in kinds.items())
    if not whole or content.get("format") != FORMAT:
        raise DataDamaged(f"{path}: is no task of this version of rlx; {cure}")
    found: dict[str, Any] = content
    return found


def perform(folder: Path, spec: Mapping[str, Any], emit: Callable[[Any], None]) -> Failure | str | None:
    """Do a task in this process; returns why it failed, after that stands in ``error.json``, or :data:`LET_GO`."""
    try:
        importlib.import_module(spec["worker"]).work(folder, spec["arguments"], emit)
    except letting_go.LetGo:
        return LET_GO
    except BaseException as error:  # noqa: BLE001 — an environment may raise anything, SystemExit too
        failure = sendable(failure_of(error))
        with suppress(OSError):  # a full disk: whoever runs this is told
            write_failure(folder, spec["attempt"], failure)
        return failure
    return None


def perform_leased(folder: Path, spec: Mapping[str, Any], emit: Callable[[Any], None]) -> Failure | str | None:
    """Do a task in this process as :func:`perform` does, with the lease of its folder."""
    with leased(folder, spec["attempt"], emit, lambda: os._exit(1)):
        return perform(folder, spec, emit)


def write_failure(folder: Path, attempt: str, failure: Failure) -> None:
    """Write ``error.json``."""
    write_whole(folder / ERROR, {"format": FORMAT, "attempt": attempt, **asdict(failure)}, sync=True)


def failure_in(folder: Path, attempt: str) -> Failure | None:
    """Return why an attempt failed; None where ``error.json`` does not say so."""
    try:
        content = json.loads((folder / ERROR).read_text(encoding="utf-8"))
        if content["attempt"] != attempt:
            return None
        return Failure(str(content["message"]), str(content["details"]), Cause(**content["cause"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def task_variables() -> dict[str, str]:
    """Return the environment variables by which a task's command, wherever it runs, is to know what this process knows."""
    project = current_call().project or os.environ.get("DVC_ROOT")
    path = os.pathsep.join(
        str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
    )
    told = {"DVC_NO_ANALYTICS": "1", **StageCall(project=project).variables()}
    return {**told, **({"PYTHONPATH": path} if path else {})}


def write_event(folder: Path, event: Any) -> None:
    """Append something that the work emitted, a line for people or a sign of life, to ``events.jsonl``.

    On a full disk it is not heard; the work goes on.
    """
    content = {"progress": asdict(event)} if isinstance(event, Progress) else {"said": str(event)}
    with suppress(OSError), (folder / EVENTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(content) + "\n")


class Events:
    """Follows ``events.jsonl`` of a task as it grows."""

    def __init__(self, folder: Path):
        self._lines = NewLines(folder / EVENTS)

    def new(self) -> Iterator[Any]:
        """Yield what has come since the last call; a line that is being written comes with the next."""
        for line in self._lines.read():
            with suppress(ValueError, TypeError, KeyError):
                content = json.loads(line)
                yield Progress(**content["progress"]) if "progress" in content else str(content["said"])


def write_whole(path: Path, content: Mapping[str, Any], *, sync: bool = False) -> None:
    """Write a file as JSON, whole or not at all.

    Args:
        path: The file.
        content: What it is to hold.
        sync: Whether it is to be on the disk before this returns. What the next command would write anew need not be: thousands
            of tasks take a minute of waiting for the disk.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
