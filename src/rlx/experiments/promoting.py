"""Promotion: what an experiment changed, brought into the workspace and committed, file by file, as Git merges."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlx.atomic import write_bytes
from rlx.config.composition import compose_run, read_parameters
from rlx.containment import place
from rlx.errors import CommandFailed, DataRefused
from rlx.experiments.repository import uncommitted, under_way
from rlx.experiments.revisions import Experiment, recorded_here
from rlx.experiments.roster import sync_roster
from rlx.experiments.tools import environment, git, git_blobs
from rlx.reading import parse_yaml, read_bytes

PROMOTED = ("params.yaml", "configs", "envs", "policies", "stages")
"""What makes a run: parameters, configs and code; results come from DVC's cache afterwards."""

PIPELINE = "dvc.yaml"
"""Where the study's roster is."""


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
        merged = _merged(here, before, after)
        if merged is None:
            conflicts.append(name)
        elif merged != here:
            files[name] = merged
        elif committed != here and _merged(committed, before, after) != committed:
            lacking.append(name)
    return Merge(files, tuple(conflicts), tuple(lacking))


def _merged(ours: bytes | None, base: bytes | None, theirs: bytes) -> bytes | None:
    """Return a three-way merge of texts, None where both sides changed the same lines."""
    if ours is None or ours in (base, theirs):
        return theirs
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, content in zip(paths, (ours, base or b"", theirs), strict=True):
            path.write_bytes(content)
        command = ["git", "merge-file", "-p", "--", *map(str, paths)]
        done = subprocess.run(command, env=environment(), capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


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


def promote(root: Path, experiment: Experiment, *, commit: bool) -> list[str]:
    """Write what an experiment changed into the workspace and commit exactly these files, whatever else is staged.

    What the workspace has already and the commit lacks is committed too, so that a call that was killed in between is
    finished by the next.

    Returns:
        The files; none where the workspace, or with ``commit`` the commit, has all of it already.

    Raises:
        CommandFailed: The workspace has changed the same lines, or Git refused (it does not know who commits, or a hook
            said no): then the files are written.
    """
    found = merge(root, experiment)
    if found.conflicts:
        one, other = experiment.baseline[:10], experiment.commit[:10]
        raise CommandFailed(
            f"{experiment.name}: the workspace has changed the same lines of {', '.join(found.conflicts)} otherwise; nothing was "
            f"written. Compare: `git diff {one} {other} -- {shlex.join(found.conflicts)}`"
        )
    for name, content in found.files.items():
        write_bytes(root / name, content)
    parameters = read_parameters(root)
    for run in parameters.study.runs:
        compose_run(root, run)
    names = dict.fromkeys(found.files)
    if sync_roster(root, parameters.study.runs):
        names[PIPELINE] = None
    if not commit:
        return list(names)
    names |= dict.fromkeys(found.uncommitted)
    if uncommitted(root, PIPELINE) and not _has_roster(root, parameters.study.runs):
        names[PIPELINE] = None
    if names:
        _commit(root, experiment, list(names))
    return list(names)


def _has_roster(root: Path, runs: Sequence[str]) -> bool:
    """Tell whether the commit's ``dvc.yaml`` lists the results of these runs."""
    (text,) = git_blobs(root, [f"HEAD:./{PIPELINE}"])
    try:
        listed = parse_yaml(text or b"")["stages"]["compare"]["deps"]
    except (ValueError, KeyError, TypeError):
        return False
    there = {str(dep).split("/")[1] for dep in listed if str(dep).startswith("runs/")}
    return there == set(runs)


def _commit(root: Path, experiment: Experiment, names: list[str]) -> None:
    try:
        git(root, "add", "--", *names)
        git(root, "commit", "--quiet", "-m", f"Promote experiment {experiment.name}", "--", *names)
    except CommandFailed as error:
        again = f"`rlx promote {shlex.quote(experiment.name)}` again commits them"
        raise CommandFailed(f"{error}\nThe files are written; {again}") from None
