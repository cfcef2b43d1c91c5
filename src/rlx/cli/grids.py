"""A table drawn for a terminal: cells are broken between words, and never inside one, so that every number stays whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rlx.stats import MISSING, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rlx.stats import Grid

BETWEEN = 2
"""Spaces between columns."""
INDENT = 4
"""Spaces before the cells that stand under a row."""


def drawn(grid: Grid, width: int) -> RenderableType:
    """Return the rows of a table and their head, for a terminal so wide.

    Where not even the longest words of all columns fit beside each other, the last columns (those from ``grid.below`` on, where it says
    so) stand under each row, as `name value`.
    """
    rows = [[visible(cell, cell=True) for cell in row] for row in grid.rows]
    columns = [[title, *(row[index] for row in rows)] for index, title in enumerate(grid.head)]
    if _total([max(_longest_word(cell) for cell in cells) for cells in columns]) <= width:
        return _beside(grid, rows)
    return _stacked(grid, rows, columns, width)


def _beside(grid: Grid, rows: Sequence[Sequence[str]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, BETWEEN, 0, 0))
    for index, title in enumerate(grid.head):
        table.add_column(Text(title), justify="left" if index < grid.left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _stacked(grid: Grid, rows: Sequence[Sequence[str]], columns: Sequence[Sequence[str]], width: int) -> RenderableType:
    from rich.cells import cell_len
    from rich.text import Text

    widths = [max(map(cell_len, cells)) for cells in columns]
    most = len(columns) - 1 if grid.below is None else grid.below
    count = next((count for count in range(most, 1, -1) if _total(widths[:count]) <= width), 1)
    lines = [Text(_padded(grid, grid.head, widths[:count]), "dim")]
    for row in rows:
        lines.append(Text(_padded(grid, row, widths[:count])))
        named = [f"{title} {cell}" for title, cell in zip(grid.head, row, strict=True)][count:]
        told = [text for text, cell in zip(named, row[count:], strict=True) if cell not in ("", MISSING)]
        lines += [Text(" " * INDENT + line) for line in _filled(told, width - INDENT)]
    joined = Text("\n").join(lines)
    joined.no_wrap, joined.overflow = True, "ignore"
    return joined


def _padded(grid: Grid, row: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len

    cells = []
    for index, (cell, size) in enumerate(zip(row, widths, strict=False)):
        space = " " * (size - cell_len(cell))
        cells.append(f"{cell}{space}" if index < grid.left else f"{space}{cell}")
    return (" " * BETWEEN).join(cells).rstrip()


def _filled(parts: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines of parts with commas between them, each part whole."""
    from rich.cells import cell_len

    line = ""
    for index, part in enumerate(parts):
        text = f"{part}," if index < len(parts) - 1 else part
        if line and cell_len(line) + 1 + cell_len(text) > width:
            yield line
            line = text
        else:
            line = f"{line} {text}".lstrip()
    if line:
        yield line


def _longest_word(cell: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, cell.split()), default=0)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1)
