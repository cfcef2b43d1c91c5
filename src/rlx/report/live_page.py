"""The page on runs as it is just now: made again where something changed, and told in parts to those who have it open.

One thread calls :meth:`LivePage.look`; what it made is then read by any thread.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rlx.config import Parameters, read_parameters, stamps
from rlx.errors import RlxError
from rlx.experiments import Row, find_run, rows
from rlx.records import RunFolder
from rlx.report.asked_comparison import judge_asked
from rlx.report.judged_runs import JudgedRuns
from rlx.report.metric_pictures import MOST_RUNS
from rlx.report.page import Heading
from rlx.report.page_content import Making, content_of
from rlx.report.page_parts import CONTENTS, LIVE_ALONE, PARTS, contents, rendered, whole_page
from rlx.report.project_now import (
    UNDER_WAY,
    EndedExperiment,
    Searches,
    ended_experiment,
    project_now,
    table_rows,
    waiting,
)
from rlx.report.run_memory import stamp_of
from rlx.report.study_parts import shown_studies
from rlx.stats import first_line

if TYPE_CHECKING:
    from rlx.studies import StudyView

FORMAT = 1
MOST_FILM_BYTES = 200_000_000
"""Of films that a served page has: they lie in the server's memory."""
PATIENCE = 30.0
"""Seconds for which the diagnosis of a run that trains serves."""
CHARTS = "charts"
CODE = ("params.yaml", "configs", "envs", "policies", "algorithms", "rules")
"""Files and folders of a project by which a verdict can be out of date."""


class Studies(Protocol):
    """The studies of a project, looked at again and again (:class:`rlx.studies.StudyViews`)."""

    problems: dict[str, str]

    def now(self) -> list[StudyView]:
        """Return those that can be read."""


@dataclass(frozen=True)
class Shown:
    """A page as it was made last.

    Attributes:
        version: Its number.
        when: When it was looked last, in seconds since 1970.
        parts: Its parts as HTML, by name.
        charts: What its charts draw, as JSON.
        changed: By part, and by ``charts``, the version in which it became as it is.
        films: By the name under which they are asked for, the films.
    """

    version: int
    when: float
    parts: Mapping[str, str]
    charts: str
    changed: Mapping[str, int]
    films: Mapping[str, bytes]


