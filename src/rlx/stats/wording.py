"""Numbers, intervals and foreign text as people read them, everywhere the same."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlx import stats

MISSING = "—"
HUGE = 1e9
"""From here on numbers are shown with a power of ten, as those below a thousandth are."""
MOST_TOLD = 400
"""Characters of somebody else's message that are passed on in a sentence."""
_ADDRESS = re.compile(" at 0x[0-9a-fA-F]{6,}")
_STEERING = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"  # C0 without tab and line end, DEL, C1
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\\ud800-\\udfff\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff]"
)
"""What shows as nothing, turns text round, or moves the cursor; and halves of characters, from names that are no UTF-8."""
_PLAIN = {
    **dict.fromkeys("—–‑−", "-"), **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚", "'"), **dict.fromkeys("\u00a0\u2009\u202f", " "),
    "…": "...", "±": "+/-", "×": "x", "·": "*", "•": "*", "→": "->", "←": "<-", "↑": "^", "↓": "v", "≥": ">=", "≤": "<=", "≈": "~", "≠": "!=",
    "√": "sqrt", "Δ": "d", "σ": "sigma", "µ": "u", "μ": "mu", "²": "2", "✓": "ok", "✗": "x",
}  # fmt: skip
"""How the typographic characters of messages are spelled in ASCII."""


def visible(text: str, *, cell: bool = False) -> str:
    """Return text from elsewhere so that all of it shows and none of it steers: ESC becomes ``\\x1b``, U+202E ``\\u202e``.

    Args:
        text: What a file, an environment or a person says.
        cell: It stands in one line (a cell, a name): line ends and tabs show too.
    """
    shown = _STEERING.sub(_escaped, text) if not text.isascii() or _STEERING.search(text) else text
    return shown.replace("\n", "\\n").replace("\t", "\\t") if cell else shown


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible_json(text: str) -> str:
    """Return a JSON document that reads the same and prints harmlessly: :func:`visible`, in JSON's own escapes."""

    def escape(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))

    return _STEERING.sub(escape, text)


def plain_text(text: str) -> str:
    """Return text in ASCII: typographic characters as people type them, others as ``\\u5b9f``."""
    return "".join(_PLAIN.get(letter, letter) for letter in text).encode("ascii", "backslashreplace").decode()


def raised(error: BaseException) -> str:
    """Return what was raised in one line: its kind, and the first line of what it says."""
    first = first_line(error)
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says, without memory addresses, and short; empty if it says nothing.

    Foreign code may raise anything: what says five million characters, halves of them, or fails when it is asked.
    """
    try:
        lines = str.splitlines(str(error)[: 10 * MOST_TOLD])
    except Exception:  # noqa: BLE001 — of its own `__str__`
        return ""
    first = next((line.strip() for line in lines if line.strip()), "")
    first = _ADDRESS.sub("", first.encode("utf-8", "backslashreplace").decode())
    return first if len(first) <= MOST_TOLD else f"{first[: MOST_TOLD - 1]}…"


def brief(value: object, most: int = 60) -> str:
    """Return somebody else's value as Python shows it: short, in one line, without a memory address."""
    try:
        text = str.__str__(repr(value))
    except Exception:  # noqa: BLE001 — of its own `__repr__`
        return f"an object of type {type(value).__name__}"
    shown = " ".join(_ADDRESS.sub("", text[: 10 * most]).split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


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
    plus = "+" if sign and value > 0 else ""
    if not math.isfinite(value):
        return f"{plus}{value}"
    if 0 < size < 1e-3 or size >= HUGE:
        return f"{plus}{value:.3g}" if value else "0"
    shown = f"{plus}{value:,.{_decimals(size)}f}"
    return shown if shown.strip("+-0.") else shown.lstrip("+-")  # a zero has no sign


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
    if _has_no_width(found):
        return found.method
    larger = max(abs(found.low), abs(found.high))
    return f"[{number(found.low, sign=sign, like=larger)}, {number(found.high, sign=sign, like=larger)}]"


def leveled(found: stats.Interval) -> str:
    """Return an interval with its level: ``95 % interval [180.2, 226.0]``; one without width says ``no spread`` alone."""
    return found.method if _has_no_width(found) else f"{100 * found.level:g} % interval {interval(found)}"


def _has_no_width(found: stats.Interval) -> bool:
    from rlx import stats

    return found.low == found.high and found.method == stats.NO_SPREAD


def p_value(p: float | None) -> str:
    """Return a p-value with two significant digits; missing is —."""
    return MISSING if p is None else f"{p:.2g}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return names in a row: the first ``most``, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def nearest(name: str, known: Iterable[str], otherwise: str = "", form: str = "{}") -> str:
    """Return what to tell of a name that nobody has: the nearest one, or else all that there are.

    Args:
        name: What was asked for.
        known: The names that there are.
        otherwise: What to tell where none is near, in place of all names.
        form: How the nearest name is written, for instance ``run:{}``.
    """
    names = list(known)
    guess = difflib.get_close_matches(name, names, 1)
    return (
        f"did you mean {form.format(guess[0])}?" if guess else otherwise or f"there are: {', '.join(names) or 'none'}"
    )


def shown(text: str) -> str:
    """Return a path of data for a message: quoted, unprintable characters escaped, not endless."""
    quoted = ascii(text) if any(not letter.isprintable() for letter in text) else f"'{text}'"
    return quoted if len(quoted) <= 120 else f"{quoted[:117]}…"
