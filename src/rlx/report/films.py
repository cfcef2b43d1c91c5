"""The film of a run, for the page: its bytes and what it shows, read through Git where the run is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.errors import Missing
from rlx.experiments.revisions import add_to_view
from rlx.runs import RunFolder
from rlx.wording import number

FOLDER, STEM = "videos", "median"


@dataclass(frozen=True)
class ShownFilm:
    """A film as a page shows it.

    Attributes:
        run: The run.
        content: The mp4; None where there is no film.
        caption: What it shows, or why there is none.
    """

    run: str
    content: bytes | None
    caption: str


def film_of(root: Path, folder: RunFolder) -> ShownFilm:
    """Return the film of a run's median seed in its median episode, or why there is none."""
    told, content = _file(root, folder, f"{STEM}.json"), _file(root, folder, f"{STEM}.mp4")
    try:
        facts = json.loads(told.decode()) if told else {}
        if content is None:
            return ShownFilm(folder.name, None, f"No film: {facts.get('reason') or 'none was made'}.")
        return ShownFilm(folder.name, content, _caption(facts) if facts else "What it shows is not recorded.")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ShownFilm(folder.name, content, f"{FOLDER}/{STEM}.json is damaged: what the film shows is not known.")


def _caption(facts: Mapping[str, Any]) -> str:
    seed, steps = facts["seed"], facts["steps"]
    whole = f"{steps} steps, the whole episode" if facts["complete"] else f"the first {steps} steps of the episode"
    filmed, evaluated = facts["filmed_return"], float(facts["evaluated_return"])
    other = "" if filmed == evaluated else f" (on film so far: {number(float(filmed))})"
    policy = "final" if facts["checkpoint"] == "latest" else facts["checkpoint"]
    return f"Seed {seed}'s {policy} policy: return {number(evaluated)}{other}; {whole}."


def _file(root: Path, folder: RunFolder, name: str) -> bytes | None:
    path = folder.path / FOLDER / name
    try:
        if not path.is_file() and folder.origin is not None:
            path = add_to_view(root, folder.origin, f"{FOLDER}/{name}")
        return path.read_bytes()
    except (Missing, OSError):
        return None
