"""Where the starts of foreign repositories are trained (below ``.dvc/tmp``, on the machine that trains them), and kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from rlx.launch import main_root

DATA = "data"
"""In a study's folder: what each start found, by its name; small, and in Git."""
AGAIN = "again"
"""In the folder of a smoke run: the same seed trained a second time."""


def task_folder(root: Path, task: str) -> Path:
    """Return the folder of all that was trained for a task."""
    return main_root(root) / ".dvc" / "tmp" / "rlx-foreign" / task


def start_folder(root: Path, study: str, snapshot: str, episodes: int, *, is_smoke: bool) -> Path:
    """Return where the seeds of a start are trained: one folder for each configuration, list and length.

    Args:
        root: The project.
        study: ``task/study``.
        snapshot: Hash of what its settings come to.
        episodes: Which list of held-out episodes.
        is_smoke: Whether it is a smoke run, which is shorter.
    """
    task, _, own = study.partition("/")
    content = {"of": snapshot, "list": episodes, "smoke": is_smoke}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return task_folder(root, task) / own / hashlib.sha256(text.encode()).hexdigest()[:24]
