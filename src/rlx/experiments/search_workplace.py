"""Where a search trains: a clone of the project as it was when the search began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import Missing
from rlx.experiments import workplace
from rlx.experiments.workplace import Workplace, workplaces_folder

TRIALS = "trials.jsonl"
"""The file of a search, in ``sweeps/<name>/``."""
ENDING = ".search"
"""Ends the names of these clones, beside those of experiments."""


@dataclass(frozen=True)
class SearchWorkplace:
    """The clone of a search.

    Attributes:
        project: The project's root.
        sweep: The search's name.
    """

    project: Path
    sweep: str

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.sweep}{ENDING}"

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Give the project's root in the clone, made now or as it was left; it is deleted when the block ends well."""
        try:
            place = workplace.reopen_workplace(self.project, self.name)
        except Missing:
            place = workplace.open_workplace(self.project, self.name)
        yield place.root
        workplace.close_workplace(place)

    def close(self) -> None:
        """Delete it."""
        workplace.close_workplace(Workplace(self.project, self.name, self.project))


def is_of_search(project: Path, name: str) -> bool:
    """Tell whether a clone is that of a search that can go on."""
    sweep = name.removesuffix(ENDING)
    return name.endswith(ENDING) and (project / "sweeps" / sweep / TRIALS).is_file() and _is_whole(project, name)


def _is_whole(project: Path, name: str) -> bool:
    return (workplaces_folder(project) / name / ".git").is_dir()
