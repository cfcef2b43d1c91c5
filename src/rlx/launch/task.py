"""A task: a folder with ``spec.json``, which says what is to be done; files beside it tell what becomes of it.

``spec.json`` names a module and plain values for it; nothing is pickled. The module's ``work(folder, arguments, emit)`` does
the task, goes on from what it finds in the folder, and writes ``done.json`` as its last act. What it raises stands in
``error.json``. Whoever wants to know how a task stands believes ``done.json``, then ``error.json``, then whoever runs it.

A task is done by a process that is warm already (:func:`perform`), or by a command, anywhere where its folder is seen
(:attr:`Task.command`, :mod:`rlx.launch.task_command`), which tells what the work emits in ``events.jsonl``. ``error.json``
holds for the attempt that ``spec.json`` names: two who wait for the same folder do not take each other's failure for theirs.
"""

from __future__ import annotations

import importlib
import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rlx.launch.failures import Cause, Failure, failure_of, sendable
from rlx.launch.progress import Progress

FORMAT = 1
SPEC, ERROR, EVENTS = "spec.json", "error.json", "events.jsonl"


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
    """

    key: str
    folder: Path
    worker: str
    arguments: Mapping[str, Any]
    done: Callable[[], dict[str, Any] | None] = field(compare=False)
    step_timeout: float

    @property
    def command(self) -> list[str]:
        """The command that does it."""
        return [sys.executable, "-m", "rlx.launch.task_command", str(self.folder)]

    def prepare(self) -> None:
        """Write ``spec.json`` for a new attempt; what an earlier one told is deleted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (ERROR, EVENTS):
            (self.folder / name).unlink(missing_ok=True)
        spec = {"format": FORMAT, "attempt": uuid.uuid4().hex, "worker": self.worker, "arguments": dict(self.arguments)}
        _write(self.folder / SPEC, {**spec, "step_timeout": self.step_timeout})


def read_spec(folder: Path) -> dict[str, Any]:
    """Return what a task is to do.

    Raises:
        OSError: It has no ``spec.json``.
        ValueError: That cannot be read.
    """
    content = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{folder / SPEC}: is not a task of this version of rlx")
    return content


def perform(folder: Path, spec: Mapping[str, Any], emit: Callable[[Any], None]) -> Failure | None:
    """Do a task in this process; returns why it failed, after that stands in ``error.json``."""
    try:
        importlib.import_module(spec["worker"]).work(folder, spec["arguments"], emit)
    except BaseException as error:  # noqa: BLE001 — an environment may raise anything, SystemExit too
        failure = sendable(failure_of(error))
        with suppress(OSError):  # a full disk: whoever runs this is told
            write_failure(folder, spec["attempt"], failure)
        return failure
    return None


def write_failure(folder: Path, attempt: str, failure: Failure) -> None:
    """Write ``error.json``."""
    _write(folder / ERROR, {"format": FORMAT, "attempt": attempt, **asdict(failure)})


def failure_in(folder: Path, attempt: str) -> Failure | None:
    """Return why an attempt failed; None where ``error.json`` does not say so."""
    try:
        content = json.loads((folder / ERROR).read_text(encoding="utf-8"))
        if content["attempt"] != attempt:
            return None
        return Failure(str(content["message"]), str(content["details"]), Cause(**content["cause"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_event(folder: Path, event: Any) -> None:
    """Append something that the work emitted, a line for people or a sign of life, to ``events.jsonl``."""
    content = {"progress": asdict(event)} if isinstance(event, Progress) else {"said": str(event)}
    with (folder / EVENTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(content) + "\n")


class Events:
    """Follows ``events.jsonl`` of a task as it grows."""

    def __init__(self, folder: Path):
        self._path, self._offset = folder / EVENTS, 0

    def new(self) -> Iterator[Any]:
        """Yield what has come since the last call; a line that is being written comes with the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, TypeError, KeyError):
                content = json.loads(line)
                yield Progress(**content["progress"]) if "progress" in content else str(content["said"])


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file as JSON, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
