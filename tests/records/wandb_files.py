"""Reads the files that W&B writes offline: LevelDB's log format around W&B's own messages (its library no longer reads them)."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK, _HEAD = 32768, 7
"""LevelDB's log format: blocks of 32 KiB; before each piece its checksum (4), length (2), and which piece of a record (1)."""
_FULL, _LAST = 1, 4


def records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each record of a file with its kind, such as ``history``; what a kill cut off ends it."""
    from wandb.proto import wandb_internal_pb2

    content, place, parts = path.read_bytes(), _HEAD, b""
    assert content[:4] == b":W&B"
    while place + _HEAD <= len(content):
        if _BLOCK - place % _BLOCK < _HEAD:
            place += _BLOCK - place % _BLOCK
            continue
        _, length, piece = struct.unpack_from("<IHB", content, place)
        place += _HEAD + length
        if not piece or place > len(content):
            return
        parts += content[place - length : place]
        if piece in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            kind, parts = str(record.WhichOneof("record_type")), b""
            yield kind, getattr(record, kind)


def items(told: Any) -> dict[str, Any]:
    """Return names and values of a message that holds them as JSON."""
    return {each.key or ".".join(each.nested_key): json.loads(each.value_json) for each in told}
