"""Amounts as people write them: ``8M`` steps, ``2h``, ``5GB``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

STEPS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {"MB": 10**6, "GB": 10**9}
MOST = 10**15
"""No amount is larger: more is a slip of the keyboard."""


def amount(text: Any, units: dict[str, int], example: str) -> int:
    """Return an amount as a whole number of the smallest unit.

    Args:
        text: What stands in a file or was typed, such as ``1.5M``; whole numbers pass where a unit may be left out.
        units: What each unit is worth.
        example: For the message.

    Raises:
        ValueError: It is none; the message says how one is written.
    """
    if isinstance(text, int) and not isinstance(text, bool) and "" in units:
        text = str(text)
    known = "|".join(unit for unit in units if unit)
    found = re.fullmatch(rf"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*({known})?\s*", text) if isinstance(text, str) else None
    unit = (found[2] or "") if found else ""
    if not found or unit not in units:
        raise ValueError(f"must be an amount such as {example}, with one of {', '.join(u for u in units if u)}")
    value = round(float(found[1].replace("_", "")) * units[unit])
    if not 0 < value <= MOST:
        raise ValueError(f"must be above 0 and at most {MOST:.0e} ({example})")
    return value


def shown_amount(value: int, units: dict[str, int]) -> str:
    """Return an amount in the largest unit of which there is one, with two digits after the point; less in the smallest."""
    ordered = sorted(units.items(), key=lambda item: -item[1])
    unit, worth = next(((unit, worth) for unit, worth in ordered if value >= worth), ordered[-1])
    shown = f"{value / worth:.2f}".rstrip("0").rstrip(".")
    return f"{'<0.01' if shown == '0' and value else shown}{unit}"


def shown_steps(value: int) -> str:
    """Return environment steps in words, such as ``2.53M``."""
    return shown_amount(value, STEPS)


def shown_seconds(value: float) -> str:
    """Return a duration, such as ``1.5h``."""
    return shown_amount(max(0, round(value)), SECONDS)


def shown_bytes(value: int) -> str:
    """Return a size, such as ``41MB``."""
    return shown_amount(value, BYTES)


def _validator(units: dict[str, int], example: str) -> BeforeValidator:
    def check(value: Any) -> int:
        try:
            return amount(value, units, example)
        except ValueError as error:
            raise PydanticCustomError("amount", "{told}", {"told": str(error)}) from None

    return BeforeValidator(check)


def _written(example: str) -> WithJsonSchema:
    """Say in a JSON Schema how an amount may be written: a whole number, or a text with a unit."""
    said = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": [example]}
    return WithJsonSchema(said, mode="validation")


Steps = Annotated[int, _validator(STEPS, "8M"), _written("8M")]
"""Environment steps, as a whole number."""
Seconds = Annotated[int, _validator(SECONDS, "2h"), _written("2h")]
"""A duration in seconds."""
Bytes = Annotated[int, _validator(BYTES, "5GB"), _written("5GB")]
"""A size in bytes."""
