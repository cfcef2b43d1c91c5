"""How a stage or command starts and ends: known failures are told in a sentence, Ctrl-C is 130, nothing is half-done."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from rlx.errors import Interrupted, RlxError


def run_stage(main: Callable[..., None]) -> NoReturn:
    """Run a stage's ``main`` with the arguments of the command line, and exit with the right status.

    0 ok, 1 failed, 2 usage, 3 configuration, 4 something is missing, 130 interrupted, 143 terminated.
    """
    wanted = main.__code__.co_argcount
    if len(sys.argv) != wanted + 1:
        names = " ".join(f"<{name}>" for name in main.__code__.co_varnames[:wanted])
        sys.stderr.write(f"usage: python -m stages.{Path(sys.argv[0]).stem} {names}\n")
        sys.exit(2)
    sys.exit(guarded(main, *sys.argv[1:]))


def guarded(function: Callable[..., Any], *arguments: Any) -> int:
    """Call ``function``; tell a known failure on standard error. Returns the exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        function(*arguments)
    except (KeyboardInterrupt, Interrupted) as error:
        sys.stderr.write(f"{error if isinstance(error, Interrupted) else 'interrupted'}\n")
        return Interrupted.exit_code
    except RlxError as error:
        sys.stderr.write(f"{_coloured('error:')} {error}\n")
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None and error.strerror is None:
            raise
        named = error.filename2 or error.filename  # of a file that was to be renamed, what it was to become
        place = f"{named}: " if named else ""
        sys.stderr.write(f"{_coloured('error:')} {place}{error.strerror}\n")
        return 1
    return 0


def _terminated(number: int, _: Any) -> NoReturn:
    sys.exit(128 + number)


def _coloured(text: str) -> str:
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[1;31m{text}\033[0m"
