"""A module of rlx in a process of its own, for a program that uses rlx as a library: a script, or a notebook.

What it prints goes where the program's own output goes (a cell of a notebook is no file), and what comes of it comes back
as plain values or as an error of :mod:`rlx.errors`. The program's ``__main__`` is never imported, so that it needs no guard;
nothing that it has imported or changed reaches the process.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlx import errors
from rlx.errors import Interrupted, RlxError, TrainingFailed
from rlx.launch import signals
from rlx.launch.guarding import guarded
from rlx.launch.signals import process_identity
from rlx.launch.stage_call import current_call
from rlx.launch.tools import environment

REQUEST, ANSWER = "request.json", "answer.json"


def run_in_own_process(module: str, request: Mapping[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Run a module that calls :func:`answer` in a process of its own, and return what it answers.

    Args:
        module: Its dotted name.
        request: Plain values for it.
        quiet: Whether it and what it starts say only what went wrong.

    Raises:
        RlxError: What the process raised.
        TrainingFailed: It ended without a word.
        KeyboardInterrupt: Ctrl-C; the process has stopped in order.
    """
    verbosity = "quiet" if quiet else current_call().verbosity
    call = replace(current_call(), starter=process_identity(), verbosity=verbosity)
    with tempfile.TemporaryDirectory(prefix="rlx-") as place:
        Path(place, REQUEST).write_text(json.dumps(dict(request)), encoding="utf-8")
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        piped = sys.stdout is not sys.__stdout__
        sys.stdout.flush()
        process = subprocess.Popen(
            [sys.executable, *flags, "-P", "-m", module, place],
            env={**environment(), **call.variables()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else None,
            stderr=subprocess.STDOUT if piped else None,
            encoding="utf-8" if piped else None,
            errors="replace" if piped else None,
        )
        interrupted = _waited(process)
        found = _answer(Path(place, ANSWER), process.returncode)
    if interrupted:
        raise KeyboardInterrupt(str(found) if isinstance(found, RlxError) else "interrupted")
    if isinstance(found, RlxError):
        raise found
    return dict(found)


def _waited(process: subprocess.Popen[str]) -> bool:
    """Wait for a process while passing on what it prints; tell whether this process was interrupted meanwhile."""
    interrupted = False
    while True:
        try:
            for line in process.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
            with suppress(ProcessLookupError):  # in a terminal it has heard it already, and does not mind
                process.send_signal(signal.SIGINT)
        else:
            if process.stdout is not None:
                process.stdout.close()
            return interrupted


def _answer(path: Path, status: int) -> Any:
    """Return what the process answered, or the error to raise."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return TrainingFailed(f"the process that rlx started for this {told}, and left no word (see what it printed)")
    if "answer" in content:
        return content["answer"]
    kind = getattr(errors, str(content["error"]), RlxError)
    return kind(content["message"])


def answer(work: Callable[[dict[str, Any]], Mapping[str, Any]]) -> int:
    """In the process: do what is asked for and leave the answer, or the error; returns the exit status.

    The process stops in order when the one that started it is gone.

    Args:
        work: Given the request, returns plain values.
    """
    place = Path(sys.argv[1])

    def answered() -> None:
        signals.end_with_starters(lambda: None)
        try:
            content: dict[str, Any] = {"answer": dict(work(json.loads((place / REQUEST).read_text(encoding="utf-8"))))}
        except RlxError as error:
            content = {"error": type(error).__name__, "message": str(error)}
        except KeyboardInterrupt:
            content = {"error": Interrupted.__name__, "message": "interrupted"}
        (place / ANSWER).write_text(json.dumps(content), encoding="utf-8")

    return guarded(answered)
