"""Event files for TensorBoard: a folder for each seed, written anew from the first row whenever it is opened."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import COMMON
from rlx.records.clock import CLOCK, read_clock
from rlx.records.sinks.sink import FAILED, FINISHED, HELD_OUT, SECONDS, Artifact

if TYPE_CHECKING:  # protobuf is loaded with the first record
    from rlx.records.event_writing import EventFile

FPS = "time/fps"
"""Environment steps per second of training until a row, as Stable-Baselines3 has it."""
TAGS = {name: row.sb3_name for name, row in COMMON.items() if row.sb3_name}
"""What Stable-Baselines3 calls a metric, where that is another name than rlx's."""
MEASURES = (TAGS["rollout/return_mean"], TAGS["validation/return_mean"], HELD_OUT)
"""Columns of TensorBoard's table of settings (its HPARAMS page)."""
_TEXT, _NUMBER, _TRUTH = 1, 2, 3
"""``DataType`` of a setting (TensorBoard's ``api.proto``)."""
_STATUS = {FINISHED: 1, FAILED: 2}
"""``Status`` of a session there; of one that was stopped nothing is said."""
_STRING = 7
"""``DT_STRING`` of TensorFlow's ``types.proto``."""


class TensorBoard:
    """A seed's event file: an event for each row, the settings before and how it ended after them."""

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Drop the event files of earlier openings, and begin one; always asks for all rows."""
        from rlx.records.event_writing import PATTERN, EventFile

        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob(PATTERN):
            old.unlink()
        self._began = self._newest = _began(place)
        self._step = 0
        self._file: EventFile = EventFile(place, self._began)
        settings = {key: _plain(value) for key, value in config.items() if value is not None}
        self._tell("experiment", experiment=_columns(settings))
        start = {"hparams": [_named(*item) for item in settings.items()], "group_name": run}
        self._tell("session_start_info", session_start_info={**start, "start_time_secs": self._began})
        return -1

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Write the values of a row as one event, at the moment that the clock says."""
        values = [
            {"tag": TAGS.get(name, name), "simple_value": value} for name, value in row.items() if name != SECONDS
        ]
        if seconds := row.get(SECONDS):
            self._newest = self._began + seconds
            values.append({"tag": FPS, "simple_value": step / seconds})
        self._add(step, values)
        self._step = step

    def flush(self) -> None:
        """Bring everything to disk."""
        self._file.flush()

    def conclude(self, summary: Mapping[str, float | str], artifacts: Sequence[Artifact]) -> None:
        """Write scores as scalars at the last step, verdicts as text, and plots as images."""
        for name, value in summary.items():
            if isinstance(value, str):
                self._add(self._step, [_text(name, value)])
            else:
                self._add(self._step, [{"tag": name, "simple_value": value}])
        for artifact in artifacts:
            if artifact.path.suffix == ".png":
                self._add(self._step, [_image(artifact)])

    def close(self, state: str) -> None:
        """Say that the training has ended, if it has, and close the file."""
        if state in _STATUS:
            end = {"status": _STATUS[state], "end_time_secs": self._newest}
            self._tell("session_end_info", session_end_info=end)
        self._file.close()

    def _tell(self, what: str, **content: Any) -> None:
        """Write what the page HPARAMS reads."""
        from rlx.records.event_messages import HParams

        told = {"plugin_name": "hparams", "content": HParams(**content).SerializeToString()}
        self._add(0, [{"tag": f"_hparams_/{what}", "metadata": {"plugin_data": told}}])

    def _add(self, step: int, values: Sequence[Mapping[str, Any]]) -> None:
        from rlx.records.event_messages import Event

        self._file.add(Event(wall_time=self._newest, step=step, summary={"value": values}))


def _columns(settings: Mapping[str, bool | float | str]) -> dict[str, Any]:
    """Return which settings and measures are columns of the table."""
    infos = [{"name": name, "type": _kind(value)} for name, value in settings.items()]
    return {"hparam_infos": infos, "metric_infos": [{"name": {"tag": tag}} for tag in MEASURES]}


def _plain(value: Any) -> bool | float | str:
    return value if isinstance(value, bool | int | float) else str(value)


def _kind(value: bool | float | str) -> int:
    return _TEXT if isinstance(value, str) else _TRUTH if isinstance(value, bool) else _NUMBER


def _named(name: str, value: bool | float | str) -> dict[str, Any]:
    field = {_TEXT: "string_value", _TRUTH: "bool_value", _NUMBER: "number_value"}[_kind(value)]
    return {"key": name, "value": {field: value}}


def _text(name: str, text: str) -> dict[str, Any]:
    tensor = {"dtype": _STRING, "tensor_shape": {"dim": [{"size": 1}]}, "string_val": [text.encode()]}
    return {"tag": f"{name}/text_summary", "metadata": {"plugin_data": {"plugin_name": "text"}}, "tensor": tensor}


def _image(artifact: Artifact) -> dict[str, Any]:
    content = artifact.path.read_bytes()
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))  # of a PNG's first chunk
    return {
        "tag": artifact.name,
        "image": {"width": width, "height": height, "colorspace": 4, "encoded_image_string": content},
    }


def _began(place: Path) -> float:
    """Return when the training would have begun, had it never been interrupted."""
    clock = read_clock(place)
    if not clock.seconds:
        return time.time()
    return (place / CLOCK).stat().st_mtime - max(clock.seconds.values())
