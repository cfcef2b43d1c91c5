"""Tables and foreign text in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlx.stats.wording import visible


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table, padded so that it is readable as plain text too.

    Args:
        head: Column titles.
        rows: Cells; they stay in their place whatever is in them.
        left: How many columns, from the first, are text; the others are right-aligned.
    """
    cells = [[markdown_line(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width) if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *(line(row) for row in cells[1:])])


def markdown_line(text: str) -> str:
    """Return text for one line of Markdown: no cell, tag, link, line end or control character comes out of it."""
    return re.sub(r"[|]|<(?=[A-Za-z/!?])|(?<=\])\(", r"\\\g<0>", visible(" ".join(text.split("\n")), cell=True))
