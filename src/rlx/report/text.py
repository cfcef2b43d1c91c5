"""Numbers and tables as people read them, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlx import stats

MISSING = "—"


def number(value: float | None, *, sign: bool = False, like: float | None = None) -> str:
    """Return a number with about four significant digits; missing is —.

    Args:
        value: What to show.
        sign: Show a plus too.
        like: Round as this (larger) number would be, so that numbers shown together match.
    """
    if value is None:
        return MISSING
    size = abs(value if like is None else like)
    digits = 0 if size >= 10_000 or size == 0 else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{value:+,.{digits}f}" if sign and value else f"{value:,.{digits}f}"


def interval(found: stats.Interval | None, *, sign: bool = False) -> str:
    """Return an interval as ``[low, high]``; missing is —."""
    if found is None:
        return MISSING
    larger = max(abs(found.low), abs(found.high))
    return f"[{number(found.low, sign=sign, like=larger)}, {number(found.high, sign=sign, like=larger)}]"


def setting(value: Any) -> str:
    """Return a setting's value as in YAML; missing is —."""
    if value is None:
        return MISSING
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table, padded so that it is readable as plain text too.

    Args:
        head: Column titles.
        rows: Cells; ``|`` in them is escaped.
        left: How many columns, from the first, are text; the others are right-aligned.
    """
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width) if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *(line(row) for row in cells[1:])])
