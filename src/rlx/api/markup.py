"""Tables as HTML, for notebooks: small, and with every text of other people's escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from rlx.stats import Grid, visible

LEFT, RIGHT = ' style="text-align: left"', ' style="text-align: right"'


def text_html(text: str) -> str:
    """Return text as HTML: as it is, but that what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(visible(text, cell=True)))


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a table as HTML.

    Args:
        head: Column titles.
        rows: Cells as text.
        left: How many columns, from the first, are text; the others are aligned right.
    """

    def line(cells: Sequence[str], tag: str) -> str:
        inner = (
            f"<{tag}{LEFT if column < left else RIGHT}>{text_html(cell)}</{tag}>" for column, cell in enumerate(cells)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table>\n<thead>{line(head, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def grid_html(grid: Grid) -> str:
    """Return a table with its title and note as HTML."""
    title = f"<p><strong>{text_html(grid.title)}</strong></p>\n" if grid.title else ""
    note = f"\n<p><small>{text_html(grid.note)}</small></p>" if grid.note else ""
    return f"{title}{table_html(grid.head, grid.rows, left=grid.left)}{note}"


def facts_html(lines: Iterable[tuple[str, str]]) -> str:
    """Return names and what is said of them as a table without a head."""
    rows = "\n".join(
        f"<tr><th{LEFT}>{text_html(name)}</th><td{LEFT}>{text_html(text)}</td></tr>" for name, text in lines
    )
    return f"<table>\n<tbody>\n{rows}\n</tbody>\n</table>"
