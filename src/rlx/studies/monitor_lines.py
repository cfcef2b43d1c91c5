"""What is going on in a study, as lines of a terminal: a person sees at a glance where it stands and what to type next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from rlx.launch import shown_duration
from rlx.stats import MISSING, number, p_value, visible
from rlx.studies.ledger.line import Line
from rlx.studies.ledger.state import OPEN, RESOURCES
from rlx.studies.monitor import LiveStart, StudyMonitor
from rlx.studies.report_contract import shown_resource
from rlx.studies.status import CandidateStatus

NAME = 12
"""Columns of the names on the left."""
BAR = 16
"""Columns of a bar."""
MOST_DECIDED = 8
"""Candidates shown that are decided; those that are not are shown all."""
SHORT = {"confirmation": "confirm", "promotion": "promo", "trial": "trial", "smoke": "smoke"}
"""Phases, the furthest first, and what they are called in a table."""
ORDER = {name: place for place, name in enumerate(SHORT)}


def status_lines(found: StudyMonitor, width: int = 80) -> list[str]:
    """Return what is going on in a study, in lines of at most so many columns.

    Args:
        found: What is going on.
        width: Columns.
    """
    lines = [
        *_head(found, width), *_numbers(found), *_running(found), *_candidates(found, width), *_queue(found, width),
    ]  # fmt: skip
    lines += [part for text in found.health for part in _wrapped("beware", text, width)]
    if found.next.command:
        lines += _wrapped("next", found.next.why, width)
        lines.append(f"{'':{NAME}}{found.next.command}")
    else:
        lines += _wrapped("next", f"nothing: {found.next.why}", width)
    return [_cut(line, width) for line in lines]


def _cut(text: str, width: int) -> str:
    """Return a text in a line of so many columns, with nothing in it that steers a terminal."""
    shown = visible(text, cell=True).rstrip()
    return shown if len(shown) <= width else f"{shown[: max(1, width - 1)]}…"


def _wrapped(name: str, text: str, width: int) -> Iterator[str]:
    parts = textwrap.wrap(visible(text, cell=True), max(20, width - NAME), break_on_hyphens=False) or [""]
    yield f"{name:{NAME}}{parts[0]}"
    yield from (f"{'':{NAME}}{part}" for part in parts[1:])


def _head(found: StudyMonitor, width: int) -> Iterator[str]:
    yield f"{found.study}  {found.phase.upper()}"
    yield _cut(" ".join(found.question.split()), width)
    yield ""
    if found.frozen:
        yield from _wrapped("frozen", found.frozen, width)


def _numbers(found: StudyMonitor) -> Iterator[str]:
    floor = found.floor
    if floor is None:
        yield f"{'floor':{NAME}}not measured yet"
    else:
        seen = f"{number(floor.mean)} over {len(floor.seeds)} seeds, sd {number(floor.sd)}"
        yield f"{'floor':{NAME}}{seen}; a slot shows {number(floor.detectable)}"
    name = found.incumbent["candidate"] or f"baseline ({found.incumbent['run']})"
    reference = found.incumbent["reference"]
    yield f"{'incumbent':{NAME}}{name}{'' if reference is None else f', {number(reference)}'}"
    for resource in RESOURCES:
        part = found.budget[resource]
        told = f"{shown_resource(resource, part.spent)} of {shown_resource(resource, part.total)}"
        reserved = f" + {shown_resource(resource, part.reserved)} reserved" if part.reserved else ""
        left = f", {shown_resource(resource, part.left)} left"
        yield f"{resource.replace('_', ' '):{NAME}}{bar(part.spent, part.reserved, part.total)} {told}{reserved}{left}"
    alpha = found.alpha
    slots = f"{alpha.slots_left} slot{'s' * (alpha.slots_left != 1)} left"
    following = f", the next takes {p_value(alpha.next)}" if alpha.slots_left else ""
    told = f"{p_value(alpha.spent)} of {p_value(alpha.total)}, {slots}{following}"
    yield f"{'alpha':{NAME}}{bar(alpha.spent, 0.0, alpha.total)} {told}"


def bar(spent: float, reserved: float, total: float, width: int = BAR) -> str:
    """Return a bar: `#` is spent, `+` reserved, `.` left; what was spent at all shows."""
    if total <= 0:
        return f"[{'.' * width}]"
    first = max(round(min(width, width * spent / total)), int(spent > 0))
    second = min(width - first, max(round(min(width, width * reserved / total)), int(reserved > 0)))
    return f"[{'#' * first}{'+' * second}{'.' * (width - first - second)}]"


# --- candidates ---------------------------------------------------------------------------------------------------------


def _candidates(found: StudyMonitor, width: int) -> Iterator[str]:
    if not found.candidates:
        return
    counts: dict[str, int] = {}
    for each in found.candidates.values():
        counts[each.status] = counts.get(each.status, 0) + 1
    yield ""
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    yield f"{'candidates':{NAME}}{len(found.candidates)}: {told}"
    shown, left_out = _shown(found)
    yield from _rows(found, shown, width)
    if left_out:
        yield f"  … and {left_out} that are decided (`rlx study report` has all of them)"


def _shown(found: StudyMonitor) -> tuple[list[str], int]:
    """Return the candidates to show, the furthest first, and how many are left out."""

    def rank(name: str) -> tuple[int, int, int]:
        each = found.candidates[name]
        return (ORDER.get(each.phase or "", len(ORDER)), int(each.status not in OPEN), int(name[1:]))

    ordered = sorted(found.candidates, key=rank)
    decided = [name for name in ordered if found.candidates[name].status not in OPEN]
    kept = set(decided[:MOST_DECIDED])
    shown = [name for name in ordered if found.candidates[name].status in OPEN or name in kept]
    return shown, len(ordered) - len(shown)


def _rows(found: StudyMonitor, names: Sequence[str], width: int) -> Iterator[str]:
    head = ["id", "source", "status", "phase", "score", "gain", "seeds", "why"]
    reference = found.incumbent["reference"]
    rows = [_row(name, found.candidates[name], reference) for name in names]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
    widths[1] = min(widths[1], 10)
    for row in (head, *rows):
        cells = [
            _cut(cell, wide).rjust(wide) if 4 <= column < 7 else _cut(cell, wide).ljust(wide)
            for column, (cell, wide) in enumerate(zip(row, widths, strict=False))
        ]
        yield _cut("  " + "  ".join([*cells, row[-1]]), width)


def _row(name: str, found: CandidateStatus, reference: float | None) -> list[str]:
    gain = None if found.score is None or reference is None or found.status == "accepted" else found.score - reference
    seeds = f"{f'{found.seeds - found.failed}/' if found.failed else ''}{found.seeds}" if found.seeds else MISSING
    phase = SHORT.get(found.phase or "", MISSING)
    return [name, found.source, found.status, phase, number(found.score), number(gain, sign=True), seeds, found.reason]


# --- what runs ----------------------------------------------------------------------------------------------------------


def _running(found: StudyMonitor) -> Iterator[str]:
    if found.holder is not None and _is_held(found):
        where = f"process {found.holder.pid} on {found.holder.host}, since {found.holder.since}"
        yield f"{'at work':{NAME}}{where}"
    live = {each.experiment: each for each in found.live}
    name = "runs"
    for start in found.open:
        told = live.get(start.experiment)
        yield f"{name:{NAME}}{start.experiment} ({start.phase}){_progress(told, held=_is_held(found))}"
        if told is not None:
            yield from (f"{'':{NAME}}  {line}" for line in _facts(told))
        name = ""


def _is_held(found: StudyMonitor) -> bool:
    return found.holder is not None and found.holder.alive is not False


def _progress(found: LiveStart | None, *, held: bool) -> str:
    if found is None:
        return ""
    share = "" if found.progress is None else f" {100 * found.progress:.0f} %"
    if found.alive:
        return f"{share}, {found.stage or 'alive'} (process {found.pid})"
    return f"{share}, begins or ends" if held else f"{share}, no process is at work"


def _facts(found: LiveStart) -> Iterator[str]:
    parts = []
    if found.steps_per_second is not None:
        parts.append(f"{number(found.steps_per_second)} steps/s")
    if found.row_age is not None:
        pace = "" if found.row_pace is None else f" (usual: every {_duration(found.row_pace)})"
        parts.append(f"last row {_duration(found.row_age)} ago{pace}")
    if parts:
        yield ", ".join(parts)
    parts = [] if found.expected_end is None else [f"ends about {found.expected_end[11:16]} UTC"]
    if found.memory is not None:
        parts.append(f"{shown_resource('disk', found.memory)} of memory")
    if found.disk is not None:
        parts.append(f"{shown_resource('disk', found.disk)} of disk")
    if found.row_age is not None:
        parts.append(f"not finite: {', '.join(found.non_finite)}" if found.non_finite else "all numbers finite")
    if parts:
        yield ", ".join(parts)
    yield from found.findings


def _duration(seconds: float) -> str:
    """Return a duration in words; of a few seconds, with tenths."""
    return f"{seconds:.1f}s" if seconds < 10 else shown_duration(seconds)


def _queue(found: StudyMonitor, width: int) -> Iterator[str]:
    if found.candidates or found.queue or found.health:
        yield ""
    if found.queue:
        names = ", ".join(each.experiment for each in found.queue)
        yield _cut(f"{'queue':{NAME}}{len(found.queue)}: {names}", width)


# --- all studies, and what happens --------------------------------------------------------------------------------------

ALL_HEAD = ["study", "state", "incumbent", "tried", "open", "steps", "slots", "next"]


def study_row(found: StudyMonitor) -> list[str]:
    """Return a study in a row of cells; see :data:`ALL_HEAD`."""
    steps = found.budget["steps"]
    return [
        found.study,
        found.phase,
        found.incumbent["candidate"] or "baseline",
        str(len(found.candidates)),
        str(len(found.open)),
        f"{100 * (steps.spent + steps.reserved) / steps.total:.0f} %",
        f"{found.alpha.slots_left} left",
        found.next.action,
    ]


def event_line(line: Line, lines: Sequence[Line]) -> str:
    """Return what a line of the ledger says, in a line for people.

    Args:
        line: The line.
        lines: The ledger, for the starts that ends are of.
    """
    from rlx.studies.course import Note
    from rlx.studies.loop import told

    data, moment = line.data, datetime.fromisoformat(line.time).strftime("%H:%M:%S")
    if line.event == "started":
        words = f"{data['experiment']}: begins ({data['phase']})"
    elif line.event == "ended":
        words = f"{lines[data['started']].data['experiment']}: {data['status']}"
    elif line.event in ("proposed", "validated", "refused", "reverted"):
        words = f"{data.get('candidate') or data.get('check', '')}: {line.event}"
    else:
        words = told(Note(line.event, data))
    return visible(f"{moment} {words}", cell=True)
