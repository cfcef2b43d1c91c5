"""What rlx notes beside what it sends to sinks: of each what it holds, what is due, and whether its loss was said.

Notes only: without them everything is sent again, and a sink keeps one of what is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import read_json, write_json
from rlx.errors import DataDamaged
from rlx.records.sinks.place import made_folder, trackers_folder

AGAIN_AFTER = 600.0
"""Seconds after which a sink that failed in the training of a run is tried again with that run's results."""


@dataclass(frozen=True)
class SinkNotes:
    """The notes on one sink of a project.

    Attributes:
        root: The project.
        sink: The sink's name.
    """

    root: Path
    sink: str

    @property
    def _folder(self) -> Path:
        return trackers_folder(self.root) / ".notes" / self.sink

    def owe(self, run: str, verdict: Mapping[str, str]) -> None:
        """Note that the sink is to get what came of a run."""
        made_folder(trackers_folder(self.root))
        write_json(self._folder / "due" / f"{run}.json", dict(verdict))

    def due(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the runs of which the sink is to get what came, with what was judged of each."""
        for path in sorted((self._folder / "due").glob("*.json")):
            yield path.stem, {str(name): str(value) for name, value in _read(path).items()}

    def settle(self, run: str) -> None:
        """Note that nothing is due of a run."""
        (self._folder / "due" / f"{run}.json").unlink(missing_ok=True)

    def held(self, run: str) -> dict[str, Any]:
        """Return the digests of what the sink holds of a run, by record."""
        return _read(self._folder / "held" / f"{run}.json")

    def hold(self, run: str, digests: Mapping[str, str]) -> None:
        """Note what the sink holds of a run."""
        write_json(self._folder / "held" / f"{run}.json", dict(digests))

    def lose(self, run: str, *, is_gone: bool = True) -> None:
        """Note that the sink failed, and that this was said of a run; it may also only have been slow."""
        with suppress(OSError):  # a full disk is no reason to fail
            made_folder(trackers_folder(self.root))
            write_json(self._folder / "lost.json", {"run": run, "when": time.time() if is_gone else 0.0})

    def lost(self) -> tuple[str, bool] | None:
        """Return of which run the sink was said to fail, and whether it has failed just now; None where it has not."""
        note = _read(self._folder / "lost.json")
        try:
            return str(note["run"]), time.time() - float(note["when"]) < AGAIN_AFTER
        except (KeyError, TypeError, ValueError):
            return None

    def leave_word(self, run: str, line: str) -> None:
        """Note what was said in the making of an experiment, for whoever makes it: perhaps nobody has heard it there."""
        with suppress(OSError):
            write_json(self._folder / "words" / f"{run}.json", {"line": line})

    def take_word(self, run: str) -> str | None:
        """Return what was said in the making of an experiment, once; None where nothing was."""
        path = self._folder / "words" / f"{run}.json"
        line = _read(path).get("line")
        path.unlink(missing_ok=True)
        return None if line is None else str(line)

    def find(self) -> None:
        """Note that the sink works."""
        (self._folder / "lost.json").unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError, DataDamaged):
        return {}
    return content if isinstance(content, dict) else {}
