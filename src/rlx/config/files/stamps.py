"""By what it is seen that files may have changed, without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

Stamps = tuple[tuple[str, int, int], ...]
"""Path, time of change in nanoseconds and bytes of each file that is there."""


def stamps(paths: Sequence[Path]) -> Stamps:
    """Return time and size of files; those that are not there are left out."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
