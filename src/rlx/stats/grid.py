"""A table before it is drawn: for the terminal, for Markdown, for CSV alike."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.stats.markdown import markdown_table


@dataclass(frozen=True)
class Grid:
    """A table before it is drawn.

    Attributes:
        title: What it shows.
        head: Column titles.
        rows: Cells as text.
        note: What a reader must know about it.
        left: How many columns, from the first, are text.
        below: From which column on the cells of a row may stand under it where a terminal is too narrow.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""
    left: int = 1
    below: int | None = None

    def to_markdown(self, level: int = 2) -> str:
        """Return the table as Markdown, under a heading where it has a title."""
        heading = [f"{'#' * level} {self.title}", ""] if self.title else []
        return "\n".join(
            [*heading, markdown_table(self.head, self.rows, left=self.left), *(["", self.note] if self.note else [])]
        )
