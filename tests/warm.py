"""Runs commands in processes forked from one that has imported what they need: each test saves their start-up.

``rlx`` and ``dvc`` take one to three seconds to import what they use, and the suite calls them some hundred times. This
program imports it once and forks a process per command, with its own folder, environment, arguments and output; nothing
else of a command is different. What depends on a start from nothing (imports, signals, the shell's words) is tested with
real processes, not here.

It reads a JSON line per command on standard input, ``{"argv": [...], "cwd": "...", "env": {...}, "output": "FILE",
"errors": "FILE" | null, "timeout": s}``, and answers each with a line, the exit status (null: it took too long).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

PRELOADED = (
    "click", "dvc.cli", "dvc.commands.repro", "dvc.repo", "gymnasium", "matplotlib.pyplot", "pandas", "plotly.graph_objects",
    "pydantic", "rich.table", "scipy.stats", "torch", "stable_baselines3", "yaml", "ruamel.yaml",
)  # fmt: skip


def main() -> None:
    """Serve commands until standard input ends."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            __import__(name)
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(status_of(request)) + "\n")
        sys.stdout.flush()


def status_of(request: dict[str, Any]) -> int | None:
    """Run one command in a process of its own, and return its exit status."""
    pid = os.fork()
    if pid == 0:
        run(request)
    deadline, pause = time.monotonic() + request["timeout"], 0.001
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def run(request: dict[str, Any]) -> None:
    """Become the command, and end with it."""
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(os.open(request["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if request["errors"] else 1, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
        sys.argv = request["argv"]
        sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120
        status = called(request["argv"])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 — as an interpreter would
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            import atexit

            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status)


def called(argv: list[str]) -> int:
    """Call the program."""
    if argv[0] == "dvc":
        from dvc.cli import main as program

        return int(program(argv[1:]) or 0)
    from rlx.cli import main as command

    command()
    return 0


if __name__ == "__main__":
    main()
