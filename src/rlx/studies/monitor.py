"""What is going on in a study just now: its status, who holds it, and how far its starts are. Nothing is ever written.

Facts of starts are read from the live folders of experiments, ``runs/<experiment>/``, and of other repositories from where
their commands write.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlx.config import Section, read_json
from rlx.errors import DataDamaged
from rlx.experiments import progress
from rlx.launch import is_same
from rlx.records import bytes_below, last_lines, metrics_files, notes_of
from rlx.studies.foretelling import Foretold, foretold_of
from rlx.studies.ledger.state import Started
from rlx.studies.monitor_foreign import foreign_progress
from rlx.studies.report_points import steps_per_seed
from rlx.studies.status import NextAction, StudyStatus, status_of
from rlx.studies.study import Study
from rlx.studies.trainers import ADAPTER

EARLY = 0.01
"""The share of a start before which its own pace tells nothing."""


class Holder(Section):
    """Who holds the study."""

    pid: int
    host: str
    since: str
    alive: bool | None
    """Whether it still runs; null where it is on another machine, which cannot be seen."""


class LiveStart(Section):
    """How far an open start is."""

    experiment: str
    candidate: str
    phase: str
    seeds: int
    alive: bool
    """Whether the process that makes it runs, by its pid and the moment it started."""
    pid: int | None
    stage: str | None
    """Which stage is at work."""
    progress: float | None
    """The share of its environment steps that is trained."""
    steps_per_second: float | None
    """Since it began."""
    row_age: float | None
    """Seconds since its last row of metrics."""
    row_pace: float | None
    """Seconds between two rows at the floor's pace; where that trained nothing, at its own since it began."""
    memory: int | None
    """Bytes that its processes hold."""
    disk: int | None
    """Bytes that its seeds have on the bench."""
    non_finite: list[str]
    """Metrics of its last rows that are no finite number."""
    findings: list[str]
    """What diagnosis finds so far, where it is asked; of a confirmation nothing, whose scores reach nobody before it is decided."""
    expected_end: str | None
    """When its training ends at this pace, in UTC."""


class StudyMonitor(StudyStatus):
    """`rlx study status --json`: what `state.json` has, and what is going on just now."""

    holder: Holder | None
    live: list[LiveStart]
    foretold: Foretold | None
    """What the contract can show, by the seeds that its baseline has already; null once the floor is there."""


def monitored(
    study: Study, now: float | None = None, findings: Callable[[Path], list[str]] = lambda _: []
) -> StudyMonitor:
    """Return what is going on in a study.

    Args:
        study: The study, its ledger read.
        now: The moment, in seconds since 1970; None: this one.
        findings: Returns what diagnosis finds in a live folder.

    Raises:
        ConfigError, Missing: No contract can be read.
    """
    moment = time.time() if now is None else now
    found = status_of(study)
    holder = holder_of(study)
    is_foreign = (study.folder.parent / ADAPTER).is_file()
    looked = [
        _foreign(study, start, holder, moment) if is_foreign else _live(study, start, moment)
        for start in study.state.open_starts
    ]
    live = [
        each
        if each.phase == "confirmation" or is_foreign
        else each.model_copy(update={"findings": findings(study.root / "runs" / each.experiment)})
        for each in looked
        if each is not None
    ]
    if holder is not None and holder.alive is not False:
        watch = f"rlx study status {study.name} --watch"
        found = found.model_copy(update={"next": NextAction(action="wait", command=watch, why="a loop is at work")})
    elif found.open and not any(each.alive for each in live) and found.next.action in ("run", "wait"):
        first, more = found.open[0].experiment, len(found.open) - 1
        what = f"{first} and {more} more were left open, and go" if more else f"{first} was left open, and goes"
        command, why = f"rlx study run {study.name} --execute", f"{what} on with the same bits"
        found = found.model_copy(update={"next": NextAction(action="run", command=command, why=why)})
    steps = study.state.created.get("steps")
    told = None if found.floor is not None or steps is None else foretold_of(study, int(steps))
    return StudyMonitor(**dict(found), holder=holder, live=live, foretold=told)


def holder_of(study: Study) -> Holder | None:
    """Return who holds a study, by its note on this machine; None where nobody does."""
    try:
        note = read_json(study.holder_note)
        pid, host, since = int(note["pid"]), str(note["host"]), str(note["since"])
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return None
    return Holder(pid=pid, host=host, since=since, alive=is_same(pid, None) if host == socket.gethostname() else None)


