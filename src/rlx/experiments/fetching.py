"""How results that a commit records and this clone lacks are brought here, in commands that work as printed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.errors import CommandFailed
from rlx.experiments.settings import default_remote, without_remote
from rlx.launch import git
from rlx.records import has_remote

if TYPE_CHECKING:
    from rlx.experiments.experiment import Experiment


def cures(root: Path, kept: Sequence[Experiment]) -> list[str]:
    """Return for each of some experiments what brings its results here, as a sentence.

    `dvc exp push` and `dvc exp pull` go by the remote that an experiment carries: one that was made before the remote was
    set needs it in the settings of the clone, on both sides.
    """
    if not kept:
        return []
    there = default_remote(root) if has_remote(root) else None
    lacking = {experiment.commit for experiment in without_remote(root, there, kept)} if there else set()
    found = []
    for experiment in kept:
        hub = git_remote(root, experiment.reference)
        push, pull = (f"dvc exp {verb} {hub} {shlex.quote(experiment.known_to_dvc)}" for verb in ("push", "pull"))
        add, when = "dvc remote add --local -f -d NAME URL", "without a DVC remote"
        if there:
            add = shlex.join(["dvc", "remote", "add", "--local", "-f", "-d", there.name, there.url])
            when = f"before remote {there.name} was set"
        if there and experiment.commit not in lacking:
            found.append(f"`{pull}` fetches its results")
        else:
            found.append(
                f"it was made {when}, so its files were not pushed: whoever made it runs `{add}` and `{push}`; then "
                f"`{add} && {pull}` fetches its results here"
            )
    return found


def cure_of_revision(root: Path) -> str:
    """Return what brings the results of a commit of a branch here, as a sentence."""
    if has_remote(root):
        return "`dvc fetch --all-commits` fetches them"
    return "they are in the clone that made them: set a DVC remote there (`dvc remote add -d NAME URL`) and `dvc push`"


def git_remote(root: Path, reference: str = "") -> str:
    """Return the Git remote that experiments come from and go to: one that has it, else ``origin``, else the first.

    Args:
        root: The project.
        reference: The experiment's; only remotes in folders are asked for it, since this must not use the network.
    """
    try:
        remotes = git(root, "remote").split()
    except CommandFailed:
        remotes = []
    ordered = sorted(remotes, key=lambda remote: remote != "origin")
    if reference and len(ordered) > 1:
        ordered.sort(key=lambda remote: not _has(root, remote, reference))
    return shlex.quote(ordered[0]) if ordered else "origin"


def _has(root: Path, remote: str, reference: str) -> bool:
    try:
        url = git(root, "remote", "get-url", "--", remote).strip()
        if ("://" in url and not url.startswith("file://")) or not Path(url.removeprefix("file://")).exists():
            return False
        return bool(git(root, "ls-remote", "--", remote, reference).strip())
    except CommandFailed:
        return False
