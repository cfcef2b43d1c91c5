"""Where a command writes a document of its own (``-o FILE``): what may be replaced, and the mark by which that is known.

A file that rlx wrote carries a mark that no viewer shows: a text chunk in a PNG, a comment in an SVG, GIF or PDF, a ``meta`` of
a page, an empty box of an MP4. Only such files are replaced unasked.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlx.config import replacing
from rlx.errors import UsageError
from rlx.launch import write_bytes_out

STDOUT = Path("-")
MARK = b"generator: rlx"
META = b'<meta name="generator" content="rlx'
_LOOKED_AT = 65_536
"""Bytes from a file's start, and from its end, in which the mark stands."""
_KEPT_BY_OTHERS = {".git": "Git's own", ".dvc": "DVC's own", "runs": "a run's, and DVC keeps it as it is"}


@contextmanager
def delivered(path: Path, suffix: str, *, force: bool, default: bool = False) -> Iterator[Path]:
    """Give a path to write a document to; when the block ends it carries the mark and stands in its place.

    Args:
        path: Its place; ``-`` is standard output. Missing folders are made.
        suffix: What kind of document it is, with the dot.
        force: Replace a file that is not rlx's too.
        default: Nobody named the place: an unmarked file of that name was written by an rlx that set no marks.

    Yields:
        A path of that suffix; when the block raises, what stands at the place is untouched.

    Raises:
        UsageError: The place is not rlx's to write to.
    """
    check_destination(path, force=force, default=default)
    if path == STDOUT:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / f"document{suffix}"
            yield written
            write_bytes_out(marked(written.read_bytes(), suffix))
        return
    with replacing(path) as temporary:
        yield temporary
        temporary.write_bytes(marked(temporary.read_bytes(), suffix))


def check_destination(path: Path, *, force: bool, default: bool = False) -> None:
    """Refuse a place that is not rlx's to write to; see :func:`delivered`. To be called before the work is done.

    Raises:
        UsageError: It is a device, a folder, a link, in a folder that others keep, or a file without the mark.
    """
    if path == STDOUT:
        if sys.stdout.isatty():
            raise UsageError("-o -: standard output is a terminal; send it to a file or a pipe (`... -o - > FILE`)")
        return
    if "\0" in str(path):
        raise UsageError("-o: a file's name has no null character in it")
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    _check_kind(path, mode)
    if force:
        return
    if default and not path.parent.resolve().is_relative_to(Path.cwd().resolve()):
        raise UsageError(f"{path.parent} leads out of this folder; name the place with `-o {path}` if that is meant")
    _check_folder(path)
    if mode is None:
        return
    if stat.S_ISLNK(mode):
        raise UsageError(f"-o {path}: is a link; name the file itself, or replace the link with --force")
    if not (has_mark(path) or (default and path.suffix != ".html")):
        raise UsageError(
            f"-o {path}: is there and was not written by rlx; name another file, or replace it with --force"
        )


def _check_kind(path: Path, mode: int | None) -> None:
    """Refuse what is no file, whatever is forced: what a link leads to counts."""
    try:
        mode = path.stat().st_mode if mode is not None and stat.S_ISLNK(mode) else mode
    except OSError:  # a link that leads nowhere, or in a circle
        return
    if mode is not None and stat.S_ISDIR(mode):
        raise UsageError(f"-o {path}: is a folder; name a file")
    if mode is not None and not stat.S_ISREG(mode):
        raise UsageError(f"-o {path}: is a device, pipe or socket, no file; `-o -` writes to standard output")


def _check_folder(path: Path) -> None:
    """Refuse folders of a project that Git and DVC answer for."""
    folder = path.parent.resolve()
    for above in (folder, *folder.parents):
        keeper = _KEPT_BY_OTHERS.get(above.name)
        ours = above.name.startswith(".") or (above != folder and (above.parent / ".dvc").is_dir())
        if keeper and ours:
            raise UsageError(f"-o {path}: that folder is {keeper}; name another place")


def has_mark(path: Path) -> bool:
    """Tell whether a file was written by rlx."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOKED_AT))
        return META in start or MARK in start or MARK in file.read(_LOOKED_AT)


def marked(content: bytes, suffix: str) -> bytes:
    """Return a document with rlx's mark in it, once."""
    if META in content[:_LOOKED_AT] or MARK in content[:_LOOKED_AT] or MARK in content[-_LOOKED_AT:]:
        return content
    if suffix == ".png":
        data = b"tEXtComment\0" + MARK
        chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
        return content[:33] + chunk + content[33:]  # after the signature and the header
    put = {
        ".svg": lambda: content.replace(b"<svg", b"<!-- " + MARK + b" -->\n<svg", 1),
        ".html": lambda: content.replace(b"<head>", b"<head>" + META + b'">', 1),
        ".pdf": lambda: content + b"%" + MARK + b"\n",  # a comment
        ".gif": lambda: content[:-1] + b"\x21\xfe" + bytes([len(MARK)]) + MARK + b"\0" + content[-1:],
    }
    if suffix in put:
        return put[suffix]()
    return content + struct.pack(">I", 8 + len(MARK)) + b"free" + MARK