def _live(study: Study, start: Started, now: float) -> LiveStart | None:
    folder = study.root / "runs" / str(start.data["experiment"])
    if not folder.is_dir():
        return None
    notes = notes_of(folder)
    note = notes.stage or notes.making
    maker = notes.making or notes.stage
    try:
        files = metrics_files(folder)
        tails = {path: _last_rows(path) for path in files}
    except OSError:
        files, tails = [], {}
    done = progress(folder)
    rate = _rate(study, start, done, now)
    return LiveStart(
        experiment=folder.name,
        candidate=str(start.data["candidate"]),
        phase=start.phase,
        seeds=len(start.seeds),
        alive=maker is not None,
        pid=None if note is None else note.process.pid,
        stage=None if note is None else note.stage,
        progress=done,
        steps_per_second=rate,
        row_age=_age(files, now),
        row_pace=_pace(study, list(tails.values()), rate),
        memory=None if note is None or note.process.host != socket.gethostname() else _memory(note.process.pid),
        disk=_disk(files),
        non_finite=sorted({name for rows in tails.values() for row in rows[-1:] for name in _non_finite(row)}),
        findings=[],
        expected_end=_end(study, start, (done, rate), now),
    )


def _foreign(study: Study, start: Started, holder: Holder | None, now: float) -> LiveStart | None:
    """Return how far a start in a foreign repository is; its commands run below whoever holds the study."""
    seen = foreign_progress(study, start)
    if seen is None:
        return None
    alive = holder is not None and holder.alive is True
    rate = _rate(study, start, seen.done, now)
    return LiveStart(
        experiment=str(start.data["experiment"]),
        candidate=str(start.data["candidate"]),
        phase=start.phase,
        seeds=len(start.seeds),
        alive=alive,
        pid=holder.pid if alive and holder is not None else None,
        stage=seen.stage,
        progress=seen.done,
        steps_per_second=rate,
        row_age=_age(seen.files, now),
        row_pace=None,
        memory=_memory(holder.pid) if alive and holder is not None else None,
        disk=bytes_below(seen.folder),
        non_finite=list(seen.non_finite),
        findings=[],
        expected_end=_end(study, start, (seen.done, rate), now),
    )


# --- rows of metrics ----------------------------------------------------------------------------------------------------


def _last_rows(path: Path) -> list[dict[str, Any]]:
    """Return the last whole rows of a file of metrics, of which only the end is read."""
    rows = []
    for text in last_lines(path, 2):
        with suppress(ValueError, RecursionError):
            row = json.loads(re.sub(rb"\bNaN\b|-?\bInfinity\b", b"null", text))
            if isinstance(row, dict):
                rows.append(row)
    return rows


def _non_finite(row: dict[str, Any]) -> list[str]:
    return [str(name) for name, value in row.items() if value is None]


def _age(files: Sequence[Path], now: float) -> float | None:
    moments = []
    for path in files:
        with suppress(OSError):
            moments.append(path.stat().st_mtime)
    return round(max(0.0, now - max(moments)), 1) if moments else None


def _pace(study: Study, tails: Sequence[list[dict[str, Any]]], own: float | None) -> float | None:
    """Return how many seconds usually lie between two rows: by the floor's steps a second, or else by its own."""
    pace = (study.state.floor or {}).get("pace") or {}
    gaps = [rows[-1].get("step", 0) - rows[-2].get("step", 0) for rows in tails if len(rows) > 1]
    gaps = [gap for gap in gaps if isinstance(gap, int) and gap > 0]
    rate = float(pace["steps"]) / float(pace["seconds"]) if pace.get("steps") and pace.get("seconds") else own
    return float(round(min(gaps) / rate, 3)) if gaps and rate else None


def _total(study: Study, start: Started) -> int | None:
    if start.phase == "smoke":
        return None
    each = steps_per_seed(study.contract, study.state, str(start.data["candidate"]))
    return None if each is None else each * len(start.seeds)


def _rate(study: Study, start: Started, done: float | None, now: float) -> float | None:
    """Return the steps a second since a start began; None before it has trained a hundredth."""
    began, total = _began(study, start), _total(study, start)
    if done is None or done < EARLY or total is None or began is None or now <= began:
        return None
    return round(done * total / (now - began), 1)


def _began(study: Study, start: Started) -> float | None:
    with suppress(ValueError, IndexError):
        return datetime.fromisoformat(study.ledger.lines[start.seq].time).timestamp()
    return None


def _end(study: Study, start: Started, seen: tuple[float | None, float | None], now: float) -> str | None:
    """Return when the training of a start ends: at its own pace, or before that tells anything at the floor's."""
    done, rate = seen
    total = _total(study, start)
    pace = (study.state.floor or {}).get("pace") or {}
    if rate is None and pace.get("steps") and pace.get("seconds"):
        rate = float(pace["steps"]) / float(pace["seconds"])
    if not rate or total is None or done is None or done >= 1:
        return None
    moment = datetime.fromtimestamp(now + (1 - done) * total / rate, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the machine --------------------------------------------------------------------------------------------------------


def _memory(pid: int) -> int | None:
    """Return the bytes that a process of this machine and those below it hold."""
    import psutil

    try:
        own = psutil.Process(pid)
        return int(sum(each.memory_info().rss for each in (own, *own.children(recursive=True))))
    except (psutil.Error, OSError):
        return None


def _disk(files: Sequence[Path]) -> int | None:
    try:
        return sum(bytes_below(path.parent.resolve()) for path in files) if files else None
    except OSError:
        return None
