"""Runs one command of somebody else's and answers for its end; a program of its own, which imports nothing of rlx.

It reads what to run as a line of JSON from its input, and writes what came of it as a line of JSON. As long as its input
stays open somebody waits for it: where that closes (Ctrl-C, or whoever started it was killed), the command is stopped.

It holds the lock that it was started with until all has ended, so that whoever comes next can wait for that.

Everything that the command started ends with it: its process group, and on Linux also what left that group, for this
process adopts orphans (``PR_SET_CHILD_SUBREAPER``, prctl(2)).
"""

from __future__ import annotations

import collections
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

LOOK = 0.05
"""Seconds between two looks at the command."""
DRAIN = 1.0
"""Seconds that are waited for output which is still on its way when everything has ended."""
SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of linux/prctl.h."""


class BoundedLog:
    """A file that takes the first and the last half of what is written to it; what lies between is counted."""

    def __init__(self, path: Path, most: int):
        path.unlink(missing_ok=True)  # never through a link that somebody has put there
        self._file, self._room = path.open("wb"), most // 2
        self._most_tail, self._tail_size = most - most // 2, 0
        self._tail: collections.deque[bytes] = collections.deque()
        self.dropped = 0

    def write(self, content: bytes) -> None:
        """Take some output."""
        head, rest = content[: self._room], content[self._room :]
        self._room -= len(head)
        try:
            self._file.write(head)
            self._file.flush()
        except OSError:  # a full disk: the command goes on, and whoever judges it sees what it lacks
            self.dropped += len(head)
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size > self._most_tail:
            over = self._tail_size - self._most_tail
            first = self._tail.popleft()
            if len(first) > over:
                self._tail.appendleft(first[over:])
            lost = min(over, len(first))
            self._tail_size -= lost
            self.dropped += lost

    def close(self) -> None:
        """Write the last half."""
        with suppress(OSError), self._file:
            if self.dropped:
                self._file.write(f"\n... {self.dropped} bytes were left out here ...\n".encode())
            self._file.writelines(self._tail)


class Command:
    """A command that runs, and how it is stopped: SIGINT, a pause, SIGTERM, a pause, SIGKILL."""

    def __init__(self, told: dict[str, Any]):
        self._began = time.monotonic()
        self._limit: float = told["timeout"]
        self._pauses: tuple[float, float] = tuple(told["pauses"])
        self._log = BoundedLog(Path(told["output"]), told["most_bytes"])
        self._stop_began: float | None = None
        self._sent = 0
        self.timed_out = self.interrupted = False
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what is ignored here would be ignored there
        self._process = subprocess.Popen(
            told["command"],
            cwd=told["folder"],
            env=told["variables"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group too."""
        return self._process.pid

    def finish(self, waiting: IO[bytes]) -> dict[str, Any]:
        """Follow the command to its end.

        Args:
            waiting: Closes where nobody waits for it any more.
        """
        output = self._process.stdout
        assert output is not None
        watched = [output, waiting]
        while self._process.poll() is None:
            ready, _, _ = select.select(watched, [], [], LOOK)
            if output in ready and not self._take(output):
                watched.remove(output)
            if waiting in ready and not os.read(waiting.fileno(), 4096):
                watched.remove(waiting)
                self._stop(interrupted=True)
            if not watched:
                time.sleep(LOOK)
            self._look()
        seconds = time.monotonic() - self._began
        left = self._end_rest()
        until = time.monotonic() + DRAIN
        while output in watched and time.monotonic() < until:
            if select.select([output], [], [], LOOK)[0] and not self._take(output):
                break
        self._log.close()
        code = self._process.returncode
        return {
            "status": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "timed_out": self.timed_out,
            "interrupted": self.interrupted,
            "seconds": seconds,
            "dropped": self._log.dropped,
            "left": left,
        }

    def _take(self, output: IO[bytes]) -> bool:
        content = os.read(output.fileno(), 65536)
        self._log.write(content)
        return bool(content)

    def _stop(self, *, interrupted: bool) -> None:
        if self._stop_began is None:
            self._stop_began = time.monotonic()
            self.timed_out, self.interrupted = not interrupted, interrupted

    def _look(self) -> None:
        """Send the next signal when its time has come."""
        now = time.monotonic()
        if self._stop_began is None and now - self._began > self._limit:
            self._stop(interrupted=False)
        if self._stop_began is None or self._sent == 3:
            return
        waited = now - self._stop_began
        if waited >= (0.0, self._pauses[0], sum(self._pauses))[self._sent]:
            number = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[self._sent]
            self._sent += 1
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _end_rest(self) -> int:
        """End what the command left behind; returns how many processes that were."""
        import psutil

        rest = _rest(self.pid)
        for number, patience in ((signal.SIGTERM, min(self._pauses[0], 2.0)), (signal.SIGKILL, 2.0)):
            living = rest if number == signal.SIGTERM else _rest(self.pid)
            for process in living:
                with suppress(psutil.Error):
                    process.send_signal(number)
            psutil.wait_procs(living, timeout=patience)
        return len(rest)


def _rest(group: int) -> list[Any]:
    """Return the living processes below this one, and those of a group."""
    import psutil

    found = {process.pid: process for process in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid not in found and os.getpgid(process.pid) == group:
                found[process.pid] = process
    return [process for process in found.values() if _lives(process)]


def _lives(process: Any) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def main() -> None:
    """Run what the input says."""
    told = json.loads(sys.stdin.buffer.readline())
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        command = Command(told)
    except (OSError, ValueError) as error:
        print(json.dumps({"refused": str(error)}), flush=True)
        return
    print(json.dumps({"pid": command.pid}), flush=True)
    print(json.dumps(command.finish(sys.stdin.buffer)), flush=True)


if __name__ == "__main__":
    main()
