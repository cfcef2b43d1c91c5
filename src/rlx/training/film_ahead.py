"""Makes a film ahead, while a run that has just been evaluated is kept and analysed.

``python -m rlx.training.film_ahead RUN``, which the warm process of an rlx command runs when a run's eval stage has ended well; the
video stage takes what it made (:mod:`rlx.training.films_ready`).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rlx.config import read_parameters
from rlx.records import RunFolder
from rlx.training.films_ready import film_lock, folder_aside, keep
from rlx.training.video import make_film, planned_film


def main(run: str) -> None:
    """Make the film of a run, aside."""
    root = Path.cwd()
    aside = folder_aside(root, run)
    aside.mkdir(parents=True, exist_ok=True)
    with film_lock(aside, 0.0):
        shutil.rmtree(aside)
        aside.mkdir()
        folder = RunFolder(root / "runs" / run)
        planned = planned_film(root, run, folder.snapshot, folder.judged.final_eval, read_parameters(root).video)
        film = make_film(planned, aside / planned.name, lambda _: None)
        keep(aside, planned.key, film)


if __name__ == "__main__":
    main(sys.argv[1])
