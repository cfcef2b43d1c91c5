"""Numbers and intervals as people read them, everywhere the same."""

from __future__ import annotations

import math

from rlx import stats

MISSING = "—"


def number(value: float | None, *, sign: bool = False, like: float | None = None) -> str:
    """Return a number with three or four significant digits; missing is —.

    Args:
        value: What to show.
        sign: Show a plus too.
        like: Round as this (larger) number would be, so that numbers shown together match.
    """
    if value is None:
        return MISSING
    size = abs(value if like is None else like)
    if 0 < size < 1e-3:
        return f"{value:+.3g}" if sign and value else f"{value:.3g}"
    digits = _decimals(size)
    return f"{value:+,.{digits}f}" if sign and value else f"{value:,.{digits}f}"


def _decimals(size: float) -> int:
    if size >= 10_000 or size == 0:
        return 0
    if size >= 100:
        return 1
    return 2 if size >= 1 else 2 - math.floor(math.log10(size))


def interval(found: stats.Interval | None, *, sign: bool = False) -> str:
    """Return an interval as ``[low, high]``; missing is —, and one without width says why."""
    if found is None:
        return MISSING
    if found.low == found.high and found.method == stats.NO_SPREAD:
        return found.method
    larger = max(abs(found.low), abs(found.high))
    return f"[{number(found.low, sign=sign, like=larger)}, {number(found.high, sign=sign, like=larger)}]"


def p_value(p: float | None) -> str:
    """Return a p-value with two significant digits; missing is —."""
    return MISSING if p is None else f"{p:.2g}"
