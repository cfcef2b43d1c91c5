"""Settings, lines and tables as people read them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlx.stats import MISSING, visible


@dataclass(frozen=True)
class Line:
    """A line for people, before it is printed.

    Attributes:
        text: What it says.
        weight: How it is drawn: ``bold``, ``dim`` or plain (empty).
        aside: It is no result: left out where only results are wanted, beside them where these are for programs.
    """

    text: str
    weight: str = ""
    aside: bool = False


def setting(value: Any) -> str:
    """Return a setting's value as in YAML; missing is —."""
    if value is None:
        return MISSING
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def wrapped(line: str, width: int, indent: str = "") -> str:
    """Return a line broken at ``width``, but never inside a command in backticks, so that it can be pasted."""
    held = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\N{NO-BREAK SPACE}"), line)
    lines = textwrap.wrap(
        held,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table, padded so that it is readable as plain text too.

    Args:
        head: Column titles.
        rows: Cells; they stay in their place whatever is in them.
        left: How many columns, from the first, are text; the others are right-aligned.
    """
    cells = [[inline(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width) if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *(line(row) for row in cells[1:])])


def inline(text: str) -> str:
    """Return text for one line of Markdown: no cell, tag, link, line end or control character comes out of it."""
    return re.sub(r"[|]|<(?=[A-Za-z/!?])|(?<=\])\(", r"\\\g<0>", visible(" ".join(text.split("\n")), cell=True))
