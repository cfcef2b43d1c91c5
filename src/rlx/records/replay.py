"""Replay buffers beside checkpoints: rows are written once, in chunks, and named by every checkpoint that needs them.

``checkpoints/seed_k/replay/003.npz`` holds the rows that were added between two checkpoints, as plain arrays; the
checkpoint's ``rlx/replay.json`` names the chunks with their hashes, and is itself in its manifest. A chunk is written
before the checkpoint that names it, and dropped when every row of it has left the buffer.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rlx.config import opened, replacing, require, sha256_of
from rlx.errors import CheckpointDamaged
from rlx.records.states import array_from
from rlx.stats import first_line

FOLDER = "replay"
MOST_ROWS = 10**9
CURE = "training cannot go on from that checkpoint (it can still act)"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Chunk:
    """A file of rows.

    Attributes:
        file: Its name in ``replay/``.
        first: The number of its first row, of all that were ever added.
        stop: The number after its last row.
        sha256: Of its bytes.
        size: Its bytes.
    """

    file: str
    first: int
    stop: int
    sha256: str
    size: int


@dataclass(frozen=True)
class StoredReplay:
    """The replay buffer that a checkpoint names.

    Attributes:
        capacity: How many rows the buffer holds.
        added: How many rows were ever added.
        chunks: Where the newest of them are, oldest first.
    """

    capacity: int
    added: int
    chunks: tuple[Chunk, ...]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(chunk.size for chunk in self.chunks)

    def to_data(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Any) -> StoredReplay:
        """Read what :meth:`to_data` gave.

        Raises:
            ValueError: It is none (also KeyError, TypeError).
        """
        chunks = tuple(Chunk(**chunk) for chunk in data["chunks"])
        counts = [data["capacity"], data["added"], *(n for c in chunks for n in (c.first, c.stop, c.size))]
        require(all(type(n) is int and n >= 0 for n in counts), "a count that is no whole number")
        require(0 < data["capacity"] <= MOST_ROWS, "a buffer of no size")
        names = [chunk.file for chunk in chunks]
        require(all(n.removesuffix(".npz").isdigit() and n.isascii() for n in names), "a file that is no chunk")
        follows = all(one.stop == other.first for one, other in itertools.pairwise(chunks))
        require(follows and all(chunk.first < chunk.stop for chunk in chunks), "chunks with gaps")
        require(not chunks or chunks[-1].stop == data["added"], "chunks that do not end with the newest row")
        whole = max(0, data["added"] - data["capacity"])
        require(data["added"] == 0 or (bool(chunks) and chunks[0].first <= whole), "chunks that lack rows")
        return cls(data["capacity"], data["added"], chunks)


class Rows(Protocol):
    """The rows of a replay buffer; see :class:`rlx.algorithms.ReplayRows`.

    Attributes:
        added: How many were ever added.
    """

    added: int

    @property
    def capacity(self) -> int:
        """How many rows the buffer holds."""

    def since(self, row: int) -> Mapping[str, Array]:
        """Return the rows from a number on that are still there, oldest first, by column."""


def write_new(folder: Path, number: int, rows: Rows, before: StoredReplay | None) -> StoredReplay:
    """Write the rows that are new since a checkpoint.

    Args:
        folder: Of the checkpoints.
        number: Which checkpoint it is for: the name of the file.
        rows: Those that there are.
        before: What the last checkpoint names; None where there is none.
    """
    oldest = max(0, rows.added - rows.capacity)
    chunks = [] if before is None else [chunk for chunk in before.chunks if chunk.stop > oldest]
    first = max(chunks[-1].stop if chunks else 0, oldest)
    if rows.added > first:
        path = folder / FOLDER / f"{number:03d}.npz"
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **rows.since(first))
        chunks.append(Chunk(path.name, first, rows.added, sha256_of(path), path.stat().st_size))
    return StoredReplay(rows.capacity, rows.added, tuple(chunks))


def drop_unneeded(folder: Path, needed: Sequence[StoredReplay]) -> None:
    """Drop the chunks that none of some checkpoints names."""
    names = {chunk.file for stored in needed for chunk in stored.chunks}
    for path in (folder / FOLDER).glob("*"):
        if path.name not in names:
            path.unlink(missing_ok=True)


def read_rings(folder: Path, stored: StoredReplay) -> dict[str, Array]:
    """Return the rows as rings: row r is at ``r % capacity``, where the capacity is no more than the rows there are.

    Raises:
        CheckpointDamaged: A file is not what the checkpoint names.
    """
    check_chunks(folder, stored)
    held = min(stored.capacity, stored.added)
    rings: dict[str, Array] = {}
    for chunk in stored.chunks:
        rows = _rows(folder / FOLDER / chunk.file, chunk)
        kept = max(0, stored.added - held - chunk.first)
        places = np.arange(chunk.first + kept, chunk.stop) % held
        for name, column in rows.items():
            if name not in rings:
                rings[name] = np.zeros((held, *column.shape[1:]), column.dtype)
            if column.dtype != rings[name].dtype or column.shape[1:] != rings[name].shape[1:]:
                raise CheckpointDamaged(
                    f"{folder / FOLDER / chunk.file}: its columns are not those of the other chunks"
                )
            rings[name][places] = column[kept:]
    return rings


def replay_of(folder: Path) -> tuple[int, float] | None:
    """Return the bytes of the replay buffers below a folder of checkpoints, and when the newest part was written (seconds since 1970).

    None where there are none.
    """
    found = [path.stat() for path in folder.glob(f"seed_*/{FOLDER}/*.npz")]
    return (sum(each.st_size for each in found), max(each.st_mtime for each in found)) if found else None


def check_chunks(folder: Path, stored: StoredReplay) -> None:
    """Check that all files are there, and what the checkpoint names.

    Raises:
        CheckpointDamaged: One is not.
    """
    for chunk in stored.chunks:
        path = folder / FOLDER / chunk.file
        if not path.is_file() or path.stat().st_size != chunk.size or sha256_of(path) != chunk.sha256:
            raise CheckpointDamaged(f"{path}: a part of the replay buffer is missing or damaged; {CURE}")


def _rows(path: Path, chunk: Chunk) -> dict[str, Array]:
    try:
        with opened(path) as archive:
            found = {name.removesuffix(".npy"): array_from(archive.read(name)) for name in archive.namelist()}
        require(all(len(column) == chunk.stop - chunk.first for column in found.values()), "another number of rows")
    except (ValueError, TypeError, io.UnsupportedOperation) as error:
        raise CheckpointDamaged(f"{path}: is no part of a replay buffer: {first_line(error)}; {CURE}") from None
    return found
