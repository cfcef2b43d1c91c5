"""Event files of seeds trained by an older rlx, which kept no ``clock.csv``: when each update was."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlx.config import MOST_TABLE_BYTES, UPDATE_SECONDS, read_bytes

_LENGTH, _CHECKSUM = 8, 4
"""Bytes around a record (TFRecord): its length, a checksum of that, the record, a checksum of the record."""


def read_times(folder: Path) -> tuple[dict[int, float], dict[int, float]]:
    """Return, by environment step, the seconds of training until then, and the seconds of the update there.

    Sessions are put end to end: neither the pause before a resume counts, nor work that was lost and done again. Empty
    where nothing is logged.
    """
    paths = [*folder.glob("events.out.tfevents.*")]
    sessions = [events for path in paths if (events := list(_events(path)))]
    seconds: dict[int, float] = {}
    updates: dict[int, float] = {}
    for session in sorted(sessions, key=lambda events: float(events[0].wall_time)):
        first = next((event.step for event in session if event.HasField("session_log")), 0)
        seconds = {step: moment for step, moment in seconds.items() if step < first}
        before, start = max(seconds.values(), default=0.0), session[0].wall_time
        for event in session:
            if event.HasField("summary"):
                seconds[event.step] = before + max(0.0, event.wall_time - start)
                for value in event.summary.value:
                    if value.tag == UPDATE_SECONDS:
                        updates[event.step] = value.simple_value
    return seconds, updates


def _events(path: Path) -> Iterator[Any]:
    """Yield the events of a file; what a killed process left half-written ends it."""
    from google.protobuf.message import DecodeError

    from rlx.records.event_messages import Event

    content, place = memoryview(read_bytes(path, MOST_TABLE_BYTES)), 0
    while place + _LENGTH + _CHECKSUM <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        start = place + _LENGTH + _CHECKSUM
        place = start + length + _CHECKSUM
        if place > len(content):
            return
        try:
            yield Event.FromString(bytes(content[start : start + length]))
        except DecodeError:
            return
