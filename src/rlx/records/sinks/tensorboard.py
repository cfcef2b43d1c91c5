"""Event files for TensorBoard: a folder for each seed, written anew from the first row whenever it is opened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.records.clock import CLOCK, read_clock
from rlx.records.sinks.sink import FINISHED, SECONDS

MEASURES = ("rollout/return_mean", "validation/return_mean")
"""Columns of TensorBoard's table of settings (its HPARAMS page)."""


class TensorBoard:
    """A seed's event file: an event for each row, the settings before and how it ended after them."""

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Drop the event files of earlier openings, and begin one; always asks for all rows."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.summary import hparams

        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("events.out.tfevents.*"):
            old.unlink()
        self._began = self._newest = _began(place)
        self._writer = EventsWriter(str(place / "events"))
        settings = {
            key: value if isinstance(value, bool | int | float) else str(value)
            for key, value in config.items()
            if value is not None
        }
        columns, start, self._end = hparams(settings, dict.fromkeys(MEASURES, 0.0))
        self._add(0, columns)
        self._add(0, start)
        return -1

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Write the values of a row as one event, at the moment that the clock says."""
        from tensorboardX.proto.summary_pb2 import Summary
        from tensorboardX.summary import scalar

        summary = Summary()
        for name, value in row.items():
            if name == SECONDS:
                self._newest = self._began + value
            else:
                summary.MergeFrom(scalar(name, value))
        self._add(step, summary)

    def flush(self) -> None:
        """Bring everything to disk."""
        self._writer.flush()

    def close(self, state: str) -> None:
        """Say that the training has ended, if it has, and close the file."""
        if state == FINISHED:
            self._add(0, self._end)
        self._writer.close()

    def _add(self, step: int, summary: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=self._newest, step=step, summary=summary))


def _began(place: Path) -> float:
    """Return when the training would have begun, had it never been interrupted."""
    clock = read_clock(place)
    if not clock.seconds:
        return time.time()
    return (place / CLOCK).stat().st_mtime - max(clock.seconds.values())
