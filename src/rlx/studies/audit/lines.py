"""The ledger's lines, read and hashed by the audit's own code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ZEROS = "sha256:" + 64 * "0"
"""What the first line names as the one before it."""
KEYS = {"seq", "time", "actor", "contract", "event", "data", "prev", "hash"}
MOST_BYTES = 2**30
"""A ledger that is larger is refused."""


@dataclass(frozen=True)
class Entry:
    """A line of the ledger.

    Attributes:
        number: Of the line in the file, from 1.
        seq: What it says its number is, from 0.
        event: What happened.
        data: Its facts.
        contract: Hash of the contract as it was.
        prev: Hash of the line before, as it says.
        hash: Its own, as it says.
        actor: Who wrote it.
        time: When, as it says.
    """

    number: int
    seq: int
    event: str
    data: Mapping[str, Any]
    contract: str
    prev: str
    hash: str
    actor: Mapping[str, Any]
    time: str


@dataclass(frozen=True)
class Reading:
    """A ledger as it stands in its file.

    Attributes:
        entries: The lines that can be read.
        faults: What is wrong with the file, by number of the line.
        torn: How many bytes follow the last line end: what a crash left of a line.
    """

    entries: tuple[Entry, ...]
    faults: tuple[tuple[int, str], ...]
    torn: int

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self.entries[-1].hash if self.entries else ZEROS


def read_lines(path: Path) -> Reading:
    """Read a ledger and check every line's writing, hash, number and predecessor."""
    if not path.is_file() or path.is_symlink():
        return Reading((), ((0, "there is no ledger.jsonl"),), 0)
    if path.stat().st_size > MOST_BYTES:
        return Reading((), ((0, "ledger.jsonl is larger than 1 GiB"),), 0)
    *texts, rest = path.read_bytes().split(b"\n")
    entries: list[Entry] = []
    faults: list[tuple[int, str]] = []
    for number, raw in enumerate(texts, 1):
        try:
            entry = _entry(number, raw)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            faults.append((number, f"is no line of a ledger: {str(error)[:120]}"))
            continue
        faults += [(number, told) for told in _faults(entry, raw, entries)]
        entries.append(entry)
    faults += _forks(entries)
    return Reading(tuple(entries), tuple(faults), len(rest))


def _entry(number: int, raw: bytes) -> Entry:
    found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused)
    if not isinstance(found, dict) or set(found) != KEYS:
        raise ValueError("it has other keys than a line has")
    entry = Entry(
        number, *(found[key] for key in ("seq", "event", "data", "contract", "prev", "hash", "actor", "time"))
    )
    texts = (entry.event, entry.contract, entry.prev, entry.hash, entry.time)
    if type(entry.seq) is not int or not all(isinstance(text, str) for text in texts):
        raise TypeError("a number or a text is of another kind")
    if not isinstance(entry.data, dict) or not isinstance(entry.actor, dict):
        raise TypeError("data and actor are mappings")
    return entry


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"it holds {name}")


def _faults(entry: Entry, raw: bytes, before: list[Entry]) -> list[str]:
    content = json.loads(raw)
    found = []
    if as_written(content) != raw:
        found.append("is not written as rlx writes lines")
    if (real := digest_of({key: value for key, value in content.items() if key != "hash"})) != entry.hash:
        found.append(f"was changed: its hash is {real[:15]}, and it says {entry.hash[:15]}")
    expected = before[-1].seq + 1 if before else 0
    if entry.seq != expected:
        found.append(f"has seq {entry.seq}, and {expected} would follow: lines were deleted, inserted or moved")
    if entry.prev != (before[-1].hash if before else ZEROS):
        found.append(f"names {entry.prev[:15]} as the line before, which it is not")
    return found


def _forks(entries: list[Entry]) -> list[tuple[int, str]]:
    first: dict[str, int] = {}
    found = []
    for entry in entries:
        if entry.prev in first:
            found.append((entry.number, f"follows the same line as line {first[entry.prev]}: the ledger is forked"))
        first.setdefault(entry.prev, entry.number)
    return found


def as_written(content: Any) -> bytes:
    """Return plain values as canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of(content: Any) -> str:
    """Return ``sha256:`` and the hash of plain values as they are written."""
    return digest_of_bytes(as_written(content))


def digest_of_bytes(content: bytes) -> str:
    """Return ``sha256:`` and the hash of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
