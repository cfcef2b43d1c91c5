"""How a stage or command starts and ends: known failures are told in a sentence, Ctrl-C is 130, nothing is half-done."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from rlx.errors import Interrupted, RlxError
from rlx.launch import signals, visible_streams, write_error


def run_stage(main: Callable[..., None]) -> NoReturn:
    """Run a stage's ``main`` with the arguments of the command line, and exit with the right status.

    0 ok, 1 failed, 2 usage, 3 configuration, 4 something is missing, 130 interrupted, 143 terminated. While it is at
    work it leaves a live note on the run, and it ends with the DVC that started it.
    """
    from rlx.config import check_folders
    from rlx.records import StageNote

    wanted = main.__code__.co_argcount
    if len(sys.argv) != wanted + 1:
        names = " ".join(f"<{name}>" for name in main.__code__.co_varnames[:wanted])
        sys.stderr.write(f"usage: python -m stages.{Path(sys.argv[0]).stem} {names}\n")
        sys.exit(2)
    stage, run = Path(sys.argv[0]).stem, sys.argv[1] if wanted else None
    notes: list[StageNote] = []

    def work() -> None:
        check_folders(Path.cwd())
        notes.append(StageNote(Path.cwd(), run, stage))
        signals.end_with_starters(notes[0].beat)
        main(*sys.argv[1:])

    status = 1
    try:
        status = guarded(work)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 1
        raise
    finally:
        for note in notes:
            note.end(status)
    sys.exit(status)


def guarded(function: Callable[..., Any], *arguments: Any) -> int:
    """Call ``function``; tell a known failure on standard error. Returns the exit status."""
    signals.listen()
    with visible_streams():
        return _status(function, *arguments)


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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        named = error.filename2 or error.filename  # of a file that was to be renamed, what it was to become
        place = f"{os.fsdecode(named)}: " if isinstance(named, str | bytes) else ""
        write_error(f"{place}{error.strerror or error or type(error).__name__}")
        return 1
    except Exception as error:
        if "RLX_TRACEBACK" in os.environ:
            raise
        write_error(_unexpected(error))
        return 1
    return 0


def _unexpected(error: Exception) -> str:
    """Keep the traceback of an error that nobody foresaw, and return what to say of it."""
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
