"""Live notes: what is being made of a run just now, by whom; a note says nothing any more when its process has ended.

They lie beside the bench, ``.dvc/tmp/rlx/<run>.stage.json`` of the stage at work and ``<run>.making.json`` of the ``rlx``
that makes an experiment (and ``<run>.spent.json``: :mod:`rlx.records.spent`), so no output of a finished stage is touched to tell that a later one is at work.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rlx.config import read_json, write_json
from rlx.errors import DataDamaged
from rlx.launch import dvc_above, is_same, main_root
from rlx.records.live import live_folder
from rlx.records.spent import note_spent

STATES = {"resolve": "running", "train": "running", "eval": "evaluating", "video": "filming", "analyze": "analysing"}
"""What a run is while a stage of it is at work."""
AT_WORK = ("running", "evaluating", "filming", "analysing")
SILENT = 120.0
"""Seconds without a sign of life after which a process of another machine counts as ended."""
STOPPED = (130, 143)


@dataclass(frozen=True)
class Process:
    """A process of some machine.

    Attributes:
        host: Which machine.
        pid: Its number there.
        started: When it started, in seconds since 1970; None in notes of older versions.
    """

    host: str
    pid: int
    started: float | None = None

    @classmethod
    def own(cls) -> Process:
        """Return this process."""
        import psutil

        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    def has_ended(self) -> bool:
        """Tell whether it is known to have ended; of another machine that cannot be seen."""
        return self.host == socket.gethostname() and not is_same(self.pid, self.started)

    def is_alive(self, seen: float | None = None) -> bool:
        """Tell whether it still runs; of another machine, whether it gave a sign of life (``seen``) just now."""
        if self.host != socket.gethostname():
            return seen is not None and time.time() - seen < SILENT
        return is_same(self.pid, self.started)


@dataclass(frozen=True)
class LiveNote:
    """A note.

    Attributes:
        stage: The stage at work, or the one that ended last; None in the note of a whole experiment.
        over: Whether that stage has ended, and the process is the DVC that goes on with the others.
        failed: Whether it failed.
        process: Who is at work.
        written: When.
    """

    stage: str | None
    over: bool
    failed: bool
    process: Process
    written: float


@dataclass(frozen=True)
class LiveNotes:
    """The notes on a run: of those that still hold, and of a stage that failed."""

    stage: LiveNote | None = None
    making: LiveNote | None = None
    failed: float | None = None

    @property
    def state(self) -> str | None:
        """What is being made just now; None where nobody is at work, or DVC may be busy with another run."""
        if self.stage is not None and not self.stage.over:
            return STATES.get(str(self.stage.stage), "running")
        if self.making is not None or (self.stage is not None and self.stage.stage == "train"):
            return "running"
        return None

    @property
    def may_go_on(self) -> bool:
        """Whether a DVC that has made a stage of the run is still at work."""
        return self.stage is not None


def noted_runs(root: Path) -> set[str]:
    """Return the runs of a project that have notes at all: of the others nothing need be read."""
    with suppress(OSError):
        names = [path.name for path in _path(root, "", "").parent.iterdir()]
        return {
            name.removesuffix(end) for name in names for end in (".stage.json", ".making.json") if name.endswith(end)
        }
    return set()


def notes_of(folder: Path) -> LiveNotes:
    """Return the notes on the run of a folder ``runs/<run>/``, this process's own left out; none where it lies elsewhere."""
    root = folder.parent.parent
    if folder.parent.name != "runs" or not (root / ".dvc").is_dir() or root.resolve() != main_root(root).resolve():
        return LiveNotes()
    stage, making = (_read(_path(root, folder.name, kind)) for kind in ("stage", "making"))
    failed = stage.written if stage is not None and stage.failed else None
    held = [note if note is not None and _holds(note) else None for note in (stage, making)]
    return LiveNotes(held[0], held[1], failed)


def _holds(note: LiveNote) -> bool:
    own = note.process.pid == os.getpid() and note.process.host == socket.gethostname()
    return not note.failed and not own and note.process.is_alive(note.written)


def _path(root: Path, run: str, kind: str) -> Path:
    return main_root(root) / ".dvc" / "tmp" / "rlx" / f"{run}.{kind}.json"


def spent_file(root: Path, run: str) -> Path:
    """Return where the seconds of a run are noted (:mod:`rlx.records.spent`)."""
    return _path(root, run, "spent")


def _read(path: Path) -> LiveNote | None:
    try:
        content = read_json(path)
        process = Process(str(content["host"]), int(content["pid"]), float(content["started"]))
        stage = content["stage"] and str(content["stage"])
        return LiveNote(stage, bool(content["over"]), bool(content["failed"]), process, path.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return None


def _write(path: Path, stage: str | None, process: Process, *, over: bool = False, failed: bool = False) -> None:
    with suppress(OSError):  # a note is a courtesy: a full disk stops no stage because of it
        write_json(path, {"format": 1, "stage": stage, "over": over, "failed": failed, **asdict(process)})


@contextmanager
def making(root: Path, name: str) -> Iterator[None]:
    """Note that this process makes an experiment."""
    path = _path(root, name, "making")
    _path(root, name, "stage").unlink(missing_ok=True)
    _write(path, None, Process.own())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        _path(root, name, "stage").unlink(missing_ok=True)


class StageNote:
    """The note of a stage at work; in DVC's own temporary copies of a project there is none, as the run is not that one."""

    def __init__(self, root: Path, run: str | None, stage: str):
        """Note that this process is at work on a stage of a run (None: of no single one)."""
        live = live_folder()
        name = live.name if live else run if root.resolve() == main_root(root).resolve() else None
        self._stage = stage
        self._path = _path(root, name, "stage") if name and Path(name).name == name and stage in STATES else None
        self._spent = spent_file(root, live.name) if self._path is not None and live else None
        self._began = time.monotonic()
        if self._path is not None:
            _write(self._path, stage, Process.own())

    def beat(self) -> None:
        """Give a sign of life, for those who look from another machine."""
        if self._path is not None:
            with suppress(OSError):
                self._path.touch(exist_ok=True)

    def end(self, status: int) -> None:
        """Say that the stage has ended: DVC goes on with others, or the stage has failed, or was stopped."""
        if self._path is None:
            return
        if self._spent is not None and status == 0:
            note_spent(self._spent, {self._stage: time.monotonic() - self._began})
        above = dvc_above()
        if status == 0 and above is not None and above[1] is not None:
            _write(self._path, self._stage, Process(socket.gethostname(), above[0], above[1]), over=True)
        elif status == 0 or status in STOPPED:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        else:
            _write(self._path, self._stage, Process.own(), over=True, failed=True)
