"""``run-….wandb`` of an offline W&B run: its history and summary, read without W&B.

The file is a log of LevelDB (doc/log_format.md there) behind a header of seven bytes; each of its records is a ``Record`` of
W&B's ``wandb_internal.proto``, of which only history and summary are looked at. Older versions of W&B also wrote
``wandb-summary.json``; 0.31 writes this log alone.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlx.config import read_bytes
from rlx.errors import DataDamaged

MAGIC = b":W&B"
HEADER = 7
BLOCK = 32768
_FRAME = struct.Struct("<IHB")
"""Checksum, length and kind of a piece of a record."""
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, SUMMARY = 2, 3
"""Fields of ``Record``."""
ITEM, STEP = 1, 2
"""Fields of ``HistoryRecord``, and (the first) of ``SummaryRecord``."""
KEY, NESTED_KEY, VALUE = 1, 2, 16
"""Fields of an item."""


def read_run(path: Path, most: int) -> list[dict[str, Any]]:
    """Return the rows of a run's history, each with its ``_step``; what only the summary has is a last row.

    What a killed process left half-written ends it.

    Raises:
        DataDamaged: It is no such file, or has more than ``most`` bytes.
    """
    content = read_bytes(path, most)
    if not content.startswith(MAGIC):
        raise DataDamaged(f"{path}: is not a log of W&B")
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    try:
        for record in _records(content):
            for field, value in _fields(record):
                if field == HISTORY and isinstance(value, bytes):
                    rows.append(_row(value))
                elif field == SUMMARY and isinstance(value, bytes):
                    summary |= _row(value)
    except (ValueError, IndexError, RecursionError) as error:
        raise DataDamaged(f"{path}: is not a log of W&B ({str(error)[:80]})") from None
    known = {key for row in rows for key in row}
    rest = {key: value for key, value in summary.items() if key not in known}
    return [*rows, rest] if rest else rows


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records, put together from their pieces."""
    place, begun = HEADER, b""
    while place + _FRAME.size <= len(content):
        if BLOCK - place % BLOCK < _FRAME.size:  # the rest of a block is padding
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = _FRAME.unpack_from(content, place)
        place += _FRAME.size
        piece = content[place : place + length]
        if len(piece) < length or kind not in (FULL, FIRST, MIDDLE, LAST):
            return
        place += length
        begun = piece if kind in (FULL, FIRST) else begun + piece
        if kind in (FULL, LAST):
            yield begun


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message in protobuf's wire format: numbers, and bytes of texts and messages."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
        elif kind == 2:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("a field is cut")
            yield number, message[place : place + length]
            place += length
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("a number that does not end")


def _row(message: bytes) -> dict[str, Any]:
    """Return what a ``HistoryRecord`` or ``SummaryRecord`` holds."""
    row: dict[str, Any] = {}
    for field, value in _fields(message):
        if field == ITEM and isinstance(value, bytes):
            key, told = _item(value)
            row[key] = told
        elif field == STEP and isinstance(value, bytes):
            row["_step"] = next((number for name, number in _fields(value) if name == 1), 0)
    return row


def _item(message: bytes) -> tuple[str, Any]:
    key, nested, told = "", [], b"null"
    for field, value in _fields(message):
        if isinstance(value, bytes):
            key = value.decode() if field == KEY else key
            nested += [value.decode()] if field == NESTED_KEY else []
            told = value if field == VALUE else told
    return key or ".".join(nested), json.loads(told)
