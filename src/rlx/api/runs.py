"""The runs of a project as a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.api.markup import table_html
from rlx.api.run import Run
from rlx.errors import Missing, UnknownRun
from rlx.stats import MISSING, nearest, number

if TYPE_CHECKING:
    from rlx.experiments import Row

SHOWN = 50
"""Rows that a notebook shows."""


@dataclass(frozen=True, eq=False)
class Runs(Mapping[str, Run]):
    """The runs of a project by name: those of the workspace and kept experiments, the latest first, as `rlx ls --all` lists them.

    The whole mapping also gives what else `rlx info` takes: ``runs["cartpole@v1.0"]``. Which runs there are is what was there
    when the mapping was made; what one gives is read when it is asked for.

    Attributes:
        root: The project.
        rows: The row of each run in `rlx ls`.
        is_whole: Whether no run was left out.
    """

    root: Path
    rows: Mapping[str, Row] = field(repr=False)
    is_whole: bool = field(default=True, repr=False)

    def __getitem__(self, name: str) -> Run:
        """Return a run.

        Raises:
            UnknownRun: There is none of that name; it is a ``KeyError`` and an :class:`rlx.errors.Missing`.
            UsageError: An experiment holds several runs; the message says how to name one.
        """
        if not isinstance(name, str):
            raise UnknownRun(
                f"a run has a name, and {type(name).__name__} is none; there are {len(self)} in `list(runs)`"
            )
        if name in self.rows:
            return Run(self.root, name)
        if not self.is_whole:
            raise UnknownRun(f"there is no run {name!r} among these; {nearest(name, list(self.rows))}")
        run = Run(self.root, name)
        try:
            _ = run.folder
        except Missing as error:
            raise UnknownRun(str(error)) from None
        return run

    def __iter__(self) -> Iterator[str]:
        """Return the names, the latest run first."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return how many runs there are."""
        return len(self.rows)

    def where(self, *, tag: str | None = None, environment: str | None = None, study: str | None = None) -> Runs:
        """Return those of the runs for which all that is said holds.

        Args:
            tag: They have this tag (`rlx tag`).
            environment: Their environment has this id.
            study: The study of this name (`rlx study`) started them.
        """
        kept = {
            name: row
            for name, row in self.rows.items()
            if (tag is None or tag in row.tags) and (environment is None or environment == row.environment)
        }
        if study is not None:
            from rlx.studies import find_study, of_studies

            found = find_study(self.root, study)
            started = of_studies(self.root, kept, found.folder.name)
            kept = {name: row for name, row in kept.items() if name in started}
        return Runs(self.root, kept, self.is_whole and tag is environment is study is None)

    def __repr__(self) -> str:
        """Return how many there are, and of which project."""
        return f"<{len(self)} runs of {self.root}>"

    def _repr_html_(self) -> str:
        """Return the rows of `rlx ls` as a table."""
        shown = [_cells(row) for row in list(self.rows.values())[:SHOWN]]
        more = f"\n<p><small>and {len(self) - SHOWN:,} more</small></p>" if len(self) > SHOWN else ""
        return (
            table_html(["run", "status", "environment", "tags", "seeds", "return", "95 % interval"], shown, left=4)
            + more
        )


def _cells(row: Row) -> list[str]:
    seeds = MISSING if row.seeds is None else str(row.seeds)
    seeds = seeds if row.seeds_wanted in (None, row.seeds) else f"{seeds} of {row.seeds_wanted}"
    score = MISSING if row.return_mean is None else number(row.return_mean)
    interval = (
        MISSING if row.ci_low is None or row.ci_high is None else f"[{number(row.ci_low)}, {number(row.ci_high)}]"
    )
    return [row.id, row.status, row.environment or MISSING, " ".join(row.tags), seeds, score, interval]
