"""TensorBoard event files, written as training goes (tensorboardX's record writer, without its threads)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

FLUSH_SECONDS = 2.0


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
