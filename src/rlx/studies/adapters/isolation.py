"""A worktree of a foreign repository at its pinned commit, for one training: its own files, and the candidate's patch.

What stands uncommitted in the repository's folder does not matter, and nothing of a training stays there. A worktree whose
process was killed is found, and removed, by whoever makes the next.
"""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rlx.config import check_file, read_json, write_json
from rlx.errors import CommandFailed, DataDamaged, DataRefused, Missing, UsageError
from rlx.launch import git, is_same, process_identity
from rlx.stats import listed, shown

MOST_PATCH_BYTES = 2**20
SAFE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""No hook of the repository runs while its worktree is made."""
PLAIN = ("100644", "100755")
"""Modes of regular files in Git."""


@dataclass(frozen=True)
class PinnedSource:
    """What a worktree is made of.

    Attributes:
        repository: The repository's top folder.
        commit: The pinned commit.
        patches: The files that a patch may touch.
        patch: The candidate's patch; None: the commit as it is.
    """

    repository: Path
    commit: str
    patches: Sequence[str] = ()
    patch: Path | None = None


@contextmanager
def worktree(source: PinnedSource, place: Path) -> Iterator[Path]:
    """Give a worktree, checked to be the commit and the patch and nothing else; it is removed in the end.

    Args:
        source: What it is made of.
        place: The folder of worktrees, on the project's side (in ``.dvc/tmp``).

    Raises:
        Missing: There is no such repository, commit or patch.
        DataRefused: The patch touches what it may not.
        CommandFailed: Git refused.
    """
    commit = pinned(source.repository, source.commit)
    clear_leftovers(place)
    pid, started = process_identity()
    name = f"{pid}-{uuid.uuid4().hex[:12]}"
    folder, note = place / name, place / f"{name}.json"
    of_ours = {"host": socket.gethostname(), "pid": pid, "started": started}
    write_json(note, {"repository": str(source.repository.resolve()), **of_ours})
    try:
        git(source.repository, *SAFE, "worktree", "add", "--quiet", "--detach", str(folder.resolve()), commit)
        if source.patch is not None:
            apply_patch(folder, source.patch, source.patches)
        check_clean(folder, commit, touched(folder))
        yield folder.resolve()
    finally:
        _remove(source.repository, folder, note)


def pinned(repository: Path, commit: str) -> str:
    """Return the full hash of a commit of a repository.

    Raises:
        Missing: There is no repository, or it has no such commit.
    """
    try:
        top = Path(git(repository, "rev-parse", "--show-toplevel").strip())
    except (CommandFailed, OSError):
        raise Missing(
            f"{repository}: is not a Git repository; clone it there, or change repository.path of the adapter"
        ) from None
    if top.resolve() != repository.resolve():
        raise UsageError(
            f"{repository}: is a folder of the repository {top}; let repository.path of the adapter be that"
        )
    try:
        return git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}").strip()
    except CommandFailed:
        raise Missing(
            f"{repository}: has no commit {commit}; `git -C {repository} fetch` may bring it, else pin another in the adapter"
        ) from None


def apply_patch(folder: Path, patch: Path, allowed: Sequence[str]) -> None:
    """Apply a patch to a worktree, if it touches what it may, as regular files.

    Raises:
        Missing: There is no such file.
        DataRefused: It touches another file, makes a link, moves something, or does not fit.
    """
    try:
        check_file(patch, MOST_PATCH_BYTES)
    except OSError as error:
        raise Missing(f"{patch}: cannot be read: {error.strerror}") from None
    except DataDamaged as error:
        raise DataRefused(str(error)) from None
    try:
        git(folder, *SAFE, "apply", "--index", "--whitespace=nowarn", str(patch.resolve()))
    except CommandFailed as error:
        raise DataRefused(f"{patch}: does not apply to the pinned commit ({_last_line(str(error))})") from None
    changes = _changes(folder)
    if not changes:
        raise DataRefused(f"{patch}: changes nothing")
    may = listed(list(allowed), 10) or "none"
    for name, mode in changes.items():
        if name not in allowed:
            raise DataRefused(f"{patch}: touches {shown(name)}; repository.patches of the adapter allows {may}")
        if mode not in PLAIN:
            raise DataRefused(f"{patch}: makes {shown(name)} something else than a regular file, or removes it")


def touched(folder: Path) -> list[str]:
    """Return the files of a worktree that differ from its commit by what was applied to it."""
    return list(_changes(folder))


def check_clean(folder: Path, commit: str, patched: Sequence[str]) -> None:
    """Check that a worktree is a commit, and differs from it in patched files alone.

    Raises:
        DataRefused: It is something else; the message names a file.
    """
    head = git(folder, "rev-parse", "HEAD").strip()
    if head != commit:
        raise DataRefused(f"{folder}: is at {head[:12]}, not at the pinned commit {commit[:12]}")
    told = git(folder, *SAFE, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignored")
    for entry in filter(None, told.split("\0")):
        state, name = entry[:2], entry[3:]
        if name not in patched or state[1] != " ":
            raise DataRefused(f"{folder}: {shown(name)} is neither as in the pinned commit nor as the patch has it")


def clear_leftovers(place: Path) -> list[str]:
    """Remove the worktrees of processes of this machine that have ended without removing theirs; returns their names."""
    removed = []
    for note in sorted(place.glob("*.json")):
        try:
            content = read_json(note)
            repository, elsewhere = Path(content["repository"]), content["host"] != socket.gethostname()
            alive = elsewhere or is_same(int(content["pid"]), float(content["started"]))
        except (OSError, ValueError, KeyError, TypeError, DataDamaged):
            continue  # half of another process's, or not ours
        if not alive:
            _remove(repository, note.with_suffix(""), note)
            removed.append(note.stem)
    return removed


def _remove(repository: Path, folder: Path, note: Path) -> None:
    """Remove a worktree, and what the repository knows of it; the note goes last, so that a kill leaves nothing unknown."""
    try:
        git(repository, *SAFE, "worktree", "remove", "--force", "--force", str(folder.resolve()))
    except (CommandFailed, OSError):  # half made, or half removed
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(CommandFailed, OSError):
            git(repository, *SAFE, "worktree", "prune")
    note.unlink(missing_ok=True)


def _changes(folder: Path) -> dict[str, str]:
    """Return what is staged in a worktree: names, and the mode each has now."""
    fields = git(folder, *SAFE, "diff", "--cached", "--raw", "-z", "--no-renames", "--no-ext-diff", "HEAD").split("\0")
    return {
        name: facts.split()[1] if facts.split()[0].lstrip(":") in (*PLAIN, "000000") else "not plain"
        for facts, name in zip(fields[:-1:2], fields[1::2], strict=True)
    }


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:200]
