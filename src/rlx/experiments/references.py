"""What people type for a run: a run of the workspace, a kept experiment, a run at a Git revision, or a folder."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from rlx.config import is_plain_path
from rlx.errors import Missing, RlxError, UsageError
from rlx.experiments.experiment import Experiment
from rlx.experiments.kept import export_kept, follow_renames, is_of_study, is_ours, shown_commit, shows
from rlx.experiments.record import Record, kept_record, read_record
from rlx.experiments.repository import answer
from rlx.experiments.revisions import changed, commit_of, experiments, recorded, view_of
from rlx.records import Origin, RunFolder, is_kept
from rlx.stats import listed

MOST_NAMED = 12
"""Names in one message."""


def find_run(root: Path, name: str) -> RunFolder:
    """Return the run that a person means.

    Args:
        root: The project.
        name: ``cartpole`` (a run of the workspace), ``cartpole_003`` (a kept experiment), ``cartpole@v1.0`` (a run at a
            Git revision: branch, tag, commit or experiment), or the path of a run folder.

    Raises:
        Missing: There is none; the message lists the nearest.
        UsageError: An experiment holds several runs; the message says how to name one.
    """
    for path in (root / "runs" / name, Path(name)):
        if name.strip("/.") and _is_run(path):
            here = Path(os.path.abspath(path))  # noqa: PTH100 — the link `runs/` is its owner's
            if here.parent == root / "runs" and is_kept(here) and not _shows_its_own(root, here):
                break
            return RunFolder(here if here.parent == root / "runs" else path.resolve())
    run, at, revision = name.rpartition("@")
    if at and run:
        return _at_revision(root, run, revision, name)
    found = experiments(root)
    follow_renames(root, found)
    if kept := next((experiment for experiment in found if experiment.name == name), None):
        (runs,) = changed(root, [(kept.commit, kept.baseline)])
        if not runs:
            raise Missing(f"experiment {name} holds no finished run")
        if len(runs) > 1:
            choices = " or ".join(f"{run}@{name}" for run in sorted(runs)[:MOST_NAMED])
            others = ", or another of them" if len(runs) > MOST_NAMED else ""
            raise UsageError(f"experiment {name} holds {len(runs)} runs; say {choices}{others}")
        return _viewed(root, Origin(kept.commit, next(iter(runs))), name)
    raise Missing(f"there is no run {name!r}; {_nearest(name, known_runs(root))}")


def _shows_its_own(root: Path, folder: Path) -> bool:
    """Tell whether a browsable folder shows the experiment of its name; one that does not is made anew, if it can be."""
    kept = next((experiment for experiment in experiments(root) if experiment.name == folder.name), None)
    if kept is None:
        commits = {experiment.commit for experiment in experiments(root)}
        return shown_commit(folder) not in commits  # renamed; or dropped, and the copy is all that is left
    if shows(root, folder, kept):
        return True
    (runs,) = changed(root, [(kept.commit, kept.baseline)])
    try:
        export_kept(root, Origin(kept.commit, next(iter(runs))), folder.name)
    except (RlxError, StopIteration):
        return False
    return True


def _is_run(path: Path) -> bool:
    try:
        return (path / "config_snapshot.yaml").exists()
    except (OSError, ValueError):  # no file can have such a name
        return False


def find_origin(root: Path, folder: RunFolder) -> Origin | None:
    """Return the commit behind the browsable folder of a kept experiment, or of ``run@revision``; None for other runs."""
    name = folder.path.name
    if folder.path.parent != root.resolve() / "runs":
        return None
    if kept := next((experiment for experiment in experiments(root) if experiment.name == name), None):
        (runs,) = changed(root, [(kept.commit, kept.baseline)])
        return Origin(kept.commit, next(iter(runs))) if len(runs) == 1 else None
    run, at, revision = name.rpartition("@")
    commit = commit_of(root, revision) if at else None
    return Origin(commit, run) if commit else None


def asked_to_be(root: Path, folder: RunFolder) -> Record | None:
    """Return what an experiment was asked to be, whether it is kept or still being made; None for other runs.

    Experiments that were kept before rlx noted it with them have none.
    """
    try:
        origin = folder.origin or find_origin(root, folder)
        found = read_record(folder.path) if origin is None else kept_record(root, origin.commit)
    except RlxError:  # outside Git; or damaged, which `rlx doctor` tells
        return None
    return found if found and (origin is None or origin.run == found.run) else None


def known_runs(root: Path) -> list[str]:
    """Return the names that can be typed: runs of the workspace, then kept experiments."""
    here = sorted(path.parent.name for path in (root / "runs").glob("*/config_snapshot.yaml"))
    return list(dict.fromkeys([*here, *(experiment.name for experiment in experiments(root))]))


REVISIONS = ("refs/heads", "refs/tags", "refs/remotes")
"""Where Git has names of commits."""


def _at_revision(root: Path, run: str, revision: str, name: str) -> RunFolder:
    commit = commit_of(root, revision)
    if commit is None:
        kept = [experiment.name for experiment in experiments(root)]
        branches = (answer(root, "for-each-ref", "--format=%(refname:short)", *REVISIONS) or "").split()
        told = shallow(root) or _nearest(revision, list(dict.fromkeys(kept + branches)))
        raise Missing(f"{name}: there is no revision {revision!r}; {told}")
    (runs,) = recorded(root, [commit])
    if run not in runs:
        raise Missing(f"{name}: there is no run {run!r} at {revision}; {_nearest(run, sorted(runs))}")
    return _viewed(root, Origin(commit, run), name)


def shallow(root: Path) -> str:
    """Return why a revision may be missing: the clone is shallow; empty where it is whole."""
    if answer(root, "rev-parse", "--is-shallow-repository") != "true":
        return ""
    return "this clone is shallow, it has only the latest commits; `git fetch --unshallow` brings the others"


def _nearest(name: str, known: list[str]) -> str:
    if guess := difflib.get_close_matches(name, known, 3, cutoff=0.5):
        return f"did you mean {' or '.join(guess)}?"
    return f"there are: {listed(known, MOST_NAMED) or 'none yet; `dvc repro` makes the study'}"


def _viewed(root: Path, origin: Origin, name: str) -> RunFolder:
    return RunFolder(view_of(root, origin), name, origin)


def kept_origin(root: Path, name: str) -> Origin | None:
    """Return the commit behind ``name``: a kept experiment, or ``run@revision``; None where Git keeps nothing of it.

    Raises:
        Missing: There is no such run at that revision, or nothing of that name at all.
        UsageError: An experiment holds several runs.
    """
    folder = RunFolder(root.resolve() / "runs" / name)
    return find_origin(root, folder) or find_run(root, name).origin


def nearest_run(root: Path, name: str) -> str:
    """Return what a person may have meant by a run."""
    return _nearest(name, known_runs(root))


def nearest_experiment(root: Path, name: str) -> str:
    """Return what a person may have meant by a kept experiment."""
    return _nearest(name, [experiment.name for experiment in experiments(root)])


def droppable(root: Path, name: str) -> list[Experiment]:
    """Return the kept experiments of a name that may be dropped; none where it is one that was not finished.

    Raises:
        Missing: There is no experiment of that name.
        UsageError: It is a run of the study, or a folder that rlx has not made.
    """
    if found := [experiment for experiment in experiments(root) if experiment.name == name]:
        return found
    folder = root / "runs" / name
    if not is_plain_path(name) or "/" in name or not folder.is_dir():
        raise Missing(f"there is no experiment {name!r}; {nearest_run(root, name)}")
    if is_of_study(root, name):
        raise UsageError(
            f"{name} is a run of the study, not an experiment: take it out of study.runs in params.yaml, then `rlx sync`"
        )
    if not is_ours(root, name):
        raise UsageError(f"runs/{name} is a folder that rlx has not made; nothing of it is deleted")
    return []
