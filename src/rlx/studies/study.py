"""A study on disk: its folder, its contract and its ledger, and the lock that whoever writes holds."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import Timeout

from rlx.config import check_links, read_json, write_json
from rlx.errors import ConfigError, DataDamaged, Missing, UsageError
from rlx.records import lock_of
from rlx.stats import nearest
from rlx.studies.contracts.contract import FILE, Contract, ReadContract, read_contract
from rlx.studies.ledger.ledger import FILE as LEDGER, Ledger, Refused, notes_folder, read_chain
from rlx.studies.ledger.line import Line
from rlx.studies.ledger.state import StudyState, derive

NAME = r"[A-Za-z][A-Za-z0-9_\-]{0,63}"
OWN = (
    FILE,
    LEDGER,
    "candidates",
    "evidence",
    "approved",
    "audits",
    "data",
    "state.json",
    "report.md",
    f"{LEDGER}.torn",
)
"""What rlx reads and writes in a study's folder: none of it may be a link to elsewhere."""
APPROVED = "approved"
"""Folder in which approved contracts are kept by hash, so that an amendment can be held against the one before."""
HEARTBEAT = 10.0
"""Seconds between two notes of a loop's clock: a killed one pays to its last."""


@dataclass
class Study:
    """A study.

    Attributes:
        root: The project.
        folder: `studies/<task>/<study>/`.
        ledger: Its ledger; opened by :meth:`locked`, read by :func:`find_study`.
    """

    root: Path
    folder: Path
    ledger: Ledger = field(init=False)
    kind: Literal["person", "loop", "agent"] = "person"

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.root, self.folder)
        self.broken: str | None = None
        self._derived: tuple[int, StudyState] | None = None
        self._contract: tuple[bytes, ReadContract] | None = None
        self.clock = StudyClock(notes_folder(self.root) / self.folder.parent.name / f"{self.folder.name}.clock.json")

    @property
    def name(self) -> str:
        """`task/study`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def short(self) -> str:
        """The study's own name, which its experiments begin with."""
        return self.folder.name

    @property
    def state(self) -> StudyState:
        """What follows from the ledger as it was read."""
        count = len(self.ledger.lines)
        if self._derived is None or self._derived[0] != count:
            self._derived = (count, derive(self.ledger.lines))
        return self._derived[1]

    def read_contract(self) -> ReadContract:
        """Return the contract as it stands; see :func:`read_contract`."""
        path = self.folder / FILE
        content = path.read_bytes() if path.is_file() else b""
        if self._contract is None or self._contract[0] != content:
            self._contract = (content, read_contract(path, f"studies/{self.name}/{FILE}"))
        return self._contract[1]

    @property
    def contract(self) -> Contract:
        """What holds: the contract as it was approved, whatever the file is by now; before that what the file says."""
        if self.state.contract is None:
            return self.read_contract().contract
        try:
            read = self.read_contract()
        except (ConfigError, Missing):
            read = None
        if read is not None and read.hash == self.state.contract:
            return read.contract
        return self.approved_copy(self.state.contract).contract

    def approved_copy(self, digest: str) -> ReadContract:
        """Return an approved contract as it was kept.

        Raises:
            Missing, ConfigError: Its copy is gone.
            Refused: Its copy was edited.
        """
        kept = self.folder / APPROVED / f"{digest.partition(':')[2]}.yaml"
        found = read_contract(kept, f"{APPROVED}/{kept.name[:12]}….yaml")
        if found.hash != digest:
            raise Refused(f"{self.name}: {kept} was edited; take it from Git")
        return found

    @property
    def frozen(self) -> str | None:
        """Why nothing may start; None where it may.

        The chain does not hold, the contract is not the approved one, or the newest audit failed.
        """
        if self.broken is not None:
            return f"{self.broken}; `rlx study audit` says more"
        if self.state.contract is not None:
            try:
                if self.read_contract().hash != self.state.contract:
                    return "contract.yaml is not the approved one; `rlx study approve` shows the difference and asks"
            except (ConfigError, Missing) as error:
                return str(error)
        if self.state.audit is not None and not self.state.audit["ok"]:
            return "the newest audit failed; `rlx study audit` says where, and lifts this when it passes"
        return None

    @property
    def phase(self) -> str:
        """`draft`, `approved`, `open`, `frozen` or `closed`."""
        if self.state.closed is not None:
            return "closed"
        if self.frozen:
            return "frozen"
        if self.state.contract is None:
            return "draft"
        return "open" if self.state.starts else "approved"

    def append(self, event: str, data: dict[str, Any]) -> Line:
        """Append to the ledger, with the hash of the contract as it is."""
        try:
            contract = self.read_contract().hash
        except (ConfigError, Missing):
            contract = "sha256:" + "0" * 64
        return self.ledger.append(event, data, contract, self.kind)

    @contextmanager
    def locked(self, *, take_over: bool = False, accept: bool = False) -> Iterator[Study]:
        """Hold the study alone, with its ledger read.

        Args:
            take_over: Also where another machine claimed it last.
            accept: Also where the ledger has lines that were not written on this machine.

        Raises:
            Refused: Another process holds it, or another machine claimed it, or the ledger is broken.
        """
        lock, note = lock_of(self.root, f"study.{self.name.replace('/', '.')}"), self.holder_note
        try:
            lock.acquire(timeout=0)
        except Timeout:
            told = ""
            with suppress(OSError, ValueError, KeyError, TypeError, DataDamaged):
                held = read_json(note)
                told = f" (process {held['pid']} on {held['host']}, since {held['since']})"
            raise Refused(f"{self.name}: another process is at work on it{told}") from None
        try:
            check_links(self.folder, OWN)
            self.ledger.open(accept=accept)
            claimed = self.state.claimed
            if claimed and claimed["host"] != socket.gethostname() and not take_over:
                raise Refused(
                    f"{self.name}: was claimed by {claimed['host']}, which may still be at work; `--take-over` takes it over"
                )
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            write_json(note, {"pid": os.getpid(), "host": socket.gethostname(), "since": since})
            yield self
        finally:
            note.unlink(missing_ok=True)
            lock.release()

    @property
    def holder_note(self) -> Path:
        """Where whoever holds the study on this machine notes who it is."""
        return notes_folder(self.root) / self.folder.parent.name / f"{self.folder.name}.holder.json"

    def read(self) -> Study:
        """Read the ledger without the lock, as far as it holds, to show it; returns itself.

        Nothing is written. What is wrong with the rest stands in ``broken``; a loop may append between the look at the file and
        that at its anchor, so a mismatch counts once it is seen twice.
        """
        for _ in range(2):
            chain = read_chain(self.folder / LEDGER)
            self.ledger.lines = list(chain.lines)
            self.broken = chain.problem or self.ledger.moved()
            if self.broken is None:
                break
        return self

    def left(self) -> dict[str, float]:
        """Return what of the budget is neither spent nor reserved, by resource."""
        return self.state.left(self.contract.budget)


