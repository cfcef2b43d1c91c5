"""Where trackers that need no server keep what they are sent: ``trackers/`` in the project, out of Git's and DVC's sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.config import write_text
from rlx.launch import main_root

FOLDER = "trackers"


def trackers_folder(root: Path) -> Path:
    """Return the folder of a project's trackers: in the project itself, also from a temporary copy of it."""
    return main_root(root) / FOLDER


def made_folder(folder: Path) -> Path:
    """Make the folder of the trackers, if it is not there, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".gitignore", ".dvcignore"):
        if not (folder / name).exists():
            write_text(folder / name, "*\n")
    return folder


def record_name(run: str, key: str) -> str:
    """Return what a record is known by: the same training, shown in two runs, has one in each."""
    return f"{run}-{key}"


def all_tags(own: Sequence[str], config: Mapping[str, Any]) -> list[str]:
    """Return the tags that a person wants, with a run's environment and algorithm, each once."""
    known = (config.get("env.id"), config.get("algo.name"))
    return list(dict.fromkeys([*own, *(str(each) for each in known if each)]))
