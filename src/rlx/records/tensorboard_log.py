"""TensorBoard event files: written as training goes (tensorboardX's record writer, without its threads), and read."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from rlx.config import MOST_TABLE_BYTES, read_bytes

FLUSH_SECONDS = 2.0
UPDATE_SECONDS = "time/update_seconds"
"""How long the update of the network took, without the steps it learned from."""
_LENGTH, _CHECKSUM = 8, 4
"""Bytes around a record (TFRecord): its length, a checksum of that, the record, a checksum of the record."""


class TensorBoardLog:
    """Appends scalars to a new event file of ``folder``."""

    def __init__(self, folder: Path, first_step: int):
        """Start a file; TensorBoard ignores what earlier files of the folder say from ``first_step`` on."""
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        if first_step > 0:
            log = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=time.time(), step=first_step, session_log=log))

        self._flushed = time.monotonic()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of one step, as one event; on disk within :data:`FLUSH_SECONDS` of the next one."""
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._writer.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=scalars)))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Bring everything to disk."""
        self._writer.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def training_clock(folder: Path) -> dict[int, float]:
    """Return, by environment step, the seconds of training until then, from the event files of one seed.

    Sessions are put end to end: neither the pause before a resume counts, nor work that was lost and done again. A
    training that goes on from another run's checkpoint has its first second there. Empty where nothing is logged.
    """
    return training_times(folder)[0]


def training_times(folder: Path) -> tuple[dict[int, float], dict[int, float]]:
    """Return :func:`training_clock`, and by environment step the seconds of the update there, where they are logged."""
    sessions = [events for path in folder.glob("events.out.tfevents.*") if (events := list(_events(path)))]
    clock: dict[int, float] = {}
    updates: dict[int, float] = {}
    for session in sorted(sessions, key=lambda events: float(events[0].wall_time)):
        first = next((event.step for event in session if event.HasField("session_log")), 0)
        clock = {step: seconds for step, seconds in clock.items() if step < first}
        before, start = max(clock.values(), default=0.0), session[0].wall_time
        for event in session:
            if event.HasField("summary"):
                clock[event.step] = before + max(0.0, event.wall_time - start)
                for value in event.summary.value:
                    if value.tag == UPDATE_SECONDS:
                        updates[event.step] = value.simple_value
    return clock, updates


def _events(path: Path) -> Iterator[Any]:
    """Yield the events of a file; what a killed process left half-written ends it."""
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
