"""The kinds of value a configuration may hold, strict about type and kind about spelling."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of the configuration: unknown keys, wrong types and non-finite numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


LARGEST = 10**18
"""Above this no whole number is computed with: a budget of it would take longer than the universe has been there."""
SHAPES = "must be a number, a mapping with start and end, or lin_NUMBER"


class Schedule(Section):
    """A value that moves in a straight line from ``start`` to ``end`` over the training of a run."""

    start: float
    end: float


def _whole(value: Any) -> Any:
    """Read ``1e5`` and ``100000.0`` as whole numbers; people and DVC write budgets that way."""
    if not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
        return value
    if abs(value) >= LARGEST:
        raise PydanticCustomError("too_large", "must be below 10^18")
    return int(value) if isinstance(value, float) and value == int(value) else value


def _number_or_schedule(value: Any) -> float | Schedule:
    """Read a number, ``{start, end}``, or rl-zoo's ``lin_0.001`` (from that value to 0)."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        match = re.fullmatch(r"(lin_)?([-+0-9.eE]+)", value.strip())
        try:
            number = float(match[2]) if match else math.nan
        except ValueError:
            number = math.nan
        if not match or not math.isfinite(number):
            raise PydanticCustomError("schedule", SHAPES)
        return _number_or_schedule({"start": number, "end": 0.0} if match[1] else number)
    if isinstance(value, dict):
        if value.keys() != {"start", "end"}:
            raise PydanticCustomError("schedule", "a schedule has exactly the keys start and end")
        ends = [_number(value["start"]), _number(value["end"])]
        if ends[0] < 0 or ends[1] < 0 or not any(ends):
            raise PydanticCustomError("schedule", "start and end must be at least 0, and not both 0")
        return Schedule(start=ends[0], end=ends[1])
    number = _number(value)
    if number <= 0:
        raise PydanticCustomError("schedule", "must be greater than 0")
    return number


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise PydanticCustomError("schedule", SHAPES)
    return number


Count = Annotated[int, BeforeValidator(_whole)]
"""A whole number; ``1e5`` counts as one."""

Positive = Annotated[Count, Field(ge=1)]
"""A whole number of at least 1."""

NumberOrSchedule = Annotated[float | Schedule, BeforeValidator(_number_or_schedule)]
"""A positive number, or a straight line between two."""
