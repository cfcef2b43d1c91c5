"""TensorBoard event files, written as training goes (tensorboardX's record writer, without its threads)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar


class TensorBoardLog:
    """Appends scalars to a new event file of ``folder``."""

    def __init__(self, folder: Path, first_step: int):
        """Start a file; TensorBoard ignores what earlier files of the folder say from ``first_step`` on."""
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        if first_step > 0:
            log = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=time.time(), step=first_step, session_log=log))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of one step."""
        for name, value in values.items():
            self._writer.write_event(Event(wall_time=time.time(), step=step, summary=scalar(name, value)))
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
