"""The state of the project's code: its commit, what differs from it, what Git does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlx.config import PACKAGES
from rlx.errors import CommandFailed
from rlx.launch import git

START = "refs/rlx/start"
"""In the clone of an experiment: the state of the project that it starts from."""


@dataclass(frozen=True)
class GitState:
    """The code a run was made with: the commit, and the files that differ from it."""

    commit: str | None
    dirty: tuple[str, ...]


def git_state(root: Path) -> GitState:
    """Return the commit of ``root`` and its modified or untracked files; no commit outside Git.

    In the clone in which an experiment is made, these are the files that differed in the workspace it started from: what
    ``-S`` writes into ``params.yaml`` there is a setting, not an edit.
    """
    try:
        commit = git(root, "rev-parse", "HEAD").strip()
        if git(root, "for-each-ref", START).strip():
            lines = [f"   {name}" for name in git(root, "diff", "--name-only", "-z", "HEAD", START).split("\0")]
            return GitState(commit, _sources(lines))
        lines = git(root, "status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    except CommandFailed:
        return GitState(None, ())
    return GitState(commit, _sources(lines))


def _sources(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the files that lines of ``git status`` name, results aside, in order."""
    results, entries, changed = re.compile(r"^(runs/|analysis/|dvc\.lock$)"), iter(lines), []
    for entry in entries:
        if entry[:1] in ("R", "C"):
            next(entries, None)  # the old name of a file that was renamed or copied
        if len(entry) > 3 and not results.match(entry[3:]):
            changed.append(entry[3:])
    return tuple(sorted(changed))


SOURCES = ("configs", *PACKAGES, "rules", "stages")
"""Folders whose new files belong to an experiment although Git does not know them yet."""


def tracked_changes(root: Path) -> list[str]:
    """Return the tracked files that differ from the commit, deleted ones included, as paths in the repository."""
    return [name for name in git(root, "diff", "--name-only", "--no-renames", "-z", "HEAD").split("\0") if name]


def untracked_sources(root: Path) -> list[str]:
    """Return configs and code that Git neither knows nor ignores, as paths in the project."""
    return _untracked(root, "--", *SOURCES)


def untracked_others(root: Path) -> list[str]:
    """Return all other files that Git neither knows nor ignores: an experiment does not have them."""
    own = (*SOURCES, "runs", "analysis")
    return [name for name in _untracked(root) if name.split("/")[0] not in own]


def is_unknown(root: Path, name: str) -> bool:
    """Tell whether Git neither knows nor ignores a file of the project."""
    return bool(_untracked(root, "--", f":(literal){name}"))


def _untracked(root: Path, *only: str) -> list[str]:
    listed = git(root, "ls-files", "--others", "--exclude-standard", "-z", *only)
    return [name for name in listed.split("\0") if name]
