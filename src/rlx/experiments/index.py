"""Every run of a project in a row each: those of the workspace and kept experiments, read fast, one bad one apart."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rlx.config import MOST_CONFIG_BYTES, from_dvc, parse_json, read_bytes, read_snapshot, read_text, recorded_snapshot
from rlx.errors import CommandFailed, DataDamaged, Missing
from rlx.experiments.experiment import Experiment, RecordedRun
from rlx.experiments.fetching import cures
from rlx.experiments.kept import follow_renames
from rlx.experiments.revisions import changed, experiments, read_output
from rlx.experiments.row_cache import RunIndex, Stamp
from rlx.launch import git_blobs
from rlx.records import (
    LiveNotes,
    Match,
    Process,
    RunFolder,
    check_metadata,
    cure_of_study_run,
    evidence,
    is_kept,
    last_lines,
    match,
    metrics_files,
    noted_runs,
    notes_of,
    read_labels,
    state_of,
    status_and_process,
)

FILES = ("config_snapshot.yaml", "metadata.json", "eval/summary.json", "experiment.json", "judging.yaml")


Kind = Literal["run", "experiment"]
INTERNAL = {"document": False}
"""What of a row is for rlx itself, and in no document."""


@dataclass(frozen=True)
class Row:
    """A run in a line.

    Attributes:
        id: What to type for it.
        kind: ``run`` (of the workspace) or ``experiment``.
        status: How it stands: ``finished``, ``running``, ``evaluating``, ``filming``, ``analysing``, ``stopped``, ``failed``,
            ``resolved`` (nothing trained yet), ``unreadable``, or ``elsewhere`` (its results are not in this clone).
        environment: Its environment's id.
        algorithm: Its algorithm.
        seeds: Seeds that are finished.
        seeds_wanted: Of how many.
        return_mean: Mean held-out return of the final policies.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        random_return: What random actions score.
        steps: Environment steps per seed.
        updated: When it last changed, in seconds since 1970.
        tags: Its tags.
        note: Its note; empty if there is none.
        problem: Why it is unreadable, or what to do about it.
        progress: While it runs: the share of its environment steps that is behind it.
        process: Who was training it, while it runs.
        ended: Host and moment at which its training ended.
        trained_so: Whether it says to be trained with the configuration beside it.
        scored_so: Whether it says to be scored by that and the judging beside it.
    """

    id: str
    kind: Kind
    status: str
    environment: str | None = None
    algorithm: str | None = None
    seeds: int | None = None
    seeds_wanted: int | None = None
    return_mean: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    random_return: float | None = None
    steps: int | None = None
    updated: float | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    problem: str | None = None
    progress: float | None = None
    process: Process | None = field(default=None, metadata=INTERNAL)
    ended: tuple[str, float] | None = field(default=None, metadata=INTERNAL)
    trained_so: bool | None = field(default=None, metadata=INTERNAL)
    scored_so: bool | None = field(default=None, metadata=INTERNAL)

    @property
    def is_above_random(self) -> bool | None:
        """Whether the interval of its return lies above what random actions score; None where either is not known."""
        return None if self.ci_low is None or self.random_return is None else self.ci_low > self.random_return


@dataclass(frozen=True)
class Listing:
    """`rlx ls --json`.

    Attributes:
        format: Version of this schema.
        runs: A row each.
    """

    format: Literal[1]
    runs: Sequence[Row]


def rows(root: Path) -> list[Row]:
    """Return a row for every run folder and every kept experiment, the latest first."""
    index = RunIndex.read(root)
    try:
        kept = experiments(root)
    except CommandFailed:  # no Git here: the folders are all there is
        kept = []
    follow_renames(root, kept)
    found = _experiment_rows(root, kept, index)
    found += _workspace_rows(root, {experiment.name for experiment in kept}, index)
    index.write(root)
    files = {path.name for path in (root / "runs").glob("*.yaml")}
    labelled = (_labelled(root, row) if f"{row.id}.yaml" in files else row for row in found)
    return sorted(labelled, key=lambda row: (-(row.updated or 0.0), row.id))


def folder_row(path: Path) -> Row:
    """Return the row of one run folder, wherever it lies, without tags and note."""
    stamps = [_stamp(path / name) for name in FILES]
    return _now(_folder_row(path, stamps), path, stamps, notes_of(path))


def _labelled(root: Path, row: Row) -> Row:
    try:
        labels = read_labels(root, row.id)
    except DataDamaged as error:
        return replace(row, problem=str(error))
    return replace(row, tags=labels.tags, note=labels.note)


def _workspace_rows(root: Path, kept: set[str], index: RunIndex) -> list[Row]:
    found = []
    noted = noted_runs(root)
    folders = [entry for entry in _scan(root / "runs") if entry.name not in kept]
    for entry in folders:
        stamps = [_stamp(Path(entry.path, name)) for name in FILES]
        if not any(stamps):
            continue
        known = index.row(entry.name, stamps)
        row = _row_from(known) if known else _folder_row(Path(entry.path), stamps)
        index.keep(entry.name, stamps, _plain(row))
        notes = notes_of(Path(entry.path)) if entry.name in noted else LiveNotes()
        row = _now(row, Path(entry.path), stamps, notes)
        found.append(replace(row, progress=progress(Path(entry.path))) if row.status == "running" else row)
    return found


def progress(folder: Path) -> float | None:
    """Return which share of its environment steps a run in training has behind it; None where that cannot be seen."""
    try:
        text = read_text(folder / "config_snapshot.yaml", MOST_CONFIG_BYTES)
        wanted = [
            int(found[1])
            for key in ("total_timesteps", "num_seeds")
            if (found := re.search(rf"{key}: ([1-9][0-9]{{0,17}})\n", text))
        ]
        steps = [_last_step(path) for path in metrics_files(folder)]
    except (OSError, ValueError, DataDamaged):
        return None
    return min(1.0, sum(steps) / (wanted[0] * wanted[1])) if len(wanted) == 2 and steps else None


def _last_step(path: Path) -> int:
    """Return the step of the last whole line of a metrics file, of which only the end is read."""
    found = re.search(rb'"step": (\d+)', b"".join(last_lines(path, 1)))
    return int(found[1]) if found else 0


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return [entry for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def _folder_row(folder: Path, stamps: Sequence[Stamp]) -> Row:
    try:
        RunFolder(folder)
    except DataDamaged as error:
        return Row(folder.name, "run", "unreadable", problem=str(error))
    try:
        if stamps[0] or (any(stamps[1:3]) and not stamps[3]):  # an experiment that begins has none yet
            read_snapshot(folder / FILES[0])
        texts = [read_bytes(folder / FILES[at]) if stamps[at] else None for at in (1, 2)]
    except OSError as error:
        return Row(folder.name, "run", "unreadable", problem=f"{error.filename}: {error.strerror}")
    except (DataDamaged, Missing) as error:
        return Row(folder.name, "run", "unreadable", problem=str(error))
    if stamps[2] and not (stamps[1] or stamps[3]):
        path = folder / FILES[1]
        told = f"{path}: is not there, and the run is evaluated; {from_dvc(path, folder.name)}"
        return Row(folder.name, "run", "unreadable", problem=told)
    updated = max((stamp[0] for stamp in stamps if stamp), default=0) / 1e9
    row = _row_of(folder.name, "experiment" if stamps[3] is not None else "run", *texts)
    if row.status == "unreadable":
        return replace(row, updated=updated)
    fit = match(folder, *(None if text is None else parse_json(text) for text in texts))
    return replace(row, updated=updated, trained_so=fit.training, scored_so=fit.scores)


def _experiment_rows(root: Path, kept: Sequence[Experiment], index: RunIndex) -> list[Row]:
    unknown = [experiment for experiment in kept if index.experiment(experiment.commit, experiment.name) is None]
    anew = changed(root, [(experiment.commit, experiment.baseline) for experiment in unknown])
    pairs = [(each.commit, run) for each, runs in zip(unknown, anew, strict=True) for run in runs]
    blobs = git_blobs(root, [f"{commit}:./runs/{run}/{FILES[0]}" for commit, run in pairs])
    snapshots = dict(zip(pairs, blobs, strict=True))
    for experiment, runs in zip(unknown, anew, strict=True):
        found = [
            _recorded_row(root, experiment, record, snapshots[experiment.commit, run], alone=len(runs) == 1)
            for run, record in runs.items()
        ]
        here = all(row.status != "elsewhere" for row in found)  # those may be fetched at any time
        index.add_experiment(experiment.commit, experiment.name, [_plain(row) for row in found], lasting=here)
    found_rows = [(each, _row_from(row)) for each in kept for row in index.experiment(each.commit, each.name) or []]
    lacking = list({each.commit: each for each, row in found_rows if row.status == "elsewhere"}.values())
    told = dict(zip([each.commit for each in lacking], cures(root, lacking), strict=True))
    return [replace(row, problem=told[each.commit]) if row.status == "elsewhere" else row for each, row in found_rows]


def _recorded_row(
    root: Path, experiment: Experiment, record: RecordedRun, snapshot: bytes | None, *, alone: bool
) -> Row:
    name = experiment.name if alone else f"{record.run}@{experiment.name}"
    try:
        place = f"runs/{record.run}/{FILES[0]} of commit {experiment.commit[:10]}"
        recorded_snapshot(
            (snapshot or b"").decode("utf-8", "replace"), place, f"`rlx rm {shlex.quote(experiment.name)}` drops it"
        )
        metadata = read_output(root, record, "metadata.json")
        summary = read_output(root, record, "eval", "summary.json")
    except DataDamaged as error:
        return Row(name, "experiment", "unreadable", updated=float(experiment.created), problem=str(error))
    if metadata is None and summary is None:
        return Row(name, "experiment", "elsewhere", updated=float(experiment.created))
    return replace(_row_of(name, "experiment", metadata, summary), updated=float(experiment.created))


def _row_of(name: str, kind: Kind, metadata_text: bytes | None, summary_text: bytes | None) -> Row:
    """Return a row from the bytes of ``metadata.json`` and ``eval/summary.json``; nonsense in them makes it unreadable."""
    try:
        row = Row(name, kind, "resolved")
        row = row if metadata_text is None else _with_metadata(row, parse_json(metadata_text))
        return row if summary_text is None else _with_summary(row, parse_json(summary_text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Row(
            name, kind, "unreadable", problem=f"metadata.json or eval/summary.json is damaged: {str(error)[:80]}"
        )


def _with_metadata(row: Row, metadata: Mapping[str, Any]) -> Row:
    check_metadata(metadata)
    finished = [seed for seed in metadata["seeds"] if seed["status"] == "finished"]
    status, process, ended = status_and_process(metadata)
    return replace(
        row,
        status=status,
        environment=metadata.get("environment"),
        algorithm=metadata.get("algorithm"),
        seeds=len(finished),
        seeds_wanted=len(metadata.get("seeds_wanted") or finished),
        steps=max((int(seed["steps"]) for seed in finished), default=None),
        process=process,
        ended=ended,
    )


def _with_summary(row: Row, summary: Mapping[str, Any]) -> Row:
    latest = summary["checkpoints"]["latest"]
    interval = latest["interval"] or {"low": None, "high": None}
    return replace(
        row,
        environment=row.environment or summary["task"]["environment"],
        return_mean=_real(latest["return_mean"]),
        ci_low=None if interval["low"] is None else _real(interval["low"]),
        ci_high=None if interval["high"] is None else _real(interval["high"]),
        random_return=_real(summary["random"]["return_mean"]) if summary.get("random") else None,
    )


def _real(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{str(value)[:40]!r} is not a number")
    return float(value)


def _now(row: Row, folder: Path, stamps: Sequence[Stamp], notes: LiveNotes) -> Row:
    """Return the row of a run folder with what the run is just now, and how it goes on where it stands still."""
    if row.status == "unreadable":
        return row
    told, fit = row.status if stamps[1] else None, Match(row.trained_so, row.scored_so)
    kept = told is not None and is_kept(folder)
    found = evidence(folder, (told, row.process, row.ended), fit, stamps[3] is not None, kept)
    now = state_of(found, notes)
    if now == "elsewhere" or found.foreign:
        return replace(_without_results(row), status=now, problem=cure_of_study_run(folder))
    if fit.scores is False:
        row = replace(row, return_mean=None, ci_low=None, ci_high=None, random_return=None)
    if now not in ("stopped", "failed"):
        return replace(row, status=now)
    died = "its process has died; " if told == "running" else ""
    return replace(row, status=now, problem=f"{died}`rlx resume {shlex.quote(row.id)}` goes on from there")


def _without_results(row: Row) -> Row:
    """Return a row without what was trained and scored: it is of another configuration."""
    return replace(
        row, seeds=None, seeds_wanted=None, return_mean=None, ci_low=None, ci_high=None, random_return=None, steps=None
    )


def _plain(row: Row) -> dict[str, Any]:
    plain = {key: value for key, value in vars(row).items() if value not in (None, (), "")}
    return plain | ({"process": vars(row.process)} if row.process else {})


def _row_from(plain: Mapping[str, Any]) -> Row:
    process, ended = plain.get("process"), plain.get("ended")
    return Row(
        **{**plain, "process": Process(**process) if process else None, "ended": tuple(ended) if ended else None}
    )
