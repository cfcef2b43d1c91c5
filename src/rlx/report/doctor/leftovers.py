"""Checks for what a kill leaves: HEAD off its branch, edits in the stash, locks, folders that call themselves running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rlx.experiments import git_head as head_of, leftovers, under_way
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, warning, with_noun

FIX = "`rlx doctor --fix` deletes it"


def left_head(root: Path) -> Iterator[CheckResult]:
    """Check that HEAD is on a branch, and tell where a killed `dvc exp run` took it off."""
    now, killed = head_of(root), leftovers.detached_by_dvc(root)
    if now is None or under_way(root):
        return  # a rebase or a bisect takes HEAD off its branch, and puts it back
    if busy := leftovers.at_work(root):
        if now.branch is None:
            yield warning("head", f"is detached while this runs: {busy[0]}", "look again when it has ended")
        return
    if killed is not None and now.branch is None:
        told = "a killed `dvc exp run` left HEAD detached; its files are in the workspace"
        cure = f"`git symbolic-ref HEAD refs/heads/{killed.branch}`" if killed.branch else "`git switch BRANCH`"
        yield problem("head", told, f"{cure} (no file changes)", partial(_reattach, root, killed))
    elif killed is not None:
        told = "a killed `dvc exp run` left its notes in refs/exps/exec"
        yield warning("head", told, "`rlx doctor --fix` drops them", partial(_reattach, root, killed))
    elif now.branch is None:
        where = now.came_from or "BRANCH"
        told = f"is detached at {now.commit[:10]}: what you commit belongs to no branch"
        yield warning("head", told, f"`git switch {where}`, or `git switch -c NEW` to keep it")
    else:
        yield ok("head", f"on {now.branch}")


def _reattach(root: Path, found: leftovers.Detached) -> str:
    leftovers.reattach(root, found)
    return (
        f"HEAD is on {found.branch}; `git diff HEAD` shows what is changed"
        if found.branch
        else "DVC's notes of the killed experiment are dropped"
    )


def stash(root: Path) -> Iterator[CheckResult]:
    """Tell of edits in Git's stash: a killed `dvc exp run` leaves them there; and of experiments in DVC's own."""
    if entries := leftovers.stashes(root):
        told = f"holds {len(entries)}: {entries[0]}. A killed `dvc exp run` leaves edits there"
        yield warning("stash", told, "`git stash show -p` shows them; `git stash drop` if you have them")
    if (count := leftovers.queued(root)) and not leftovers.at_work(root):
        told = f"{count} experiments wait in DVC's queue, or were left there by a kill"
        yield warning("dvc queue", told, "`dvc queue start`, or `dvc queue remove --queued`")


def left_git_locks(root: Path) -> Iterator[CheckResult]:
    """Check for locks of Git that nobody holds; one of them stops every later command."""
    locks = leftovers.git_locks(root)
    if not locks:
        yield ok("git locks", "none is left")
        return
    shown = listed(
        [str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else str(path) for path in locks]
    )
    yield problem("git locks", f"{shown}, without a process that holds it", FIX, _unless_busy(root, locks))


def left_folders(root: Path) -> Iterator[CheckResult]:
    """Check for DVC experiments that call themselves running and are not."""
    folders = leftovers.experiment_folders(root)
    if not folders:
        return
    if busy := leftovers.at_work(root):
        yield ok("dvc exp", f"runs: {busy[0]}")
        return
    told = f"{with_noun(len(folders), 'folder')} of killed experiments, which `dvc exp show` calls running"
    yield warning("dvc exp", told, FIX, _unless_busy(root, folders))


def left_documents(root: Path) -> Iterator[CheckResult]:
    """Check for pages, pictures and films that a killed command did not finish."""
    if found := leftovers.half_written(root):
        told = f"{listed([str(path.relative_to(root)) for path in found])}: a killed command had begun to write it"
        yield warning("documents", told, FIX, partial(_deleted, found))


def left_rwlocks(root: Path) -> Iterator[CheckResult]:
    """Check DVC's lists of who reads and writes what."""
    for path, dead in leftovers.rwlocks(root).items():
        name = path.relative_to(root)
        if dead is None:
            yield problem(
                "dvc locks", f"{name} is damaged, and DVC refuses to work", f"`rm {name}`", _emptied(root, path)
            )
        elif dead:
            told = f"{name} has {dead} entries of dead processes; DVC passes over them"
            yield warning("dvc locks", told, f"`rm {name}`", _emptied(root, path))


def _unless_busy(root: Path, paths: list[Path]) -> Callable[[], str] | None:
    """Return what deletes leftovers; None while Git or DVC is at work here, as they may be its own."""
    if leftovers.at_work(root):
        return None

    return partial(_deleted, paths)


def _deleted(paths: list[Path]) -> str:
    leftovers.delete(paths)
    return f"deleted {listed([path.name for path in paths])}"


def _emptied(root: Path, path: Path) -> Callable[[], str] | None:
    if leftovers.at_work(root):
        return None

    def mend() -> str:
        leftovers.empty_rwlock(path)
        return f"emptied {path.relative_to(root)}"

    return mend
