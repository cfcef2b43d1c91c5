"""`rlx study status`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, console, print_grid, print_json, tell
from rlx.cli.study_common import STUDY, found

if TYPE_CHECKING:
    from rlx.studies import Study, StudyMonitor

EVERY = 2.0
"""Seconds between two looks."""
PATIENCE = 20.0
"""Seconds between two diagnoses of what runs: they read all that it has logged."""


@click.command("status")
@STUDY
@click.option("--watch", is_flag=True, help="Look again every two seconds, until the study is over or Ctrl-C.")
@click.option("--all", "everything", is_flag=True, help="All studies of the project, a line each.")
@AS_JSON
def status(study: str | None, *, watch: bool, everything: bool, as_json: bool) -> None:
    """Show what a study is at: state, floor, budget, candidates, what runs, and what to type next.

    Nothing is written, and whoever is at work on the study is not disturbed. With --watch the screen is drawn again every two
    seconds; where there is no terminal, what happens is told line by line. Without STUDY it is the only open one.

    \b
    Example:
      rlx study status cartpole/better --watch
    """
    from rlx.errors import UsageError

    if everything:
        if study is not None or watch:
            raise UsageError("--all shows every study once; leave out STUDY and --watch")
        _show_all(as_json=as_json)
        return
    if watch and as_json:
        raise UsageError("--watch is for people; call `rlx study status --json` as often as you like")
    one = found(study)
    if as_json:
        print_json(_now(one).model_dump(mode="json"))
    elif not watch:
        _print(_now(one))
    elif sys.stdout.isatty():
        _redraw(one)
    else:
        _follow(one)


def _now(study: Study) -> StudyMonitor:
    """Return what is going on, with what diagnosis finds in what runs, now and then."""
    from rlx.studies import monitored

    return monitored(study, findings=_FINDINGS.of)


class _Findings:
    """What diagnosis found in live folders, kept for a while."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, list[str]]] = {}

    def of(self, folder: Path) -> list[str]:
        """Return what it finds in one."""
        from rlx.report import findings_so_far

        looked, found = self._known.get(folder, (-PATIENCE, []))
        if time.monotonic() - looked > PATIENCE:
            found = findings_so_far(folder)
            self._known[folder] = (time.monotonic(), found)
        return found


_FINDINGS = _Findings()


def _print(shown: StudyMonitor, most: int | None = None) -> None:
    """Print the status, of which so many lines at most."""
    from rich.text import Text

    from rlx.studies import status_lines

    drawn = console()
    wide = (sys.stdout.encoding or "").lower().startswith("utf")
    width = drawn.width if wide else drawn.width - 2  # where … is spelled in three dots
    drawn.print(Text("\n".join(status_lines(shown, width)[:most])), soft_wrap=True)


def _is_over(shown: StudyMonitor) -> bool:
    """Tell whether nothing more will happen by itself: the study is closed, or a stop rule has fired."""
    return shown.phase == "closed" or (shown.stop is not None and not shown.open)


def _redraw(study: Study) -> None:
    """Draw the status again and again on a screen of its own; the last one stays on the terminal."""
    drawn = console()
    shown = _now(study)
    try:
        with drawn.screen(hide_cursor=True):
            while not _is_over(shown):
                drawn.clear()
                _print(shown, drawn.height - 1)
                time.sleep(EVERY)
                shown = _now(study.read())
    finally:
        _print(shown)


def _follow(study: Study) -> None:
    """Print the status, and then a line for each thing that happens."""
    from rlx.studies import event_line

    shown = _now(study)
    _print(shown)
    told = len(study.ledger.lines)
    while not _is_over(shown):
        sys.stdout.flush()
        time.sleep(EVERY)
        shown = _now(study.read())
        for line in study.ledger.lines[told:]:
            tell(event_line(line, study.ledger.lines))
        told = max(told, len(study.ledger.lines))


def _show_all(*, as_json: bool) -> None:
    from rlx.config import find_root
    from rlx.errors import ConfigError, Missing
    from rlx.stats import Grid, first_line
    from rlx.studies import ALL_HEAD, studies_of, study_row

    root: Path = find_root()
    shown, problems = [], {}
    for study in studies_of(root):
        try:
            shown.append(_now(study.read()))
        except (ConfigError, Missing) as error:
            problems[study.name] = first_line(error)
    if as_json:
        print_json({"format": 1, "studies": [each.model_dump(mode="json") for each in shown], "unreadable": problems})
        return
    if shown:
        print_grid(Grid("", ALL_HEAD, [study_row(each) for each in shown], left=3))
    for name, problem in problems.items():
        tell(f"{name}: {problem}")
    if not shown and not problems:
        raise Missing("there is no study here; `rlx study init RUN` begins one")
