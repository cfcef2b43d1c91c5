"""What a killed `dvc exp run` or Git leaves behind, and putting it right without touching a file of the workspace."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rlx.config import read_json, write_text
from rlx.errors import DataDamaged
from rlx.experiments.repository import answer, git_folder, git_head
from rlx.launch import git, is_same, main_root

EXECUTION = "refs/exps/exec"
"""Where DVC notes the experiment that runs in the workspace; `EXEC_HEAD` stays after it, the others do not."""
OLD = 300.0
"""Seconds after which a lock without a process is nobody's."""
DOCUMENTS = ("", "videos", "plots")
"""Folders of a project that rlx writes documents of its own into, unless another place is named."""
HALF_WRITTEN = re.compile(r"\..+(\.(?:html|png|svg|pdf|mp4|gif|zip|json))\.[a-z0-9_]{8}\1")
"""What a document is called while it is written: :func:`rlx.config.replacing` names it so."""
UNFINISHED = (1, 2)
"""States of an experiment in DVC's notes: preparing, running."""


def at_work(root: Path) -> list[str]:
    """Return the commands of Git and DVC that run in a project just now."""
    found = []
    top = str(root.resolve())
    for process in psutil.process_iter(["cmdline", "name"]):
        words = process.info["cmdline"] or []
        programs = {Path(word).name for word in words[:3]}
        if not (programs & {"git", "dvc"} or "dvc" in words[:4]):
            continue
        try:
            folder = process.cwd()
        except psutil.NoSuchProcess:
            continue
        except psutil.Error:
            folder = top  # of somebody else: it may be at work here
        if folder == top or folder.startswith(f"{top}/") or top.startswith(f"{folder}/"):
            found.append(" ".join(words)[:80])
    return found


@dataclass(frozen=True)
class Detached:
    """HEAD as a killed `dvc exp run` left it.

    Attributes:
        branch: The branch it belongs on; None where that is not certain.
        references: DVC's notes of the experiment that was running.
    """

    branch: str | None
    references: tuple[str, ...]


def detached_by_dvc(root: Path) -> Detached | None:
    """Return how a killed `dvc exp run` left HEAD; None where nothing points to one."""
    listed = answer(root, "for-each-ref", "--format=%(refname)", EXECUTION) or ""
    notes = tuple(ref for ref in listed.split() if not ref.endswith("/EXEC_HEAD"))
    now = git_head(root)
    if now is None:
        return None
    if now.branch is not None:
        return Detached(now.branch, notes) if notes else None
    stashed = f"WIP on {now.came_from}: {now.commit[:7]}"
    if notes or (now.came_from and any(stashed in line for line in stashes(root))):
        return Detached(now.came_from, notes)
    return None


def reattach(root: Path, found: Detached) -> None:
    """Put HEAD back on its branch and drop DVC's notes; files and what is staged stay as they are."""
    if found.branch:
        git(root, "symbolic-ref", "-m", "rlx doctor: back on the branch", "HEAD", f"refs/heads/{found.branch}")
    for reference in found.references:
        git(root, "update-ref", "--no-deref", "-d", reference)


def stashes(root: Path) -> list[str]:
    """Return the entries of Git's stash, a line each."""
    return (answer(root, "stash", "list") or "").splitlines()


def queued(root: Path) -> int:
    """Return how many experiments wait in DVC's own stash."""
    return len((answer(root, "reflog", "show", "--format=%h", "refs/exps/stash", "--") or "").split())


def git_locks(root: Path) -> list[Path]:
    """Return the lock files in ``.git`` that are older than :data:`OLD`."""
    folder = git_folder(root)
    found = [*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock"), *(folder / "logs").rglob("*.lock")]
    return sorted(path for path in found if _age(path) > OLD)


def half_written(root: Path) -> list[Path]:
    """Return the documents that a killed command had begun to write, beside their places: untouched for :data:`OLD`."""
    found = [path for folder in DOCUMENTS for path in (root / folder).glob(".*") if HALF_WRITTEN.fullmatch(path.name)]
    return sorted(path for path in found if path.is_file() and not path.is_symlink() and _age(path) > OLD)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def experiment_folders(root: Path) -> list[Path]:
    """Return the folders and notes of experiments of DVC's that call themselves running."""
    folder = main_root(root) / ".dvc" / "tmp" / "exps"
    found = [path for path in (*folder.glob("tmp*"), *(folder / "standalone").glob("tmp*")) if path.is_dir()]
    for path in (*folder.glob("run/*"), *folder.glob("standalone/run/*")):
        notes = [*path.glob("*.run")]
        if path.is_dir() and (path.name == "workspace" or any(_unfinished(note) for note in notes)):
            found.append(path)
    return sorted(found)


def _unfinished(note: Path) -> bool:
    try:
        return read_json(note).get("status") in UNFINISHED
    except (OSError, ValueError, AttributeError, DataDamaged):
        return True


def delete(paths: list[Path]) -> None:
    """Delete files and folders that nobody uses."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def rwlocks(root: Path) -> dict[Path, int | None]:
    """Return DVC's lists of who reads and writes what: how many entries of dead processes; None if it is damaged."""
    folder = main_root(root) / ".dvc" / "tmp"
    found: dict[Path, int | None] = {}
    for path in (folder / "rwlock", folder / "exps" / "rwlock"):
        try:
            found[path] = _dead(read_json(path))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError, DataDamaged):
            found[path] = None
    return found


def _dead(content: dict[str, Any]) -> int:
    entries = [
        *content.get("write", {}).values(),
        *(each for many in content.get("read", {}).values() for each in many),
    ]
    return sum(not is_same(int(entry["pid"]), None) for entry in entries if entry)


def empty_rwlock(path: Path) -> None:
    """Empty one of DVC's lists."""
    write_text(path, "{}")
