"""Whether a folder is on a disk that other machines may see, as far as that can be told from here."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = {"tmpfs", "ramfs", "overlay", "aufs", "squashfs"}
"""What no other machine ever sees: memory, and the inside of a container."""
LOCAL_DISKS = {
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "f2fs",
    "jfs",
    "reiserfs",
    "apfs",
    "vfat",
    "exfat",
    "bcachefs",
}
"""What others see only where it is exported to them, under the same name."""
CURE = "move the project to a disk that all nodes see, or work without one (docs/scale.md, Without a shared disk)"


def kind_of_disk(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return what kind of file system a folder is on: ``ext4``, ``nfs4``, …; empty where that is not told.

    Args:
        folder: The folder, or where it will be.
        mounts: What Linux says of its mounts (proc(5), ``mountinfo``).
    """
    best, kind, place = -1, "", folder.resolve()
    with suppress(OSError):
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            fields = before.split()
            if len(fields) < 5 or not after:
                continue
            point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]))
            if len(point.parts) >= best and place.is_relative_to(point):  # of two at one place the later one counts
                best, kind = len(point.parts), after.split()[0]
    return kind


def others(hosts: Iterable[str]) -> list[str]:
    """Return those of some machines that are not this one."""
    here = _short(socket.gethostname())
    return sorted({host for host in hosts if host and _short(host) != here})


def trouble(folder: Path, hosts: Iterable[str], mounts: Path = MOUNTS) -> tuple[str | None, str | None]:
    """Return what is wrong, and what may be wrong, with a folder that machines are to share, a sentence each.

    Args:
        folder: The folder.
        hosts: The machines.
        mounts: What Linux says of its mounts.
    """
    elsewhere, kind = others(hosts), kind_of_disk(folder, mounts)
    if not elsewhere or kind not in IN_MEMORY | LOCAL_DISKS:
        return None, None
    names = ", ".join(elsewhere[:3]) + (" …" if len(elsewhere) > 3 else "")
    if kind in IN_MEMORY:
        return f"{folder} is on a file system of this machine alone ({kind}), which {names} cannot see: {CURE}", None
    return None, f"{folder} is on a disk of this machine ({kind}): unless {names} see it under the same name, {CURE}"


def _short(host: str) -> str:
    return host.partition(".")[0].lower()
