"""``ledger.jsonl``: the only truth about a study. It is appended to under the study's lock, and never changed.

Each append is flushed to the disk, and then the folder is committed to a reference of Git's that nobody works on
(``refs/rlx/studies/<task>/<study>``), moved only from where this process knows it to be: a second writer on any worktree
fails. The branch, the index and HEAD stay untouched. The head is noted in ``.dvc/tmp/rlx-studies/``, so that a ledger
which was replaced by an earlier one of itself is noticed.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rlx.config import read_json, read_text, write_json
from rlx.errors import CommandFailed, DataDamaged, RlxError
from rlx.launch import main_root
from rlx.stats import first_line
from rlx.studies.ledger.anchor import Anchor
from rlx.studies.ledger.line import FIRST, Actor, Line, canonical, hash_of_line, parse

FILE = "ledger.jsonl"


class Refused(RlxError):
    """A gate refuses; the message says which, why, and what to do."""

    exit_code = 5


class LedgerBroken(Refused):
    """The chain does not hold: the ledger was edited, cut, forked or replaced."""


@dataclass(frozen=True)
class Chain:
    """A ledger as it was read.

    Attributes:
        lines: The lines up to the first that is wrong.
        problem: What is wrong with the rest, with its line; None where all holds.
        torn: A last line without an end, which a crash left.
    """

    lines: tuple[Line, ...]
    problem: str | None = None
    torn: bytes = b""

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self.lines[-1].hash if self.lines else FIRST


def read_chain(path: Path) -> Chain:
    """Read a ledger and check its chain; nothing is written.

    Raises:
        DataDamaged: The file is too large, or no text.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return Chain(())
    except (ValueError, OSError) as error:
        raise DataDamaged(f"{path}: cannot be read: {error}; take it from Git") from None
    whole, separator, rest = text.rpartition("\n")
    lines: list[Line] = []
    for number, one in enumerate((whole + separator).split("\n")[:-1], 1):
        try:
            line = parse(one)
        except (ValueError, TypeError, RecursionError) as error:
            return Chain(tuple(lines), f"{FILE}:{number}: {first_line(error)[:200]}", rest.encode())
        expected = (len(lines), lines[-1].hash if lines else FIRST)
        if (line.seq, line.prev) != expected:
            told = f"{FILE}:{number}: does not follow the line before it (seq {line.seq}, expected {expected[0]})"
            return Chain(tuple(lines), told, rest.encode())
        lines.append(line)
    return Chain(tuple(lines), None, rest.encode())


