"""Numbers and tables as people read them, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlx import stats

MISSING = "—"


def number(value: float | None, *, sign: bool = False) -> str:
    """Return a number with about four significant digits; missing is —."""
    if value is None:
        return MISSING
    digits = 0 if abs(value) >= 10_000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    return text


def interval(found: stats.Interval | None, *, sign: bool = False) -> str:
    """Return an interval as ``[low, high]``; missing is —."""
    return f"[{number(found.low, sign=sign)}, {number(found.high, sign=sign)}]" if found else MISSING


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
        padded = [cell.ljust(width) if column < left else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width) if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *(line(row) for row in cells[1:])])
