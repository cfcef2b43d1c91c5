"""How a command or stage ends: known failures are told in a sentence, Ctrl-C is 130, nothing is half-done."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from rlx.errors import Interrupted, RlxError
from rlx.launch import signals
from rlx.launch.streams import visible_streams, write_error


def guarded(function: Callable[..., Any], *arguments: Any) -> int:
    """Call ``function``; tell a known failure on standard error. Returns the exit status."""
    signals.listen()
    with visible_streams():
        return _status(function, *arguments)


def finish(*, wait: bool = True) -> None:
    """Do what an interpreter does at its end, but for taking itself apart; ``wait``: for threads that still run, too."""
    with suppress(BaseException):
        for thread in threading.enumerate() if wait else ():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def leave(status: int) -> NoReturn:
    """End this process at once; an interpreter takes 0.3 to 0.8 s to take itself apart where torch is loaded."""
    finish()
    os._exit(status)


def _status(function: Callable[..., Any], *arguments: Any) -> int:
    try:
        function(*arguments)
        sys.stdout.flush()  # what cannot be written is told too
    except (KeyboardInterrupt, Interrupted) as error:
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write(f"{error if isinstance(error, Interrupted) else 'interrupted'}\n")
        return signals.exit_status()
    except RlxError as error:
        write_error(error)
        return error.exit_code
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as error:
        named = error.filename2 or error.filename  # of a file that was to be renamed, what it was to become
        place = f"{os.fsdecode(named)}: " if isinstance(named, str | bytes) else ""
        write_error(f"{place}{error.strerror or error or type(error).__name__}")
        try:
            sys.stdout.flush()
        except OSError:  # it is what could not be written: a full disk
            _drop_output()
        return 1
    except Exception as error:
        if "RLX_TRACEBACK" in os.environ:
            raise
        write_error(_unexpected(error))
        return 1
    return 0


def _drop_output() -> None:
    """Let what is still to be written to standard output go nowhere, or it would be tried again at the process's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception) -> str:
    """Keep the traceback of an error that nobody foresaw, and return what to say of it."""
    if isinstance(error, MemoryError):
        return (
            "this process may not have as much memory as it needs (ulimit -v, a limit of its group, or a full machine)"
        )
    *_, last = traceback.extract_tb(error.__traceback__)
    kept = ""
    with (
        suppress(OSError),
        tempfile.NamedTemporaryFile("w", prefix="rlx-error-", suffix=".txt", delete=False, errors="replace") as file,
    ):
        file.write("".join(traceback.format_exception(error)))
        kept = f"; the traceback is in {file.name}"
    what = f"{type(error).__name__}: {error}"[:500]
    return (
        f"{what} (in {Path(last.filename).name}, line {last.lineno}). rlx did not expect this, which is a defect of it "
        f"or of the project's own code{kept}"
    )
