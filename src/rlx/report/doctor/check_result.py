"""What a check finds: how bad it is, what it means, the cure as a command, and how rlx itself can mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from rlx.stats import listed as listed  # noqa: PLC0414 — checks say names by it

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: What was looked at, in a word.
        level: ``ok``, ``warning`` (works, but somebody should know) or ``problem`` (something does not work).
        message: What was found.
        cure: What to do about it, as a command in backticks where there is one.
        fixable: Whether `rlx doctor --fix` mends it.
        mended: Whether it just did.
        mend: Mends it without touching files of the project's owner, and returns what it did.
    """

    name: str
    level: Level
    message: str
    cure: str | None = None
    fixable: bool = False
    mended: bool = False
    mend: Callable[[], str] | None = field(default=None, metadata={"document": False})


def ok(name: str, message: str) -> CheckResult:
    """Return a result that asks for nothing."""
    return CheckResult(name, "ok", message)


def warning(name: str, message: str, cure: str = "", mend: Callable[[], str] | None = None) -> CheckResult:
    """Return a result that somebody should know of."""
    return CheckResult(name, "warning", message, cure or None, fixable=mend is not None, mend=mend)


def problem(name: str, message: str, cure: str = "", mend: Callable[[], str] | None = None) -> CheckResult:
    """Return a result of something that does not work."""
    return CheckResult(name, "problem", message, cure or None, fixable=mend is not None, mend=mend)


def size(count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def with_noun(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
