"""Whether a disk has room."""

from __future__ import annotations

import shutil
from pathlib import Path

FULL = 16 * 2**20
"""Bytes below which a disk counts as full, where a command failed."""


def is_full(folder: Path) -> bool:
    """Tell whether so little is free on the disk of a folder that a command which failed there did so for that."""
    return shutil.disk_usage(folder).free < FULL
