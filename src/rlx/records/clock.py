"""``clock.csv``: when a seed's training made each row of ``metrics.jsonl``; its one reader and one writer.

It tells how fast a machine was, and no result: it lies among the logs, and may be missing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rlx.config import lines, write_text
from rlx.records.event_files import read_times

CLOCK = "clock.csv"
_HEADER = "step,seconds,update_seconds"


class Clock(NamedTuple):
    """When a seed made its rows.

    Attributes:
        seconds: By environment step, the seconds of training until then, without pauses between sessions and without
            work that was lost and done again. A training that goes on from another run's checkpoint has its first there.
        update_seconds: By environment step, how long the update of the network took, without the steps it learned from;
            only where that is known.
    """

    seconds: dict[int, float]
    update_seconds: dict[int, float]


class Moment(NamedTuple):
    """One row of the file; seconds of the update are None where they are not known."""

    step: int
    seconds: float
    update_seconds: float | None


class ClockWriter:
    """Appends a seed's moments to ``clock.csv`` as training goes."""

    def __init__(self, folder: Path, after_step: int):
        """Open the file in ``folder``, keeping the rows up to ``after_step`` and dropping later ones (work that was lost)."""
        known = read_clock(folder)
        kept = [
            Moment(step, seconds, known.update_seconds.get(step))
            for step, seconds in sorted(known.seconds.items())
            if step <= after_step
        ]
        write_text(folder / CLOCK, "".join(f"{line}\n" for line in (_HEADER, *map(_line, kept))))
        self._before = max((moment.seconds for moment in kept), default=0.0)
        self._began = time.monotonic()
        self._file = (folder / CLOCK).open("a", encoding="utf-8", newline="\n")

    def add(self, step: int, update_seconds: float | None) -> None:
        """Note that the iteration that ends at ``step`` is done, and how long its update took (None where nobody says)."""
        seconds = self._before + time.monotonic() - self._began
        self._file.write(_line(Moment(step, seconds, update_seconds)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_clock(folder: Path) -> Clock:
    """Return the clock of a seed from the folder of its logs; empty where there is none.

    Seeds that an older rlx trained have none, but event files that say the same.

    Raises:
        DataDamaged: Something else than a file of bounded size stands in its place.
    """
    path = folder / CLOCK
    if not path.exists():
        return Clock(*read_times(folder))
    clock = Clock({}, {})
    for moment in _moments(path):
        clock.seconds[moment.step] = moment.seconds
        if moment.update_seconds is not None:
            clock.update_seconds[moment.step] = moment.update_seconds
    return clock


def parse_moment(line: str) -> Moment | None:
    """Read one line of the file; None where it is none (the header, or what a killed process left half-written)."""
    parts = line.removesuffix("\n").split(",")
    if not line.endswith("\n") or len(parts) != 3:
        return None
    try:
        moment = Moment(int(parts[0]), float(parts[1]), float(parts[2]) if parts[2] else None)
    except ValueError:
        return None
    return moment if math.isfinite(moment.seconds) and math.isfinite(moment.update_seconds or 0.0) else None


def _moments(path: Path) -> Iterator[Moment]:
    return (moment for _, line in lines(path) if (moment := parse_moment(line)) is not None)


def _line(moment: Moment) -> str:
    update = "" if moment.update_seconds is None else f"{moment.update_seconds:.6f}"
    return f"{moment.step},{moment.seconds:.6f},{update}"
