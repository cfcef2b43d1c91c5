"""A lease: the file ``alive`` of a task's folder, which says who is at it, and is touched as long as they are.

A process may outlive the node that an engine gives up for lost, or the command that started it. Whoever comes after it waits
until it has been silent for :data:`SILENT` seconds, and a process that finds its lease in other hands ends: the two never
write one folder both. (A lock of the file system alone would do on one machine; over a network not every mount has one.)

How long a lease has been silent is read off the clock of whoever keeps the file, by a file written just now beside it; the
clocks of two machines need not agree.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.launch.signals import is_same, process_identity

ALIVE = "alive"
BEAT = 10.0
"""Seconds between two signs of life."""
SILENT = 45.0
"""Seconds without one after which whoever held a folder counts as gone."""
LOOK = 1.0
"""Seconds between two looks at a lease that somebody waits for."""


@dataclass(frozen=True)
class Holder:
    """Who is at a task.

    Attributes:
        token: Tells this holder from all others.
        host: Which machine.
        pid: The process, by the numbers of ``machine``.
        started: When that started, in seconds since 1970.
        machine: One start of one machine, and the space of process ids: where it is ours, a look at the process says more than
            the file.
        attempt: The attempt of the task that it works for.
    """

    token: str
    host: str
    pid: int
    started: float
    machine: str
    attempt: str

    @classmethod
    def own(cls, attempt: str) -> Holder:
        """Return this process as a new holder."""
        pid, started = process_identity()
        return cls(uuid.uuid4().hex, socket.gethostname(), pid, started, _machine(), attempt)

    @property
    def has_ended(self) -> bool:
        """Whether it is a process of this machine that is known to have ended."""
        return self.machine == _machine() and not is_same(self.pid, self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def holder_of(folder: Path) -> Holder | None:
    """Return who has the lease of a folder, alive or not; None where nobody has."""
    try:
        return Holder(**json.loads((folder / ALIVE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_fresh(folder: Path) -> bool:
    """Tell whether the holder of a folder's lease, if there is one, may still be at work."""
    holder = holder_of(folder)
    return holder is not None and not holder.has_ended and _silence(folder) < SILENT


@contextmanager
def leased(
    folder: Path, attempt: str, say: Callable[[str], None], lost: Callable[[], None], beat: float = BEAT
) -> Iterator[None]:
    """Hold the lease of a folder in this block, after waiting for whoever holds it.

    Args:
        folder: The folder, which is there.
        attempt: What the folder is taken for.
        say: Called with a line for people before waiting.
        lost: Called, in a thread of its own, when the lease has come into other hands: this process is to end.
        beat: Seconds between two signs of life.
    """
    own = _taken(folder, attempt, say)
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(folder, own, lost, ended, beat), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if holder_of(folder) == own:
            (folder / ALIVE).unlink(missing_ok=True)


def _taken(folder: Path, attempt: str, say: Callable[[str], None]) -> Holder:
    """Take the lease, as soon as nobody alive has it."""
    own, told = Holder.own(attempt), False
    while True:
        while is_fresh(folder):
            if not told:
                say(f"{holder_of(folder) or 'another process'} is at it; waiting until that has ended")
                told = True
            time.sleep(LOOK)
        before = _content(folder)
        with _written(folder, own) as written:
            if before is not None and _content(folder) == before:  # else somebody was quicker
                (folder / ALIVE).unlink(missing_ok=True)
            with suppress(FileExistsError):
                os.link(written, folder / ALIVE)  # of two who try only one succeeds
        if holder_of(folder) == own:
            return own


@contextmanager
def _written(folder: Path, own: Holder) -> Iterator[Path]:
    path = folder / f".{ALIVE}.{own.token}"
    path.write_text(json.dumps(vars(own)), encoding="utf-8")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _content(folder: Path) -> str | None:
    try:
        return (folder / ALIVE).read_text(encoding="utf-8")
    except OSError:
        return None


def _keep(folder: Path, own: Holder, lost: Callable[[], None], ended: threading.Event, beat: float) -> None:
    """Give signs of life until the block ends, or the lease is another's."""
    while not ended.wait(beat):
        holder: Any = holder_of(folder)
        if holder is not None and holder != own:
            lost()
            return
        with suppress(OSError):  # a disk that is away for a moment; deleted by a person: nobody else has it
            os.utime(folder / ALIVE)


def _silence(folder: Path) -> float:
    """Return the seconds since the last sign of life, by the clock of the file system; none where that cannot be told."""
    probe = folder / f".now.{uuid.uuid4().hex}"
    try:
        with (folder / ALIVE).open("rb") as file:  # opened: over a network that asks for the file as it is
            last = os.fstat(file.fileno()).st_mtime
        probe.touch()
        return probe.stat().st_mtime - last
    except OSError:
        return 0.0 if (folder / ALIVE).exists() else SILENT
    finally:
        probe.unlink(missing_ok=True)


def _machine() -> str:
    """Return what tells one start of a machine, with one space of process ids, from all others."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()
