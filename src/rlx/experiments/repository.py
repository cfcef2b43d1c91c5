"""How the project's Git repository stands: its branch, a merge under way, what is ignored, untracked, not committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import CommandFailed
from rlx.launch import git

UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
"""What Git leaves in its folder while something is unfinished."""


@dataclass(frozen=True)
class GitHead:
    """Where HEAD is.

    Attributes:
        commit: The commit.
        branch: The branch it is on; None where it is detached.
        came_from: The branch it was on before it was detached, if that still points at the same commit.
    """

    commit: str
    branch: str | None
    came_from: str | None = None


def answer(root: Path, *arguments: str) -> str | None:
    """Return what Git answers, None where it refuses."""
    try:
        return git(root, *arguments).strip()
    except CommandFailed:
        return None


def git_folder(root: Path) -> Path:
    """Return the folder ``.git`` of the project's working tree.

    Raises:
        CommandFailed: There is no repository.
    """
    return (root / git(root, "rev-parse", "--git-dir").strip()).resolve()


def git_head(root: Path) -> GitHead | None:
    """Return where HEAD is; None without a repository or without a commit."""
    commit = answer(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None
    if branch := answer(root, "symbolic-ref", "--quiet", "--short", "HEAD"):
        return GitHead(commit, branch)
    before = answer(root, "rev-parse", "--symbolic-full-name", "@{-1}") or ""
    same = before.startswith("refs/heads/") and answer(root, "rev-parse", before) == commit
    return GitHead(commit, None, before.removeprefix("refs/heads/") if same else None)


def under_way(root: Path) -> str | None:
    """Return what Git has begun and not finished: a merge, a rebase and the like."""
    folder = git_folder(root)
    return next((what for name, what in UNDER_WAY.items() if (folder / name).exists()), None)


def not_ignored(root: Path, paths: Sequence[str]) -> list[str]:
    """Return those of some paths that Git would take in."""
    ignored = (answer(root, "check-ignore", "--no-index", "--", *paths) or "").splitlines()
    return [path for path in paths if path not in ignored]


def untracked(root: Path, *paths: str) -> list[str]:
    """Return the files below some paths that Git does not know, ignored ones included."""
    return [name for name in git(root, "ls-files", "--others", "-z", "--", *paths).split("\0") if name]


def uncommitted(root: Path, *paths: str) -> list[str]:
    """Return the files below some paths that differ from the commit, or that Git neither knows nor ignores."""
    listed = git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z", "--", *paths).split("\0")
    return [entry[3:] for entry in listed if len(entry) > 3]
