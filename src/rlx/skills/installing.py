"""Copying skills and agents to where a program looks for them, without overwriting what a person changed.

What was installed is noted with its hashes beside it; a file whose hash is another than the noted one is a person's.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import rlx
from rlx.config import check_file, parse_json, place, read_text, require, write_bytes, write_json
from rlx.errors import DataDamaged, DataRefused
from rlx.skills.hosts import Host, files_for
from rlx.skills.plugin import MOST_PAGE_BYTES

FORMAT = 1
SOURCE = "rlx skills install"
MOST_RECORD_BYTES = 2**20
LEFT_AFTER = 60.0
"""Seconds after which a temporary file is nobody's: writing one takes milliseconds."""

State = Literal["written", "updated", "same", "kept", "removed"]


@dataclass(frozen=True)
class InstalledFile:
    """A file of a skill or an agent.

    Attributes:
        path: Where it is, below the folder of the document.
        state: ``written`` (was not there), ``updated`` (was as installed, and is as shipped now), ``same``, ``kept`` (was
            changed by a person, and stays), or ``removed`` (rlx ships it no longer).
    """

    path: str
    state: State


@dataclass(frozen=True)
class SkillsInstalled:
    """What installing skills did.

    Attributes:
        format: Of this document.
        version: Of rlx.
        folder: The project, or the folder that was named.
        hosts: For which programs.
        files: Each file.
    """

    format: int
    version: str
    folder: str
    hosts: tuple[str, ...]
    files: tuple[InstalledFile, ...]

    def count(self, state: State) -> int:
        """Return how many files are in a state."""
        return sum(file.state == state for file in self.files)


@dataclass(frozen=True)
class _Change:
    """What is to become of a file: ``content`` None leaves it alone, or deletes it where the state is ``removed``."""

    target: Path
    file: InstalledFile
    content: bytes | None


def install(folder: Path, hosts: Mapping[str, Host], plugin: Path, *, force: bool = False) -> SkillsInstalled:
    """Copy a plugin's skills and agents below a folder.

    Nothing is written before all of it is known to be allowed. Each file is written whole or not at all.

    Args:
        folder: The project, or another folder; that it is a link is its owner's choice.
        hosts: For whom, by name.
        plugin: The plugin's folder.
        force: Replace files that a person changed, too.

    Raises:
        DataRefused: A link, or something that is no file, stands where one is to be written.
        DataDamaged: The note of what was installed cannot be read.
    """
    planned = {name: _plan(folder, host, plugin, force=force) for name, host in hosts.items()}
    for name, changes in planned.items():
        for change in changes:
            _carry_out(change)
            _tidy(change.target)
        _note(folder, hosts[name], plugin, changes)
    files = tuple(change.file for changes in planned.values() for change in changes)
    return SkillsInstalled(FORMAT, rlx.__version__, str(folder), tuple(hosts), files)


def _plan(folder: Path, host: Host, plugin: Path, *, force: bool) -> list[_Change]:
    noted = _noted(folder, host)
    wanted = files_for(host, plugin)
    changes = []
    for path, content in wanted.items():
        target = _place(folder, path)
        found = _hash_of(target)
        if found is None:
            changes.append(_Change(target, InstalledFile(path, "written"), content))
        elif found == hashlib.sha256(content).hexdigest():
            changes.append(_Change(target, InstalledFile(path, "same"), None))
        elif force or found == noted.get(path):
            changes.append(_Change(target, InstalledFile(path, "updated"), content))
        else:
            changes.append(_Change(target, InstalledFile(path, "kept"), None))
    for path in sorted(set(noted) - set(wanted)):
        if path.startswith((f"{host.skills}/", f"{host.agents}/")):
            target = _place(folder, path)
            if _hash_of(target) == noted[path]:
                changes.append(_Change(target, InstalledFile(path, "removed"), None))
    return changes


def _place(folder: Path, path: str) -> Path:
    """Return where a file may be written; refuse links and whatever is no folder above it, or no file in its place."""
    target = place(folder, path, SOURCE)
    for above in reversed(target.parents[: path.count("/")]):
        if above.exists() and not above.is_dir():
            raise DataRefused(f"{above}: is no folder, and {path} is to be below it; move it away. Nothing was written")
    if target.exists() and not target.is_file():
        raise DataRefused(f"{target}: is no file, and one is to stand there; move it away. Nothing was written")
    return target


def _hash_of(path: Path) -> str | None:
    """Return the hash of a file; None where there is none. What is too large to be one of ours has no hash of ours."""
    if not path.is_file():
        return None
    if path.stat().st_size > MOST_PAGE_BYTES:
        return "too large"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _carry_out(change: _Change) -> None:
    if change.content is not None:
        write_bytes(change.target, change.content)
    elif change.file.state == "removed":
        change.target.unlink(missing_ok=True)
        if not os.listdir(change.target.parent):  # noqa: PTH208
            change.target.parent.rmdir()


def _tidy(target: Path) -> None:
    """Delete what an install that was killed left beside a file: programs would read it too."""
    left = re.compile(rf"\.{re.escape(target.name)}\.\w{{8}}{re.escape(target.suffix)}")
    for path in target.parent.glob(f".{target.name}.*"):
        if left.fullmatch(path.name) and not path.is_symlink() and path.is_file():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFT_AFTER:
                    path.unlink()


def _noted(folder: Path, host: Host) -> dict[str, str]:
    """Return the hashes of what was installed, by path."""
    path = _place(folder, host.record)
    try:
        check_file(path, MOST_RECORD_BYTES)
        content = parse_json(read_text(path, MOST_RECORD_BYTES))
        files = content["files"]
        require(all(isinstance(part, str) for pair in files.items() for part in pair), "paths and hashes")
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataDamaged(
            f"{path}: does not say what was installed. Delete it: files that are as rlx ships them stay, and others count as yours"
        ) from None
    return dict(files)


def _note(folder: Path, host: Host, plugin: Path, changes: list[_Change]) -> None:
    """Note what is installed now. A file that a person changed keeps the hash it had, so that it stays theirs."""
    before = _noted(folder, host)
    shipped = {path: hashlib.sha256(content).hexdigest() for path, content in files_for(host, plugin).items()}
    files = {}
    for change in changes:
        path = change.file.path
        if change.file.state == "kept" and path in before:
            files[path] = before[path]
        elif change.file.state not in ("kept", "removed"):
            files[path] = shipped[path]
    content = {"format": FORMAT, "rlx": rlx.__version__, "files": dict(sorted(files.items()))}
    target = _place(folder, host.record)
    if files != before or not target.is_file():
        write_json(target, content)