class StudyClock:
    """Wall clock of a study: monotonic, while a loop holds it; what a killed one had not booked yet is not lost."""

    def __init__(self, path: Path):
        self._path, self._began, self._before = path, time.monotonic(), 0.0
        self._stop: threading.Event | None = None

    def start(self) -> None:
        """Begin; what was left unbooked by a loop that was killed counts."""
        with suppress(OSError, ValueError, KeyError, TypeError, DataDamaged):
            self._before = max(0.0, float(read_json(self._path)["unbooked"]))
        self._began, self._stop = time.monotonic(), threading.Event()
        threading.Thread(target=self._beat, args=(self._stop,), daemon=True).start()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT):
            self._note()

    def _note(self) -> None:
        with suppress(OSError):
            write_json(self._path, {"unbooked": round(self.unbooked, 3)})

    @property
    def unbooked(self) -> float:
        """Seconds that no line of the ledger has."""
        return self._before + (time.monotonic() - self._began if self._stop else 0.0)

    def take(self) -> float:
        """Return the unbooked seconds, which are booked now."""
        seconds, self._before, self._began = self.unbooked, 0.0, time.monotonic()
        self._note()
        return round(seconds, 3)

    def stop(self) -> None:
        """End."""
        if self._stop is not None:
            self._stop.set()
            self._note()


def studies_of(root: Path) -> list[Study]:
    """Return all studies of a project, by name."""
    folders = sorted(path.parent for path in (root / "studies").glob(f"*/*/{FILE}") if not path.is_symlink())
    return [Study(root, folder) for folder in folders if re.fullmatch(NAME, folder.name)]


def find_study(root: Path, name: str | None) -> Study:
    """Return the study of a name, `study` or `task/study`, or the only open one.

    Raises:
        UsageError: No name was given, and there are several.
        Missing: There is none.
    """
    known = studies_of(root)
    if name is not None:
        found = [study for study in known if name in (study.name, study.short)]
        if len(found) == 1:
            return found[0].read()
        if found:
            raise UsageError(f"{name!r} is the name of several studies: {', '.join(each.name for each in found)}")
        raise Missing(f"there is no study {name!r}; {nearest(name, [each.name for each in known])}")
    running = [study for study in known if study.read().state.closed is None]
    if len(running) == 1:
        return running[0]
    if not known:
        raise Missing("there is no study here; `rlx study init RUN` begins one")
    names = ", ".join(study.name for study in running or known)
    raise UsageError(f"which study? {'Open are' if running else 'All are closed'}: {names}")


def study_named(root: Path, name: str) -> Study | None:
    """Return the study of a whole name; None where there is none."""
    return next((study.read() for study in studies_of(root) if study.name == name), None)
