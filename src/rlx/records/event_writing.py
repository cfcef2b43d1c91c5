"""Writing TensorBoard's event files: records of events behind each other, each with checksums (TFRecord)."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Any

from rlx.records.event_messages import Event

PATTERN = "events.out.tfevents.*"
"""What event files are called."""
_POLYNOMIAL = 0x82F63B78
"""Of CRC-32C (Castagnoli, RFC 3720), bits reversed."""
_MASK = 0xA282EAD8
"""What a checksum is masked with, so that one of data with checksums in it is not special (TensorFlow's ``crc32c.h``)."""


def _row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_row(byte) for byte in range(256))


def checksum(data: bytes) -> int:
    """Return the masked CRC-32C that a record carries."""
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


class EventFile:
    """A new event file in a folder; beside others, of which TensorBoard reads all."""

    def __init__(self, folder: Path, moment: float):
        """Begin it.

        Args:
            folder: Where; it is there.
            moment: When what it tells of began, in seconds since 1970.
        """
        name = PATTERN.replace("*", f"{int(moment):010d}.{socket.gethostname()}.{os.getpid()}")
        self._file = (folder / name).open("wb")
        self.add(Event(wall_time=moment, file_version="brain.Event:2"))

    def add(self, event: Any) -> None:
        """Write an event."""
        content = event.SerializeToString()
        length = struct.pack("<Q", len(content))
        self._file.write(length + struct.pack("<I", checksum(length)))
        self._file.write(content + struct.pack("<I", checksum(content)))

    def flush(self) -> None:
        """Bring everything to where it survives a kill of this process."""
        self._file.flush()

    def close(self) -> None:
        """End it."""
        self._file.close()