@dataclass
class LivePage:
    """A page on runs that follows them.

    Attributes:
        root: The project.
        names: The runs that it is on, as typed; none: the study's, and what is under way while it is open.
        studies: The project's studies.
        heading: What it says of itself.
    """

    root: Path
    names: Sequence[str]
    studies: Studies
    heading: Heading

    def __post_init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._how = Making(
            films=self.heading.films,
            film_address=self._film_address,
            most_bytes=MOST_FILM_BYTES,
            moving=True,
            patience=PATIENCE,
        )
        self._films: dict[str, bytes] = {}
        self._judged: tuple[object, JudgedRuns] | None = None
        self._searches = Searches(self.root)
        self._made: tuple[tuple[JudgedRuns, object, float], dict[str, str], str] | None = None
        self._listed: Sequence[Row] = ()
        self._parameters: Parameters | None = None
        self._order: list[str] = []
        self._followed: dict[str, str] = {}
        self.shown = Shown(0, 0.0, {}, "null", {}, {})

    # --- read by any thread -------------------------------------------------------------------------------------------

    def page(self) -> bytes:
        """Return the whole page."""
        shown = self.shown
        moment = f"{datetime.fromtimestamp(shown.when, UTC):%H:%M:%S}"
        heading = {**vars(self.heading), "as_of": moment, "version": shown.version}
        parts = {name: html for name, html in shown.parts.items() if name != CONTENTS}
        return whole_page(heading, parts, json.loads(shown.charts), served=True).encode("utf-8", "replace")

    def news(self, known: int) -> tuple[int, bytes | None]:
        """Return the version of the page, and as JSON what of it is newer than a version; None where nothing is.

        Args:
            known: The version that whoever asks has; of one that never was, everything is newer.
        """
        shown = self.shown
        if known == shown.version:
            return shown.version, None
        since = known if 0 < known < shown.version else 0
        changed = {name for name, version in shown.changed.items() if version > since}
        parts = {name: html for name, html in shown.parts.items() if name in changed}
        head = json.dumps({"format": FORMAT, "version": shown.version, "parts": parts})
        charts = shown.charts if CHARTS in changed else "null"
        return shown.version, f'{head[:-1]}, "{CHARTS}": {charts}}}'.encode()

    def film(self, name: str) -> bytes | None:
        """Return the film that is asked for under a name; None where the page has none of that name."""
        return self.shown.films.get(name)

    # --- made by one thread -------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Look at the project, and make again what changed.

        What cannot be read leaves what depends on it as it was, and the page says why.

        Raises:
            RlxError, OSError: Something cannot be read, and there is no earlier page.
        """
        problem, parts, charts = "", dict(self.shown.parts), self.shown.charts
        try:
            self._listed = rows(self.root)
            self._parameters = read_parameters(self.root)
            self._follow(self._parameters)
            made, charts = self._runs_parts(self._parameters)
            parts |= made
        except (RlxError, OSError) as error:
            if self._parameters is None or not self.shown.version:
                raise
            problem = first_line(error)
        views = self.studies.now()
        parts |= rendered(shown_studies(views, self.studies.problems), ["studies"])
        roster = () if self.names else self._parameters.study.runs
        queue = list(waiting(roster, self._listed, views, self._searches))
        now = project_now(self._listed, queue, self._ended(self._parameters), problem)
        parts |= rendered({"now": now, "rows": table_rows(self._listed)}, LIVE_ALONE)
        self._publish({name: parts.get(name, "") for name in PARTS}, charts)

    def age(self) -> float:
        """Return the seconds since the project was looked at."""
        return max(0.0, time.time() - self.shown.when)

    def _publish(self, parts: dict[str, str], charts: str) -> None:
        old, when = self.shown, time.time()
        parts |= {CONTENTS: contents(parts)}
        new = {name for name, html in parts.items() if old.parts.get(name) != html}
        new |= {CHARTS} if charts != old.charts or not old.version else set()
        version = old.version + bool(new)
        changed = {**old.changed, **dict.fromkeys(new, version)}
        self.shown = Shown(version, when, parts, charts, changed, dict(self._films))

    def _follow(self, parameters: Parameters) -> None:
        """Note which experiments are under way; those that ended stay, the latest of them, as many as charts can show."""
        if self.names:
            return
        roster = set(parameters.study.runs)
        states = {row.id: row.status for row in self._listed if row.id not in roster}
        self._followed = {name: states[name] for name in self._followed if name in states}
        self._followed |= {name: status for name, status in states.items() if status in UNDER_WAY}
        over = [name for name, status in self._followed.items() if status not in UNDER_WAY]
        for name in over[: max(0, len(self._followed) + len(roster) - MOST_RUNS)]:
            del self._followed[name]

    def _ended(self, parameters: Parameters) -> list[EndedExperiment]:
        states = {row.id: row.status for row in self._listed}
        found = []
        for name in reversed(self._followed):
            folder = self._found(name) if states.get(name) == "finished" else None
            if folder is not None:
                found.append(
                    self._how.memory.of("ended", folder, partial(ended_experiment, self.root, folder, parameters))
                )
        return found

    def _found(self, name: str) -> RunFolder | None:
        try:
            return find_run(self.root, name)
        except (RlxError, OSError):
            return None

    def _runs_parts(self, parameters: Parameters) -> tuple[dict[str, str], str]:
        """Return the parts on runs, and the charts: as they were where nothing that they show has changed."""
        judged = self._judgement(parameters)
        followed = {name: folder for name in self._followed if (folder := self._found(name)) is not None}
        new = {name: folder for name, folder in followed.items() if name not in judged.folders}
        shown = replace(judged, others={**judged.others, **new})
        folders = [*shown.folders.values(), *shown.others.values()]
        now = (judged, tuple((folder.name, stamp_of(folder)) for folder in folders), time.monotonic() // PATIENCE)
        if self._made is None or self._made[0][0] is not judged or self._made[0][1:] != now[1:]:
            self._order += [folder.name for folder in folders if folder.name not in self._order]
            self._films = {}
            content = content_of(self.root, parameters, shown, replace(self._how, order=tuple(self._order)))
            self._how.memory.keep(folders)
            names = [name for name in PARTS if name not in (*LIVE_ALONE, "studies")]
            self._made = (now, rendered(content, names), json.dumps(content["charts"].data, allow_nan=False))
        return self._made[1], self._made[2]

    def _judgement(self, parameters: Parameters) -> JudgedRuns:
        """Return the runs that the page is on, judged; again where a run ended, or what a verdict stands on changed."""
        code = [self.root / name for name in CODE]
        files = [path for place in code for path in ([place] if place.is_file() else sorted(place.rglob("*.*")))]
        states = tuple((row.id, row.status, row.return_mean, row.problem) for row in self._listed)
        asked = self.names or parameters.study.runs
        own = tuple(
            (folder.path, stamps([folder.path / "eval/summary.json", folder.path / "metadata.json"]))
            for name in asked
            if (folder := self._found(name)) is not None
        )
        stamp = (states, own, stamps(files))
        if self._judged is None or self._judged[0] != stamp:
            self._judged = (stamp, judge_asked(self.root, parameters, self.names))
        return self._judged[1]

    def _film_address(self, content: bytes) -> str:
        """Return the address of a film: a name that tells nothing of it, and stays the same while the film does."""
        name = f"{hashlib.blake2b(content, key=self._secret, digest_size=16).hexdigest()}.mp4"
        self._films[name] = content
        return f"films/{name}"
