"""What people type to pick rows of `rlx ls`: ``return>=100``, ``status=failed``, ``id~cartpole``."""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable
from typing import Any

from rlx.errors import UsageError
from rlx.experiments.index import Row
from rlx.stats import nearest

TEXTS = ("id", "kind", "status", "environment", "algorithm", "tags", "note")
NUMBERS = ("seeds", "seeds_wanted", "return", "ci_low", "ci_high", "steps", "age")
EXPRESSION = re.compile(r"\s*([A-Za-z_]+)\s*(>=|<=|!=|==?|>|<|~)\s*(.*?)\s*", re.DOTALL)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def parse_filter(text: str) -> Callable[[Row], bool]:
    """Return the test that an expression stands for; a row without the number asked about fails it.

    Raises:
        UsageError: It is no expression, or names no field; the message says what would be.
    """
    match = EXPRESSION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--filter {text!r}: must be FIELD, one of = != < <= > >= ~, and a value, such as 'return>=100'"
        )
    field, sign, value = match[1], match[2].replace("==", "="), match[3]
    if field not in (*TEXTS, *NUMBERS):
        hint = nearest(field, (*TEXTS, *NUMBERS), f"fields are {', '.join((*TEXTS, *NUMBERS))}")
        raise UsageError(f"--filter {text!r}: there is no field {field!r}; {hint}")
    if field in TEXTS:
        return _text_test(text, field, sign, value)
    if sign == "~":
        raise UsageError(f"--filter {text!r}: ~ is for texts; {field} is a number")
    try:
        number = float(value)
    except ValueError:
        raise UsageError(f"--filter {text!r}: {field} is compared with a number, and {value!r} is none") from None
    compare = COMPARE[sign]
    return lambda row: (found := _number(row, field)) is not None and compare(found, number)


def _text_test(text: str, field: str, sign: str, value: str) -> Callable[[Row], bool]:
    if sign not in ("=", "!=", "~"):
        raise UsageError(f"--filter {text!r}: {field} is a text; compare it by =, != or ~")

    def words(row: Row) -> list[str]:
        return list(row.tags) if field == "tags" else [getattr(row, field) or ""]

    if sign == "~":
        return lambda row: any(value.casefold() in word.casefold() for word in words(row))
    return lambda row: (value in words(row)) == (sign == "=")


def _number(row: Row, field: str) -> float | None:
    if field == "age":
        return None if row.updated is None else (time.time() - row.updated) / 86_400
    found = getattr(row, "return_mean" if field == "return" else field)
    return None if found is None else float(found)
