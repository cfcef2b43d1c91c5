"""Where a path that comes from data may lead: into the folder it belongs to, and nowhere else.

A colleague's branch, ``dvc.lock``, a folder's listing in DVC's cache, a run folder from elsewhere: all of them are names
that somebody else wrote. :func:`place` decides for what is written, :func:`check_links` and :func:`leads_out` for what is
read; nobody else joins such a name to a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from rlx.errors import DataRefused
from rlx.stats import shown

MOST_BYTES_IN_A_NAME = 255
MOST_BYTES_IN_A_PATH = 4000

Allowed = Callable[[Path], bool]
"""Tells of a resolved path outside of a folder whether a link in the folder may lead there."""


def nowhere(_: Path) -> bool:
    """Allow links to lead nowhere outside of their folder."""
    return False


def anywhere(_: Path) -> bool:
    """Allow links to lead anywhere: only the folder itself must be none."""
    return True


def place(folder: Path, relative: str, source: str) -> Path:
    """Return where something called ``relative`` in data may be written below a folder.

    Args:
        folder: The folder it belongs to. That it is a link, or lies behind one, is its owner's choice.
        relative: The name or path that data gives it.
        source: What says so, for the message.

    Raises:
        DataRefused: It is absolute, climbs, is not what a file can be called everywhere, or leads through a link.
    """
    check_plain(relative, source)
    path = folder
    for part in relative.split("/"):
        path /= part
        if path.is_symlink():
            raise DataRefused(
                f"{source}: {path} is a link to {shown(str(path.readlink()))}, and results are not written through links; "
                f"nothing was written. If the link is not yours, delete it"
            )
    return path


def check_plain(relative: str, source: str) -> None:
    """Refuse a path of data that would not stay below the folder it belongs to, links aside; see :func:`place`."""
    if fault := _fault(relative):
        raise DataRefused(f"{source}: the path {shown(relative)} {fault}; nothing was written")


def is_plain_path(relative: str) -> bool:
    """Tell whether a path of data stays below the folder it is read in; links aside."""
    return _fault(relative) is None


def _fault(relative: str) -> str | None:
    """Return what is wrong with a path, None where it is sound on every system."""
    parts = relative.split("/")
    sizes = [len(part.encode(errors="surrogatepass")) for part in parts]
    faults = {
        "is absolute": relative.startswith("/") or re.match(r"[A-Za-z]:", relative),
        "leads out of its folder, or is not written plainly": any(part in ("..", ".", "") for part in parts),
        "has a backslash or control characters in it": re.search(r"[\\\x00-\x1f\x7f\ud800-\udfff]", relative),
        "would be part of a Git repository": any(part.lower() == ".git" for part in parts),
        "is too long": sum(sizes) > MOST_BYTES_IN_A_PATH or max(sizes) > MOST_BYTES_IN_A_NAME,
    }
    return next((fault for fault, found in faults.items() if found), None)


def leads_out(folder: Path, path: Path, allowed: Allowed = nowhere) -> bool:
    """Tell whether a path in a folder leads, through links, to something elsewhere that is not allowed.

    A link to nothing leads nowhere.
    """
    target = Path(os.path.realpath(path))
    return not target.is_relative_to(os.path.realpath(folder)) and target.exists() and not allowed(target)


def check_links(folder: Path, names: Collection[str], allowed: Allowed = nowhere) -> None:
    """Refuse a folder that is a link itself, or in which a link leads elsewhere.

    Args:
        folder: The folder; none is fine.
        names: What is read of it; other entries are its owner's business.
        allowed: Where else links may lead.

    Raises:
        DataRefused: The message names the link.
    """
    if folder.is_symlink():
        raise DataRefused(
            f"{folder}: is a link to {shown(str(folder.readlink()))}; a run is a folder of its own, and nothing is read or "
            f"written through a link. If the link is not yours, delete it"
        )
    for link in _links(folder, names):
        if leads_out(folder, link, allowed):
            raise DataRefused(
                f"{link}: is a link to {shown(str(link.readlink()))}, outside of its run's folder and of DVC's cache; nothing of "
                f"this run is read. If the link is not yours, delete it"
            )


def _links(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield the links in what is read of a folder, not followed."""
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError:
            continue  # not there, or not readable: whoever reads it says so
        for entry in entries:
            if here == folder and entry.name not in names:
                continue
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
