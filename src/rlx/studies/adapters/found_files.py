"""Which files a pattern of an adapter means: below ``{out}`` alone, and never through a link out of it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlx.config import check_file, leads_out
from rlx.errors import DataDamaged, DataRefused, Missing
from rlx.stats import shown

OUT = "{out}/"
MOST_ENTRIES = 100_000
"""Files and folders below ``{out}`` that are looked at."""
MOST_BYTES = 256 * 2**20
"""Of a file that is read."""


def found_files(pattern: str, out: Path) -> list[Path]:
    """Return the files that a pattern means, in the order of their names; links to one file count once.

    Args:
        pattern: ``{out}/`` and a path below, in which ``*``, ``?``, ``[…]`` and (any number of folders) ``**`` may stand.
        out: The folder ``{out}``.

    Raises:
        Missing: There is none.
        DataRefused: One is a link that leads out of ``out``; or there are too many files to look at.
        DataDamaged: One is no file, or has more than :data:`MOST_BYTES`.
    """
    below = pattern.removeprefix(OUT)
    if out.is_symlink():
        raise DataRefused(f"{out}: is a link to {shown(os.path.realpath(out))}; nothing is read through it")
    found: dict[str, Path] = {}
    for path in sorted(set(_matches(out, below.split("/"), _Count()))):
        if leads_out(out, path):
            raise DataRefused(
                f"{path}: is a link out of its folder, to {shown(os.path.realpath(path))}; nothing is read through it"
            )
        if path.is_dir():
            continue
        try:
            check_file(path, MOST_BYTES)
        except OSError as error:
            raise DataDamaged(f"{path}: cannot be read: {error.strerror}") from None
        found.setdefault(os.path.realpath(path), path)
    if not found:
        raise Missing(f"there is no file {below} in {out}: the command has not written what the adapter promises")
    return list(found.values())


def found_file(pattern: str, out: Path) -> Path:
    """Return the one file that a pattern means; raises as :func:`found_files`, and DataDamaged where there are several."""
    paths = found_files(pattern, out)
    if len(paths) > 1:
        raise DataDamaged(
            f"{len(paths)} files in {out} are called {pattern.removeprefix(OUT)}; the adapter must mean one"
        )
    return paths[0]


class _Count:
    """How many entries have been looked at."""

    def __init__(self) -> None:
        self._seen = 0

    def add(self, folder: Path) -> None:
        """Count one more."""
        self._seen += 1
        if self._seen > MOST_ENTRIES:
            raise DataRefused(
                f"{folder}: has more than {MOST_ENTRIES:,} files and folders; they are not looked through"
            )


def _matches(folder: Path, parts: Sequence[str], count: _Count) -> Iterator[Path]:
    """Yield what matches below a folder; folders behind links that lead out are yielded too, for the caller to refuse."""
    first, *rest = parts
    if first == "**":
        yield from _matches(folder, rest, count) if rest else ()
        for entry in _entries(folder, count):
            path = folder / entry.name
            if not rest:
                yield path
            if entry.is_dir(follow_symlinks=False):
                yield from _matches(path, parts, count)
        return
    for entry in _entries(folder, count):
        if not fnmatch.fnmatchcase(entry.name, first):
            continue
        path = folder / entry.name
        if not rest or (entry.is_symlink() and not _stays(path)):
            yield path
        elif entry.is_dir():
            yield from _matches(path, rest, count)


def _stays(path: Path) -> bool:
    """Tell whether a link leads to something below the folder it is in."""
    return not leads_out(path.parent, path)


def _entries(folder: Path, count: _Count) -> list[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except NotADirectoryError:
        return []
    for _ in entries:
        count.add(folder)
    return entries
