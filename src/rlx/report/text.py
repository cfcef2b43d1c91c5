"""Settings, lines and tables as people read them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any

from rlx.stats import MISSING


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


def brief_setting(value: Any) -> str:
    """Return a setting's value for a table: of a fraction four significant digits, or as many as keep it from looking whole."""
    if not isinstance(value, float) or not 1e-300 < abs(value) < 1e4 or value.is_integer():
        return setting(value)
    texts = (f"{value:.{digits}g}" for digits in range(4, 17))
    return next((text for text in texts if not float(text).is_integer()), str(value))


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
