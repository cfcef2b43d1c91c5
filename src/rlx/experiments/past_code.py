"""The project's code as a run was trained with: what stands here, or what the commit of the run has."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rlx.config import Snapshot, is_unchanged
from rlx.errors import CommandFailed, ConfigError, DataDamaged, Missing
from rlx.experiments.references import find_origin
from rlx.launch import git
from rlx.records import RunFolder, read_metadata
from rlx.stats import listed


@dataclass(frozen=True)
class PastCode:
    """Where the code of a run can be used.

    Attributes:
        root: A project that has it: the present one, or a copy that is thrown away.
        commit: The commit that the copy was taken from; None where it is the present one.
        changed: Files of the run that the present project has otherwise.
    """

    root: Path
    commit: str | None
    changed: tuple[str, ...]


@contextmanager
def code_of_run(root: Path, folder: RunFolder, snapshot: Snapshot) -> Iterator[PastCode]:
    """Give the project with the code that a run was trained with; nothing of the present one is touched.

    Args:
        root: The present project.
        folder: The run.
        snapshot: Its effective configuration, with the hashes of that code.

    Raises:
        ConfigError: The project's code is another now, and no commit that is known has that of then.
    """
    changed = _changed(root, snapshot)
    if not changed:
        yield PastCode(root, None, ())
        return
    commit = _commit_of(root, folder)
    with tempfile.TemporaryDirectory(prefix="rlx-code-") as place:
        copy = Path(place)
        if commit is None or not _laid_out(root, commit, copy):
            raise _refusal(folder, changed, commit, "this clone does not have it")
        for name in _changed(copy, snapshot):
            if name not in changed:  # data that DVC or nobody keeps
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / name, copy / name)
        if lacking := _changed(copy, snapshot):
            raise _refusal(folder, lacking, commit, "it has others, so the run was made with uncommitted changes")
        yield PastCode(copy, commit, tuple(changed))


def _changed(root: Path, snapshot: Snapshot) -> list[str]:
    return [name for name, digest in snapshot.code.everything.items() if not is_unchanged(root / name, digest)]


def _commit_of(root: Path, folder: RunFolder) -> str | None:
    """Return the commit of a kept experiment, which has what was not committed when it was made; else the one on record."""
    origin = folder.origin or find_origin(root, folder)
    if origin is not None:
        return origin.commit
    try:
        commit = (read_metadata(folder.path).get("git") or {}).get("commit")
    except (Missing, DataDamaged):
        return None
    return str(commit) if commit else None


def _laid_out(root: Path, commit: str, place: Path) -> bool:
    """Write the project's files of a commit into a folder; tell whether the clone has the commit."""
    archive = place / ".code.tar"
    try:
        git(root, "archive", "--format=tar", f"--output={archive}", "--end-of-options", commit)
        with tarfile.open(archive) as files:
            files.extractall(place, filter="data")
    except (CommandFailed, tarfile.TarError):
        return False
    finally:
        archive.unlink(missing_ok=True)
    return True


def _refusal(folder: RunFolder, names: Sequence[str], commit: str | None, why: str) -> ConfigError:
    where = f"its commit {commit[:12]} is on record, but {why}" if commit else "no commit is on record for it"
    return ConfigError(
        f"{folder.name} was trained with another {listed(list(names))} than the project has now, and {where}: it cannot be trained "
        "again here; bring that state of the file back"
    )
