"""What is another in a process that was forked: whose work it does, what others read of its environment, and CUDA."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

TOKEN = "RLX_WORKER"
"""Environment variable of a worker; everything it starts inherits it, whatever session or parent that has later."""
ROOM = " " * 32
"""What the warm process has for a worker's token, which its forks write over."""
_forked_for: int | None = None


def stage_process() -> int:
    """Return the process that DVC started as this stage: this one, or the one that this one is run for."""
    return _forked_for or os.getpid()


def may_fork() -> bool:
    """Tell whether this process is a fork of the warm one, and its workers can be forks too.

    They cannot where a page of the project has imported JAX: it has threads, without which its forks would wait for ever.
    """
    return _forked_for is not None and "jax" not in sys.modules and not touches_cuda()


def be_fork_for(stage: int) -> None:
    """Note that this process is a fork of the warm one, run for a stage's own process."""
    global _forked_for
    _forked_for = stage


def touches_cuda() -> bool:
    """Tell whether this process has called CUDA, which no fork of it could use then."""
    try:
        return "libcuda.so" in Path("/proc/self/maps").read_text(errors="replace")
    except OSError:
        return False


def show_token(token: str) -> None:
    """Let others read a worker's :data:`TOKEN` in a fork, whose environment they see as the warm process was given it."""
    with suppress(OSError, ValueError, IndexError):
        first, last = map(int, Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()[47:49])
        place = ctypes.string_at(first, last - first).index(f"{TOKEN}=".encode()) + len(TOKEN) + 1
        ctypes.memmove(first + place, token.ljust(len(ROOM)).encode(), len(ROOM))