@dataclass
class Ledger:
    """The ledger of a study, for whoever holds the study's lock.

    Attributes:
        root: The project.
        folder: The study's folder.
        lines: What stands in it.
        size: Bytes of its file, as it was left.
        anchored: Whether each append is committed to the study's reference; simulations by the hundred leave it.
    """

    root: Path
    folder: Path
    lines: list[Line] = field(default_factory=list)
    anchored: bool = True
    size: int = 0

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self.lines[-1].hash if self.lines else FIRST

    def open(self, *, accept: bool = False) -> Ledger:
        """Read it, and move a torn last line aside.

        Args:
            accept: Also where it has lines that were not written on this machine: somebody says so.

        Returns:
            Itself.

        Raises:
            LedgerBroken: The chain does not hold, or it is not the ledger that was here.
        """
        chain = read_chain(self.path)
        if chain.problem:
            raise LedgerBroken(f"{self.folder.name}: frozen: {chain.problem}; `rlx study audit` says more")
        if chain.torn:
            aside = self.folder / f"{FILE}.torn"
            aside.write_bytes(chain.torn)
            with self.path.open("r+b") as file:
                file.truncate(self.path.stat().st_size - len(chain.torn))
                os.fsync(file.fileno())
        self.lines = list(chain.lines)
        self.size = self.path.stat().st_size if self.path.exists() else 0
        if told := self.moved(accept=accept):
            raise LedgerBroken(f"{self.folder.name}: frozen: {told}; `rlx study audit` says more")
        return self

    def moved(self, *, accept: bool = False) -> str | None:
        """Return how the ledger is not the one that was last seen here; None where it is, or nothing is noted.

        Lines that this machine did not write are those of somebody else at work (then Git's reference has moved with them), or
        forged; a line that was written just before a crash is known.
        """
        noted, following = self._noted()
        known = [FIRST, *(line.hash for line in self.lines)]
        if noted is not None and noted not in known:
            return f"its head {self.head[:15]} does not follow {noted[:15]}, which was last seen on this machine"
        if self.anchored and (told := self.anchor.missing(self.lines)):
            return told
        if noted is None or accept or self.head in (noted, following):
            return None
        if self.anchored and self.anchor.head == self.head:
            return None
        return (
            f"its lines from {known.index(noted)} on were not written on this machine; `rlx study audit` looks at them, and "
            "`rlx study run --take-over` goes on from them"
        )

    @property
    def anchor(self) -> Anchor:
        """Where the folder is committed at each append."""
        return Anchor(self.root, self.folder)

    @property
    def _note(self) -> Path:
        return notes_folder(self.root) / self.folder.parent.name / f"{self.folder.name}.json"

    def _noted(self) -> tuple[str | None, str | None]:
        """Return the head that was last seen here, and the one that was about to be written."""
        with suppress(OSError, ValueError, KeyError, TypeError, DataDamaged):
            content = read_json(self._note)
            return str(content["head"]), content.get("next")
        return None, None

    def append(
        self, event: str, data: Mapping[str, Any], contract: str, kind: Literal["person", "loop", "agent"]
    ) -> Line:
        """Append a line; it is on the disk when this returns.

        Args:
            event: What happened.
            data: Its facts.
            contract: Hash of the contract as it is.
            kind: Who says so.

        Raises:
            Refused: Another writer has moved the study on.
        """
        content: dict[str, Any] = {
            "seq": len(self.lines),
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "actor": actor(kind).model_dump(),
            "contract": contract,
            "event": event,
            "data": _clean(dict(data)),
            "prev": self.head,
        }
        line = parse(canonical({**content, "hash": hash_of_line(content)}))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._note, {"head": self.head, "next": line.hash})
        self._write(line.to_text().encode() + b"\n")
        self.lines.append(line)
        try:
            if self.anchored:
                self.anchor.move(self.lines)
        except CommandFailed as error:
            raise Refused(
                f"{self.folder.name}: Git's reference of the study could not be moved: another writer is at work in this repository, or a "
                f"process that was killed left a lock ({' '.join(str(error).split())[-200:]})"
            ) from None
        write_json(self._note, {"head": line.hash})
        return line

    def _write(self, content: bytes) -> None:
        """Add a line to the file, which has to be as it was left; one that cannot be written whole leaves nothing.

        Raises:
            LedgerBroken: The file was changed by somebody else.
            OSError: The disk is full, say.
        """
        size = self.size
        if self.path.is_symlink() or (self.path.stat().st_size if self.path.exists() else 0) != size:
            raise LedgerBroken(
                f"{self.folder.name}: {FILE} was changed by somebody else just now; `rlx study audit` says more"
            )
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                os.truncate(self.path, size)
            raise
        self.size += len(content)

    def of(self, *events: str) -> Iterable[Line]:
        """Yield the lines of some events."""
        return (line for line in self.lines if line.event in events)


def _clean(value: Any) -> Any:
    """Return plain values whose texts can be written: what programs print may hold halves of characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(key): _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def notes_folder(root: Path) -> Path:
    """Return where heads and clocks of studies are noted on this machine."""
    return main_root(root) / ".dvc" / "tmp" / "rlx-studies"


def actor(kind: Literal["person", "loop", "agent"]) -> Actor:
    """Return who is at work here: an agent that says so by ``RLX_AGENT`` is one."""
    agent = os.environ.get("RLX_AGENT") or None
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return Actor(
        kind="agent" if agent and kind == "person" else kind, user=user, host=socket.gethostname(), agent=agent
    )


def last(lines: Sequence[Line], event: str) -> Line | None:
    """Return the newest line of an event; None where there is none."""
    return next((line for line in reversed(lines) if line.event == event), None)
