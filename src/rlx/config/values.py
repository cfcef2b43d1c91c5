"""The kinds of value a configuration may hold, strict about type and kind about spelling."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of the configuration: unknown keys, wrong types and non-finite numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


@dataclass(frozen=True)
class Since:
    """Marks a setting that came after snapshots were first written, beside its type: ``Annotated[int, Since(…)]``.

    A snapshot leaves the setting out while it has the value by which older versions behaved, so that nothing trains again
    for it, and one that lacks it is read with that value, whatever the default is by then.

    Attributes:
        day: When it came (year-month-day).
        older: The value by which versions before behaved.
        always: It is written even so: snapshots have had it since, and the versions before computed otherwise anyway.
    """

    day: str
    older: Any
    always: bool = False


CHANGES_NO_RESULT = Field(exclude=True)
"""Marks a setting that cannot change what a training gives: no snapshot has it, and changing it trains nothing."""


def since_of(info: FieldInfo) -> Since | None:
    """Return the mark of a setting that came later; None for one that snapshots had from the first."""
    return next((mark for mark in info.metadata if isinstance(mark, Since)), None)


def changes_results(info: FieldInfo) -> bool:
    """Tell whether a setting can change a result; one that cannot is in no snapshot."""
    return not info.exclude


def lasting(section: Section, day: str = "") -> dict[str, Any]:
    """Return a section as plain values, without those that came later (after a day) and are as older versions behaved."""
    return _lasting(section, section.model_dump(), day)


def _lasting(section: Section, values: dict[str, Any], day: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in values.items():
        info, here = type(section).model_fields.get(name), getattr(section, name)
        since = None if info is None else since_of(info)
        if since is None or since.always or since.day <= day or here != since.older:
            kept[name] = _lasting(here, value, day) if isinstance(here, Section) and isinstance(value, dict) else value
    return kept


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
