"""Promotion: what an experiment changed, brought into the workspace and committed, file by file, as Git merges."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rlx.atomic import write_bytes
from rlx.containment import place
from rlx.errors import CommandFailed, DataRefused
from rlx.experiments.revisions import Experiment
from rlx.experiments.tools import environment, git, git_blobs
from rlx.reading import read_bytes

PROMOTED = ("params.yaml", "configs", "envs", "policies", "stages")
"""What makes a run: parameters, configs and code; results come from DVC's cache afterwards."""


@dataclass(frozen=True)
class Merge:
    """What promoting an experiment would write.

    Attributes:
        files: New content by path in the project; those that have it already are left out.
        conflicts: Files in which the workspace has changed the same lines otherwise.
    """

    files: dict[str, bytes]
    conflicts: tuple[str, ...]


def merge(root: Path, experiment: Experiment) -> Merge:
    """Merge what an experiment changed of its starting commit into the files of the workspace; writes nothing.

    Raises:
        CommandFailed: Git refused.
        DataRefused: It changed a file that is not in the project, or that a link stands for here.
    """
    between = (experiment.baseline, experiment.commit)
    listed = git(root, "diff", "--name-only", "--relative", "--no-renames", "-z", *between, "--", *PROMOTED)
    files, conflicts = {}, []
    names = [name for name in listed.split("\0") if name]
    for name in names:
        if place(root, name, f"commit {experiment.commit[:10]}").is_dir():
            raise DataRefused(f"commit {experiment.commit[:10]}: {name} is a file there, and a folder here")
    for name in names:
        before, after = git_blobs(root, [f"{commit}:./{name}" for commit in between])
        here = read_bytes(root / name) if (root / name).is_file() else None
        if after is None or after == here:
            continue  # what an experiment lacks stays
        if here is None or here == before:
            files[name] = after
            continue
        merged = _merged(here, before or b"", after)
        if merged is None:
            conflicts.append(name)
        elif merged != here:
            files[name] = merged
    return Merge(files, tuple(conflicts))


def _merged(ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """Return a three-way merge of texts, None where both sides changed the same lines."""
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, content in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(content)
        command = ["git", "merge-file", "-p", "--", *map(str, paths)]
        done = subprocess.run(command, env=environment(), capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def write_and_commit(root: Path, files: dict[str, bytes], message: str, *, commit: bool) -> None:
    """Write files and commit exactly these, whatever else is staged.

    Raises:
        CommandFailed: Git refused (it does not know who commits, or a hook said no); the files are written.
    """
    for name, content in files.items():
        write_bytes(root / name, content)
    if not commit:
        return
    git(root, "add", "--", *files)
    try:
        git(root, "commit", "--quiet", "-m", message, "--", *files)
    except CommandFailed as error:
        raise CommandFailed(f"{error}\nThe files are written; `git commit` them yourself") from None
