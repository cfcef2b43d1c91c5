"""Promotion: what an experiment changed, brought into the workspace and committed, file by file, as Git merges."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import (
    MOST_BYTES,
    PACKAGES,
    as_setting,
    compose_run,
    parse_yaml,
    place,
    read_bytes,
    read_parameters,
    with_value,
    write_bytes,
)
from rlx.errors import CommandFailed, ConfigError, DataRefused
from rlx.experiments.carrying import ADDED_FOLDER, added_since, carried, files_below
from rlx.experiments.experiment import Experiment, RecordedRun
from rlx.experiments.merging import by_lines
from rlx.experiments.pipeline import NAME as PIPELINE, parsed_pipeline, paths
from rlx.experiments.planning import addressed
from rlx.experiments.repository import uncommitted, under_way
from rlx.experiments.revisions import SMALL, changed, cure_of_commit, recorded_here
from rlx.experiments.roster import sync_roster
from rlx.experiments.shipped import KEPT_BY_RLX
from rlx.experiments.untrusted import check_outputs
from rlx.experiments.upgraded_files import as_now
from rlx.launch import dvc, git, git_blobs
from rlx.records import Lock, cached, read_lock

PROMOTED = ("params.yaml", "configs", *PACKAGES, "stages")
"""What makes a run: parameters, configs and code; results come from DVC's cache afterwards."""

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Merge:
    """What promoting an experiment would write.

    Attributes:
        files: New content by path in the project; those that have it already are left out.
        conflicts: Files in which the workspace has changed the same lines otherwise.
        uncommitted: Files that have it in the workspace and lack it in the commit.
    """

    files: dict[str, bytes]
    conflicts: tuple[str, ...]
    uncommitted: tuple[str, ...] = ()


def merge(root: Path, experiment: Experiment) -> Merge:
    """Merge what an experiment changed of its starting commit into the files of the workspace; writes nothing.

    Raises:
        CommandFailed: Git refused.
        DataRefused: It changed a file that is not in the project, or that a link stands for here.
    """
    between = (experiment.baseline, experiment.commit)
    listed = git(root, "diff", "--name-only", "--relative", "--no-renames", "-z", *between, "--", *PROMOTED)
    files: dict[str, bytes] = {}
    conflicts, lacking = [], []
    names = [name for name in listed.split("\0") if name]
    for name in names:
        if place(root, name, f"commit {experiment.commit[:10]}").is_dir():
            raise DataRefused(f"commit {experiment.commit[:10]}: {name} is a file there, and a folder here")
    for name in names:
        before, after, committed = git_blobs(root, [f"{commit}:./{name}" for commit in (*between, "HEAD")])
        if after is None:
            continue  # what an experiment lacks stays
        here = read_bytes(root / name) if (root / name).is_file() else None
        merged = _merged(name, here, before, after)
        if merged is None:
            conflicts.append(name)
        elif merged != here:
            files[name] = merged
        elif committed != here and _merged(name, committed, before, after) != committed:
            lacking.append(name)
    return Merge(files, tuple(conflicts), tuple(lacking))


def _merged(name: str, ours: bytes | None, base: bytes | None, theirs: bytes) -> bytes | None:
    """Return a three-way merge of texts, None where both sides changed the same lines, or the same setting otherwise."""
    if ours is None or (ours in (base, theirs) and not name.endswith(".yaml")):
        return theirs
    if ours == theirs:
        return ours
    if (
        name.endswith(".yaml")
        and base is not None
        and (found := _settings_merged(name, ours, base, theirs)) is not None
    ):
        return found.content
    content, conflict = by_lines(base or b"", ours, theirs)
    return None if conflict else content


@dataclass(frozen=True)
class _Text:
    """A merged text; None where both sides gave one setting different values."""

    content: bytes | None


