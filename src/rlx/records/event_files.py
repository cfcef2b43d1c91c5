"""TensorBoard's event files, read: the scalars of any program, and when each update of an older rlx was.

An older rlx kept no ``clock.csv``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rlx.config import MOST_TABLE_BYTES, UPDATE_SECONDS, read_bytes

_LENGTH, _CHECKSUM = 8, 4
"""Bytes around a record (TFRecord): its length, a checksum of that, the record, a checksum of the record."""
_FLOAT, _DOUBLE = 1, 2
"""Types of a tensor (``DataType`` of TensorFlow's types.proto)."""


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


def read_scalars(paths: Iterable[Path]) -> dict[str, list[tuple[int, float]]]:
    """Return the scalars in event files: by tag, steps and values in the order of their steps.

    Those of PyTorch and tensorboardX are plain values, those of TensorFlow 2 tensors with one number. Of a step that is
    there twice the one that was written later counts, as a resumed training does such steps again.

    Args:
        paths: The files, of one training.

    Raises:
        DataDamaged: One is no file, or too large.
    """
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for path in paths:
        for event in _events(path):
            for value in event.summary.value if event.HasField("summary") else ():
                number = _scalar(value)
                if number is not None:
                    points = found.setdefault(value.tag, {})
                    if event.step not in points or points[event.step][0] <= event.wall_time:
                        points[event.step] = (event.wall_time, number)
    return {tag: [(step, points[step][1]) for step in sorted(points)] for tag, points in found.items()}


def _scalar(value: Any) -> float | None:
    """Return the number that a value of an event holds; None where it is something else."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    tensor = value.tensor
    if not value.HasField("tensor") or any(dimension.size != 1 for dimension in tensor.tensor_shape.dim):
        return None
    if len(tensor.float_val) == 1:
        return float(tensor.float_val[0])
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(tensor.dtype)
    if form is None or len(tensor.tensor_content) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, tensor.tensor_content)[0])


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
