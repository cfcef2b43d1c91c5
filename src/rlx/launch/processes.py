"""What a worker process has started: found, named and ended, also where it has left its parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress

import psutil

from rlx.launch.forked import TOKEN

_OURS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


def started_by(token: str, pid: int) -> list[psutil.Process]:
    """Return the living processes that a worker has started, and what they have started, without the worker itself.

    Args:
        token: The worker's :data:`TOKEN`.
        pid: The worker, which may be dead.
    """
    found: dict[int, psutil.Process] = {}
    with suppress(psutil.Error):
        found = {child.pid: child for child in psutil.Process(pid).children(recursive=True)}
    for process in psutil.process_iter():
        try:
            if process.pid not in found and process.environ().get(TOKEN, "").strip() == token:
                found[process.pid] = process
        except (psutil.Error, OSError):  # not ours to read
            continue
    return [child for number, child in found.items() if number not in (pid, os.getpid())]


def end(processes: Iterable[psutil.Process]) -> None:
    """Kill processes."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


def left_behind(threads_before: set[int]) -> list[str]:
    """Return the threads and child processes that code in this process has left running, as people read them.

    Args:
        threads_before: Identities of the threads that were there before.
    """
    found = [
        f"the thread {thread.name}"
        for thread in threading.enumerate()
        if thread.ident not in threads_before and not thread.daemon and thread is not threading.main_thread()
    ]
    for child in started_by(os.environ.get(TOKEN, ""), os.getpid()):
        try:
            command = " ".join(child.cmdline())
            if child.status() != psutil.STATUS_ZOMBIE and not any(name in command for name in _OURS):
                found.append(f"the process {child.pid} ({command[:60]})")
        except psutil.Error:
            continue
    return found