def _settings_merged(name: str, ours: bytes, base: bytes, theirs: bytes) -> _Text | None:
    """Merge a file of settings value by value: `dvc exp run` writes the whole file anew to set one, in a style of its own.

    Returns:
        The text of ours with the values that the experiment changed; None where one of them is no such file, or more than
        values changed.
    """
    try:
        before, here, after = (parse_yaml(text) for text in (base, ours, theirs))
        text = ours.decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return None
    if not (isinstance(before, dict) and isinstance(here, dict) and isinstance(after, dict)) or _lacks(after, before):
        return None
    for path, value in _changed(before, after):
        mine, was = _at(here, path), _at(before, path)
        if mine == value:
            continue
        if mine != was:
            return _Text(None)
        try:
            text = with_value(text, path, value, name)
        except ConfigError:
            return None
    try:
        whole = parse_yaml(text.encode())
    except ValueError:
        return None
    reached = all(_at(whole, path) == value for path, value in _changed(before, after))
    return _Text(text.encode()) if reached else None


def _lacks(after: dict[str, Any], before: dict[str, Any]) -> bool:
    """Tell whether a mapping lacks a setting that another has."""
    inner = ((after.get(key), value) for key, value in before.items() if isinstance(value, dict))
    return bool(before.keys() - after.keys()) or any(isinstance(new, dict) and _lacks(new, old) for new, old in inner)


_ABSENT = object()


