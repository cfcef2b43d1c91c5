"""The files of the project that an environment reads: part of a run as its code is, so that a change of them trains anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlx.config.files.atomic import sha256_of
from rlx.config.project import PACKAGES
from rlx.errors import Missing

NOT_DATA = (*PACKAGES, "configs", "stages", "runs", "analysis", "logs", "__pycache__", "site-packages", "node_modules")
"""Folders whose files are code (which is hashed as such), settings or results."""
OWN_FILES = ("params.yaml", "dvc.yaml", "dvc.lock")
MANY = 10_000
"""A folder with more files than this is not looked through."""


class ReadFiles:
    """The files of the project that were opened for reading while one of these listened."""

    def __init__(self, root: Path):
        self._root, self._opened, self._on = root.resolve(), set[str](), False
        sys.addaudithook(self._heard)  # for ever: Python cannot take one away

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note what is opened inside the block."""
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or event not in ("open", "sqlite3.connect"):
            return
        name, mode, flags = (*arguments, None, None)[:3]
        reads = (isinstance(mode, str) and mode[:1] in ("r", "U") and "+" not in mode) or (
            mode is None and (not isinstance(flags, int) or flags & os.O_ACCMODE == os.O_RDONLY)
        )
        if reads and isinstance(name, str | bytes | os.PathLike):
            self._opened.add(os.fspath(os.fsdecode(name)))

    @property
    def names(self) -> tuple[str, ...]:
        """The files, as paths in the project, sorted."""
        return tuple(sorted({found for name in self._opened if (found := data_file(self._root, Path(name)))}))


def data_file(root: Path, path: Path) -> str | None:
    """Return a file that counts as data as a path in the project; None for anything else."""
    whole = Path(os.path.normpath(root / path))
    if not whole.is_relative_to(root):
        whole = Path(os.path.realpath(whole))
    try:
        inside = whole.relative_to(root)
        if not inside.parts or not (root / inside).is_file():
            return None
    except (ValueError, OSError):
        return None
    hidden = any(part.startswith(".") for part in inside.parts)
    if hidden or inside.parts[0] in NOT_DATA or set(inside.parts) & {"__pycache__", "site-packages"}:
        return None
    if inside.as_posix() in OWN_FILES or inside.suffix in (".py", ".pyc", ".so", ".dvc"):
        return None
    return inside.as_posix()


def named_data(root: Path, arguments: Any) -> Iterator[str]:
    """Yield the files of the project that arguments name, those below a folder included, as paths in the project."""
    if isinstance(arguments, dict):
        for value in arguments.values():
            yield from named_data(root, value)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            yield from named_data(root, value)
    elif isinstance(arguments, str) and 0 < len(arguments) < 1024 and "\0" not in arguments:
        base = root.resolve()
        path = Path(os.path.normpath(base / arguments))
        if found := data_file(base, path):
            yield found
        elif path != base and path.is_relative_to(base) and not path.relative_to(base).parts[0].startswith("."):
            yield from _below(base, path)


def _below(root: Path, folder: Path) -> Iterator[str]:
    if folder.relative_to(root).parts[0] in NOT_DATA or not folder.is_dir():
        return
    count = 0
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            count += 1
            if count > MANY:
                return
            if found := data_file(root, Path(where) / name):
                yield found


def data_hashes(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of data files, by path in the project, sorted.

    Raises:
        Missing: One is gone.
    """
    found = {}
    for name in sorted(set(names)):
        if not (root / name).is_file():
            raise Missing(f"{name}: the environment reads it, and it is not here; `dvc pull` brings what DVC keeps")
        found[name] = sha256_of(root / name)
    return found


def missing_data(root: Path, error: BaseException | None) -> str:
    """Return how to bring a file back that an error, or its cause, misses, where DVC keeps it; empty for anything else."""
    while error is not None:
        if isinstance(error, FileNotFoundError) and isinstance(error.filename, str):
            path = Path(os.path.normpath(root / error.filename))
            for kept in (path, *path.parents):
                if kept.is_relative_to(root) and kept.with_name(f"{kept.name}.dvc").is_file():
                    return f"; `dvc pull {kept.relative_to(root)}` brings it"
        error = error.__cause__
    return ""
