"""How a stage of the pipeline starts and ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rlx.config import check_folders
from rlx.experiments.concluding import conclude_stage
from rlx.launch import guarded, leave, signals
from rlx.records import StageNote


def run_stage(main: Callable[..., None]) -> NoReturn:
    """Run a stage's ``main`` with the arguments of the command line, and exit with the right status.

    0 ok, 1 failed, 2 usage, 3 configuration, 4 something is missing, 130 interrupted, 143 terminated. While it is at
    work it leaves a live note on the run, and it ends with the DVC that started it.
    """
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
        conclude_stage(Path.cwd(), stage, run)

    status = 1
    try:
        status = guarded(work)
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else 1
        raise
    finally:
        for note in notes:
            note.end(status)
    leave(status)