def _changed(
    before: dict[str, Any], after: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the settings that one mapping has otherwise than another, with their values; those taken out are left."""
    for key, value in after.items():
        here = (*path, str(key))
        old = before.get(key, _ABSENT)
        if isinstance(value, dict) and isinstance(old, dict):
            yield from _changed(old, value, here)
        elif value != old or type(value) is not type(old):
            yield here, value


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = data.get(key, _ABSENT) if isinstance(data, dict) else _ABSENT
    return data


def check_ready(root: Path) -> None:
    """Check that nothing of Git's is unfinished here, since a commit of some files is refused amid it.

    Raises:
        ConfigError: ``params.yaml`` cannot be read, or has the marks of a merge conflict.
        DataDamaged: ``dvc.lock`` has them.
        CommandFailed: A merge, a rebase or the like is under way.
    """
    read_parameters(root)
    recorded_here(root)
    what = under_way(root)
    if what and what != "bisect":
        raise CommandFailed(
            f"a {what} is under way in Git; `git {what} --continue` when it is resolved, or `git {what} --abort` undoes it"
        )


@dataclass(frozen=True)
class Promotion:
    """What promoting an experiment changes.

    Attributes:
        merge: Its parameters, configs and code.
        runs: The runs that it made, whose results are taken over.
        retrained: Other runs of the study that build on what it changes, and would train anew.
    """

    merge: Merge
    runs: tuple[RecordedRun, ...]
    retrained: tuple[str, ...]


def plan_promotion(root: Path, experiment: Experiment) -> Promotion:
    """Say what promoting an experiment would change; writes nothing.

    Raises:
        CommandFailed: The workspace has changed the same lines or settings otherwise, or Git refused.
        DataRefused: It changed a file that is not in the project, or that a link stands for here.
        ConfigError: What would come of it is no valid configuration.
    """
    found = merge(root, experiment)
    if found.conflicts:
        one, other = experiment.baseline[:10], experiment.commit[:10]
        raise CommandFailed(
            f"{experiment.name}: the workspace has changed the same lines of {', '.join(found.conflicts)} otherwise; nothing was "
            f"written. Compare: `git diff {one} {other} -- {shlex.join(found.conflicts)}`"
        )
    (made,) = changed(root, [(experiment.commit, experiment.baseline)])
    return Promotion(found, tuple(made.values()), tuple(_retrained(root, found, set(made))))


def plan_overrides(root: Path, run: str, overrides: Mapping[str, Any]) -> Promotion:
    """Say what setting some values for a run would change in the workspace's files; no results come with it.

    Of an experiment of a study, these are its candidate's overrides: its seeds and its list of episodes stay behind.

    Raises:
        ConfigError: A setting is refused.
    """
    files: dict[str, bytes] = {}
    for key, value in overrides.items():
        file, path = _addressed(root, run, key, value)
        before = files.get(file) or read_bytes(place(root, file, "a study"))
        after = with_value(before.decode("utf-8"), path, value, file).encode()
        if after != read_bytes(root / file):
            files[file] = after
    found = Merge(files, ())
    return Promotion(found, (), tuple(each for each in _retrained(root, found, set()) if each != run))


def _addressed(root: Path, run: str, key: str, value: Any) -> tuple[str, list[str]]:
    """Return the file that has the last word on a setting of a run, and the keys that lead to it there."""
    setting = addressed(root, run, as_setting(key, value))
    file, separator, rest = setting.partition(":")
    if not (separator and file.endswith(".yaml")):
        file, rest = "params.yaml", setting
    return file, rest.partition("=")[0].lstrip("+~").split(".")


def _retrained(root: Path, found: Merge, made: Collection[str]) -> Iterator[str]:
    """Yield the runs of the study, other than those made, whose training would be configured otherwise."""
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        new = Path(folder)
        shutil.copytree(root / "configs", new / "configs", symlinks=True)
        shutil.copy2(root / "params.yaml", new / "params.yaml")
        for name, content in found.files.items():
            if name == "params.yaml" or name.startswith("configs/"):
                write_bytes(new / name, content)
        for run in read_parameters(root, new).study.runs:
            after = compose_run(root, run, configs_from=new).config
            if run in made or not (root / "runs" / run / "metadata.json").is_file():
                continue
            before = compose_run(root, run).config
            fewer = before.model_copy(update={"num_seeds": min(before.num_seeds, after.num_seeds)})
            if fewer != after:  # with fewer seeds, those that are there are taken
                yield run


def promote(root: Path, experiment: Experiment, planned: Promotion, *, commit: bool) -> list[str]:
    """Write what an experiment changed into the workspace, take its results over, and commit exactly these files.

    What the workspace has already and the commit lacks is committed too, so that a call that was killed in between is
    finished by the next.

    Args:
        root: The project.
        experiment: The experiment.
        planned: What it changes (:func:`plan_promotion`).
        commit: Commit it.

    Returns:
        The files; none where the workspace, or with ``commit`` the commit, has all of it already.

    Raises:
        CommandFailed: Git refused (it does not know who commits, or a hook said no): then the files are written.
    """
    source = f"experiment {experiment.name}"
    places = {name: place(root, name, source) for name in planned.merge.files}
    for name, content in planned.merge.files.items():
        write_bytes(places[name], content)
    parameters = read_parameters(root)
    for run in parameters.study.runs:
        compose_run(root, run)
    names = dict.fromkeys(planned.merge.files)
    if sync_roster(root, parameters.study.runs):
        names[PIPELINE] = None
    taken = _take_over(root, experiment, planned.runs)
    if not commit:
        return list(names | dict.fromkeys(taken))
    names |= dict.fromkeys(planned.merge.uncommitted)
    if uncommitted(root, PIPELINE) and not _has_roster(root, parameters.study.runs):
        names[PIPELINE] = None
    names |= dict.fromkeys(_to_commit(root, experiment, planned.runs))
    if names:
        _commit(root, experiment, list(names))
    return list(names)


def _take_over(root: Path, experiment: Experiment, runs: Sequence[RecordedRun]) -> list[str]:
    """Put an experiment's entries into ``dvc.lock``, and its results where its runs have theirs; return what was written."""
    written = []
    for run in runs:
        check_outputs(root, run)
        blobs = git_blobs(root, [f"{experiment.commit}:./runs/{run.run}/{name}" for name in SMALL])
        for name, content in zip(SMALL, blobs, strict=True):
            target = place(root / "runs", f"{run.run}/{name}", f"commit {experiment.commit[:10]}")
            if content is not None and (not target.is_file() or read_bytes(target) != content):
                write_bytes(target, content)
                written.append(f"runs/{run.run}/{name}")
    here, merged = _locks(root, experiment, runs, _text_of(root))
    if merged.text() != here.text():
        write_bytes(root / LOCK, merged.text().encode("utf-8"))
        written.append(LOCK)
    for run in runs:
        outs = [f"runs/{run.run}/{output}" for output, digest in run.outputs.items() if cached(root, digest)]
        if outs:
            dvc(root, "--wait-for-lock", "checkout", "--quiet", "--force", "--", *outs)
    return written


def _text_of(root: Path) -> str:
    return read_bytes(root / LOCK, MOST_BYTES).decode("utf-8") if (root / LOCK).is_file() else ""


def _locks(root: Path, experiment: Experiment, runs: Sequence[RecordedRun], text: str) -> tuple[Lock, Lock]:
    """Return a lock as it is, and with the experiment's stages of some runs in it."""
    theirs, pipeline = git_blobs(root, [f"{experiment.commit}:./{name}" for name in (LOCK, PIPELINE)])
    here = read_bytes(root / PIPELINE, MOST_BYTES) if (root / PIPELINE).is_file() else b""
    added = added_since(pipeline or b"", here, files_below(root / ADDED_FOLDER))
    recorded = carried((theirs or b"").decode("utf-8", "replace"), _replaced_since(root, experiment.commit), added)
    ours, there = read_lock(text), read_lock(recorded)
    names = {run.run for run in runs}
    made = {stage: section for stage, section in there.stages.items() if stage.partition("@")[2] in names}
    return ours, Lock(ours.head if ours.stages else there.head, {**ours.stages, **made}, ours.tail)


def _replaced_since(root: Path, commit: str) -> dict[str, tuple[bytes, bytes]]:
    """Return the stage files that `rlx upgrade` has brought up to date since a commit: what they held, and what they hold."""
    names = [name for name in KEPT_BY_RLX if name.startswith("stages/") and (root / name).is_file()]
    pairs = zip(names, git_blobs(root, [f"{commit}:./{name}" for name in names]), strict=True)
    found = {name: (before, (root / name).read_bytes()) for name, before in pairs if before is not None}
    return {name: both for name, both in found.items() if both[0] != both[1] and as_now(name, both[0]) == both[1]}


def _to_commit(root: Path, experiment: Experiment, runs: Sequence[RecordedRun]) -> list[str]:
    """Return what of the results taken over the commit lacks: ``dvc.lock`` only where nothing else of it is uncommitted."""
    names = [f"runs/{run.run}/{name}" for run in runs for name in SMALL]
    lacking = [name for name in uncommitted(root, *names) if (root / name).is_file()] if names else []
    (committed,) = git_blobs(root, [f"HEAD:./{LOCK}"])
    text = (committed or b"").decode("utf-8", "replace")
    here = _text_of(root)
    if text != here and _locks(root, experiment, runs, text)[1].text() == here:
        lacking.append(LOCK)
    return lacking


def lacks_results(root: Path, experiment: Experiment, runs: Sequence[RecordedRun]) -> str | None:
    """Return what fetches results of an experiment that are not in this clone, as a sentence; None where all are."""
    if all(cached(root, digest) for run in runs for digest in run.outputs.values()):
        return None
    return cure_of_commit(root, experiment.commit)


def _has_roster(root: Path, runs: Sequence[str]) -> bool:
    """Tell whether the commit's ``dvc.yaml`` lists the results of these runs."""
    (text,) = git_blobs(root, [f"HEAD:./{PIPELINE}"])
    try:
        listed = paths(parsed_pipeline(text or b""), "compare", "deps")
    except ConfigError:
        return False
    return {dep.split("/")[1] for dep in listed if dep.startswith("runs/")} == set(runs)


def _commit(root: Path, experiment: Experiment, names: list[str]) -> None:
    try:
        git(root, "add", "--", *names)
        git(root, "commit", "--quiet", "-m", f"Promote experiment {experiment.name}", "--", *names)
    except CommandFailed as error:
        again = f"`rlx promote {shlex.quote(experiment.name)}` again commits them"
        raise CommandFailed(f"{error}\nThe files are written; {again}") from None
