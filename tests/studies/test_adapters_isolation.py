"""Worktrees of foreign repositories: the pinned commit and nothing else, gone afterwards whatever happened."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from rlx.errors import DataRefused, Missing, UsageError
from rlx.studies import PinnedSource, check_clean, clear_leftovers, pinned, worktree
from tests.studies.foreign_repositories import git, repository


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    repository("toy", tmp_path / "theirs")
    return tmp_path / "theirs"


def test_a_worktree_is_the_pinned_commit_whatever_came_later(theirs: Path, tmp_path: Path) -> None:
    commit = git(theirs, "rev-parse", "HEAD")
    (theirs / "train.py").write_text("later\n")
    git(theirs, "commit", "-qam", "later")
    branch, head = git(theirs, "symbolic-ref", "HEAD"), git(theirs, "rev-parse", "HEAD")
    with worktree(PinnedSource(theirs, commit[:8]), tmp_path / "place") as tree:
        assert git(tree, "rev-parse", "HEAD") == commit
        assert "later" not in (tree / "train.py").read_text()
    assert (git(theirs, "symbolic-ref", "HEAD"), git(theirs, "rev-parse", "HEAD")) == (branch, head)
    assert not any((tmp_path / "place").iterdir())


def test_hooks_of_the_repository_do_not_run(theirs: Path, tmp_path: Path) -> None:
    hook = theirs / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    hook.chmod(0o755)
    with worktree(PinnedSource(theirs, git(theirs, "rev-parse", "HEAD")), tmp_path / "place"):
        pass
    assert not (tmp_path / "pwned").exists()


def test_what_fails_inside_leaves_no_worktree(theirs: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        with worktree(PinnedSource(theirs, git(theirs, "rev-parse", "HEAD")), tmp_path / "place"):
            raise ZeroDivisionError
    assert len(git(theirs, "worktree", "list").splitlines()) == 1


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(theirs: Path, tmp_path: Path) -> None:
    place, commit = tmp_path / "place", git(theirs, "rev-parse", "HEAD")
    for name, pid, started in (("dead", 2**22 + 5, 1.0), ("reused", os.getpid(), 1.0)):
        git(theirs, "worktree", "add", "-q", "--detach", str(place / name), commit)
        note = {"repository": str(theirs), "host": socket.gethostname(), "pid": pid, "started": started}
        (place / f"{name}.json").write_text(json.dumps(note))
    (place / "gone.json").write_text(
        json.dumps({"repository": "/nowhere", "host": socket.gethostname(), "pid": 2**22 + 5, "started": 1.0})
    )
    (place / "other.json").write_text(
        json.dumps({"repository": "/nowhere", "host": "elsewhere", "pid": 2**22 + 5, "started": 1.0})
    )
    (place / "damaged.json").write_text("{")
    with worktree(PinnedSource(theirs, commit), place) as tree:  # which clears the place first
        assert sorted(path.name for path in place.iterdir()) == sorted(
            ["damaged.json", "other.json", tree.name, f"{tree.name}.json"]
        )
        assert clear_leftovers(place) == []
        assert tree.exists()
    assert sorted(path.name for path in place.iterdir()) == ["damaged.json", "other.json"]
    assert len(git(theirs, "worktree", "list").splitlines()) == 1


def test_what_is_not_as_it_was_is_named(theirs: Path, tmp_path: Path) -> None:
    commit = git(theirs, "rev-parse", "HEAD")
    with worktree(PinnedSource(theirs, commit), tmp_path / "place") as tree:
        check_clean(tree, commit, [])
        (tree / "new file.py").write_text("")
        with pytest.raises(DataRefused, match="new file"):
            check_clean(tree, commit, [])
        (tree / "new file.py").unlink()
        (tree / "train.py").write_text("")
        for patched in ([], ["train.py"]):  # also one that may be patched, where it was changed after that
            with pytest.raises(DataRefused, match=r"train\.py"):
                check_clean(tree, commit, patched)


def test_what_cannot_be_pinned_is_told(theirs: Path, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="has no commit 0123456"):
        pinned(theirs, "0123456")
    with pytest.raises(Missing, match="is not a Git repository"):
        pinned(tmp_path / "nowhere", "0123456")
    with pytest.raises(UsageError, match="is a folder of the repository"):
        pinned(theirs / "toy", git(theirs, "rev-parse", "HEAD"))
