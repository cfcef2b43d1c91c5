"""What a check finds: how bad it is, what it means, the cure as a command, and how rlx itself can mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlx.stats import listed as listed  # noqa: PLC0414 — checks say names by it

OK, WARNING, PROBLEM = "ok", "warning", "problem"
LEVELS = (OK, WARNING, PROBLEM)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at, in a word.
        level: ``ok``, ``warning`` (works, but somebody should know) or ``problem`` (something does not work).
        message: What was found.
        cure: What to do about it, as a command in backticks where there is one.
        mend: Mends it without touching files of the project's owner, and returns what it did.
        mended: Whether it has been.
    """

    name: str
    level: str
    message: str
    cure: str = ""
    mend: Callable[[], str] | None = None
    mended: bool = False

    @property
    def fixable(self) -> bool:
        """Whether `rlx doctor --fix` mends it."""
        return self.mend is not None

    def to_data(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "level": self.level,
            "message": self.message,
            "cure": self.cure or None,
            "fixable": self.fixable,
            "mended": self.mended,
        }


def ok(name: str, message: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(name, OK, message)


def warning(name: str, message: str, cure: str = "", mend: Callable[[], str] | None = None) -> Finding:
    """Return a finding that somebody should know of."""
    return Finding(name, WARNING, message, cure, mend)


def problem(name: str, message: str, cure: str = "", mend: Callable[[], str] | None = None) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(name, PROBLEM, message, cure, mend)


def size(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def counted(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
