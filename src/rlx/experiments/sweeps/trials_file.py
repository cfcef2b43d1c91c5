"""``sweeps/<name>/trials.jsonl``: what a search tried and what came of it; its one reader and writer.

The file is the truth about a search. A line each: what the search is, what was asked, what came of a trial at a rung, how it
ended. Results are written in the order of trials once all of a rung are there, and hold no time, host or path: the same
sweep file gives the same bytes, whatever the timing, the number of jobs, or kills. A line that a kill has cut is cut off
when the file is opened, and what it told is found again on the bench, or trained again.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.config import parse_json, read_text
from rlx.errors import DataDamaged, Missing, UsageError
from rlx.experiments.sweeps.halving import Rung
from rlx.experiments.sweeps.trials import Header, Result, Trials
from rlx.experiments.trial_lines import TRIALS, trials_path
from rlx.stats import first_line

FORMAT = 1
IGNORED = (
    "# Made by rlx: what can be made again from trials.jsonl, or is of this machine alone.\noptuna.log*\nclock.json\n"
)


class TrialsFile:
    """The file of a search."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / TRIALS

    def begin(self, header: Header) -> Trials:
        """Begin a new file; whatever was there before is kept under another name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
        if self.path.exists():
            taken = list(self.folder.glob("trials.*.jsonl"))
            self.path.rename(self.folder / f"trials.{len(taken) + 1}.jsonl")
        rungs = [[rung.seeds, rung.steps] for rung in header.rungs]
        self._append([{"format": FORMAT, **vars(header), "rungs": rungs}])
        return Trials(header)

    def read(self) -> Trials:
        """Read the file; a last line that a kill has cut counts as not there.

        Raises:
            Missing: There is none.
            DataDamaged: A line is not what it should be; the message names it.
        """
        try:
            text = read_text(self.path)
        except FileNotFoundError:
            raise Missing(f"{self.path}: is not there; `rlx sweep` makes it") from None
        except ValueError as error:
            raise DataDamaged(f"{self.path}: is no text: {error}; take it from Git") from None
        lines = text.split("\n")[:-1]
        try:
            found = Trials(_header(parse_json(lines[0]) if lines else {}))
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(1, error) from None
        for number, line in enumerate(lines[1:], 2):
            try:
                _take(found, parse_json(line))
            except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
                raise self._damaged(number, error) from None
        return found

    def _damaged(self, line: int, error: Exception) -> DataDamaged:
        return DataDamaged(
            f"{self.path}:{line}: is no line of a search ({first_line(error) or type(error).__name__}); take the file from "
            f"Git, or begin anew with `rlx sweep {self.folder.name} --restart`"
        )

    def open(self, header: Header) -> Trials:
        """Go on with the file, or begin it.

        Raises:
            UsageError: It is of another search: of another sweep file, config or code.
            DataDamaged: It cannot be read.
        """
        if self.path.exists():
            self._cut()
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.unlink(missing_ok=True)
            return self.begin(header)
        found = self.read()
        again = f"`rlx sweep {header.sweep} --restart` begins anew and keeps this one beside it"
        cure = f"{again}; or give the sweep file another name"
        if found.header.identity != header.identity:
            raise UsageError(
                f"{self.path}:1: is of another version of the sweep file, with other trials (changed: "
                f"{_changed(found.header, header)}); {cure}"
            )
        if found.header.start != header.start:
            raise UsageError(
                f"{self.path}:1: is of another state of configs/{header.config}.yaml, or of the project's code; {cure}"
            )
        return found

    def _cut(self) -> None:
        """Cut off a last line that has no end, and with it the lock of whoever wrote it."""
        with self.path.open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)
                os.fsync(file.fileno())

    def ask(self, trials: Trials, asked: Mapping[int, dict[str, Any]], cohort: int) -> None:
        """Note what trials are to set."""
        self._append([{"trial": number, "settings": settings, "cohort": cohort} for number, settings in asked.items()])
        for number, settings in asked.items():
            trials.add(number, settings, cohort)

    def note(self, trials: Trials, results: Sequence[Result]) -> None:
        """Note what came of trials, in the order of their numbers."""
        ordered = sorted(results, key=lambda result: result.trial)
        self._append([_line(result) for result in ordered])
        for result in ordered:
            trials.take(result)

    def end(self, trials: Trials) -> None:
        """Note that nothing more is tried."""
        if not trials.ended:
            self._append([{"ended": True}])
            trials.ended = True

    def reopen(self, trials: Trials) -> None:
        """Note that more is tried after all: the sweep file allows more trials than before."""
        self._append([{"ended": False}])
        trials.ended = False

    def confirm(self, trials: Trials, names: Mapping[int, str]) -> None:
        """Note which experiments confirm which trials."""
        if names != trials.confirmed:
            self._append([{"confirmed": {str(trial): name for trial, name in names.items()}}])
            trials.confirmed = dict(names)

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def _changed(then: Header, now: Header) -> str:
    """Return what the file of a search says otherwise than when its trials began."""
    keys = dict.fromkeys((*then.space, *now.space))
    found = [key for key in keys if then.space.get(key) != now.space.get(key)]
    found += [name for name in ("config", "rungs") if getattr(then, name) != getattr(now, name)]
    return ", ".join(found) or "sampler, cohort, parallel, seed or trials"


def _header(content: Mapping[str, Any]) -> Header:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']}, and this rlx reads format {FORMAT}")
    rungs = tuple(Rung(int(seeds), None if steps is None else int(steps)) for seeds, steps in content["rungs"])
    sweep, config, identity, start, metric = (
        str(content[name]) for name in ("sweep", "config", "identity", "start", "metric")
    )
    return Header(sweep, config, identity, start, rungs, metric, dict(content["space"]), dict(content["own"]))


def _line(result: Result) -> dict[str, Any]:
    told = {} if result.error is None else {"error": result.error}
    return {"trial": result.trial, "rung": result.rung, "values": list(result.values), **told}


def _take(trials: Trials, content: dict[str, Any]) -> None:
    if "settings" in content:
        number = int(content["trial"])
        if number != len(trials.asked):
            raise ValueError(f"trial {number} where trial {len(trials.asked)} comes next")
        trials.add(number, content["settings"], int(content["cohort"]))
    elif "values" in content:
        values = tuple(None if value is None else float(value) for value in content["values"])
        trial, rung = int(content["trial"]), int(content["rung"])
        if not all(value is None or math.isfinite(value) for value in values):
            raise ValueError("a value is not finite")
        is_next = trial in trials.asked and rung == len(trials.results.get(trial, ()))
        if not is_next or len(values) != trials.header.rungs[rung].seeds:
            raise ValueError(f"no result of trial {trial} at rung {rung} belongs here")
        trials.take(Result(trial, rung, values, content.get("error")))
    elif "confirmed" in content:
        trials.confirmed = {int(trial): str(name) for trial, name in content["confirmed"].items()}
    else:
        trials.ended = bool(content["ended"])


def has_trials(root: Path, sweep: str) -> bool:
    """Tell whether a project has trials of a search of that name."""
    return trials_path(root, sweep).is_file()


def trials_of(root: Path, sweep: str) -> Trials:
    """Return what a project's search tried; raises as :meth:`TrialsFile.read`."""
    return TrialsFile(root / "sweeps" / sweep).read()


def sweeps_of(root: Path) -> list[str]:
    """Return the names of a project's sweeps: of its files, and of searches whose file is gone."""
    files = {path.stem for path in (root / "sweeps").glob("*.yaml")}
    return sorted(files | {path.parent.name for path in (root / "sweeps").glob(f"*/{TRIALS}")})
