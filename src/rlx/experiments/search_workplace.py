"""Where a search trains: a clone of the project as it was when the search began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import Missing
from rlx.experiments import workplace
from rlx.experiments.trial_lines import is_unfinished, trials_path, whole_lines
from rlx.experiments.workplace import Workplace, workplaces_folder

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
        """Give the project's root in the clone, as it was left where the search is to go on in it, else made now.

        It is deleted when the block ends well, and where nothing was tried in it: one that was refused begins from the project as
        that is then.
        """
        path = trials_path(self.project, self.sweep)
        before = whole_lines(path)
        place = self._left() if is_unfinished(before) else None
        is_new = place is None
        if place is None:
            self.close()
            place = workplace.open_workplace(self.project, self.name)
        try:
            yield place.root
        except BaseException:
            told = whole_lines(path)
            if not is_unfinished(told) or (is_new and told == before):
                workplace.close_workplace(place)
            raise
        workplace.close_workplace(place)

    def _left(self) -> Workplace | None:
        try:
            return workplace.reopen_workplace(self.project, self.name)
        except Missing:
            return None

    def close(self) -> None:
        """Delete it."""
        workplace.close_workplace(Workplace(self.project, self.name, self.project))


def is_of_search(project: Path, name: str) -> bool:
    """Tell whether a clone is that of a search that can go on."""
    sweep = name.removesuffix(ENDING)
    return name.endswith(ENDING) and trials_path(project, sweep).is_file() and _is_whole(project, name)


def _is_whole(project: Path, name: str) -> bool:
    return (workplaces_folder(project) / name / ".git").is_dir()
