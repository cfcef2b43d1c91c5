"""Whether the system killed for want of memory: what Linux counts for the control groups that this process is in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def kills_for_memory(of: Path = Path("/proc/self/cgroup"), groups: Path = GROUPS) -> int:
    """Return how many processes of this process's control group the system has killed for want of memory; 0 where that is not told.

    Args:
        of: Names the group, a line for each hierarchy.
        groups: Where groups are folders.
    """
    found = 0
    with suppress(OSError):
        for line in of.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            folder = groups / (controllers if controllers == "memory" else "") / path.lstrip("/")
            if controllers in ("", "memory"):
                found = max(found, _count(folder / "memory.events"), _count(folder / "memory.oom_control"))
    return found


def _count(path: Path) -> int:
    """Return the number after ``oom_kill`` in a file of names and numbers, 0 without one."""
    with suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0
