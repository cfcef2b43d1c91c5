"""What a probe varies: parameters as they are typed, and the values that stand for their ranges."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from rlx.errors import ConfigError, UsageError
from rlx.stats import brief, nearest, number

PREFIX = "env.kwargs."
VALUES, MOST_VALUES = 9, 101
LOG_FROM = 10.0
"""Ratio of the ends from which values are spaced evenly in their logarithm."""
DIGITS = 6
"""Significant digits of values between the ends: what is written down is what is played."""
LARGEST = 1e100
"""Size of an end beyond which ranges cannot be computed with."""
FORM = "a parameter is KEY=LO:HI or KEY=LO:HI:N, such as env.kwargs.gravity=-11.5:-4:9"
_KEY = re.compile(r"env\.kwargs(\.[A-Za-z_][A-Za-z0-9_]*)+")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[-+]?\d{1,15}", re.ASCII)

Number = int | float
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Parameter:
    """A parameter as it was typed.

    Attributes:
        key: ``env.kwargs.gravity``.
        low: Its smallest value.
        high: Its largest.
        count: How many values stand for the range.
    """

    key: str
    low: Number
    high: Number
    count: int = VALUES

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.key}={self.low}:{self.high}:{self.count}"

    @property
    def path(self) -> tuple[str, ...]:
        """Where its value stands in ``env.kwargs``."""
        return tuple(self.key.removeprefix(PREFIX).split("."))

    @property
    def scale(self) -> Scale:
        """How its values are spaced."""
        return "log" if self.low > 0 and self.high / self.low >= LOG_FROM else "linear"


@dataclass(frozen=True)
class PlannedParameter:
    """A parameter with its value in the task and those that are to be tried.

    Attributes:
        parameter: As it was typed.
        nominal: Its value in the task.
        whole: Whether it takes whole numbers alone.
        values: Increasing, nominal among them.
    """

    parameter: Parameter
    nominal: Number
    whole: bool
    values: tuple[Number, ...]


def parse_parameter(text: str) -> Parameter:
    """Read ``env.kwargs.gravity=-11.5:-4`` or ``env.kwargs.gravity=-11.5:-4:9``.

    Raises:
        UsageError: It is not written so; the message says what is wrong and how it is written.
    """
    key, has_range, told = text.strip().partition("=")
    if not has_range:
        raise UsageError(f"{brief(text)}: has no `=`; {FORM}")
    if not _KEY.fullmatch(key):
        cure = f"write {PREFIX}{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else "a probe varies env.kwargs alone"
        raise UsageError(f"{brief(text)}: {brief(key)} is no argument of the environment; {cure}")
    parts = told.split(":")
    if len(parts) not in (2, 3):
        raise UsageError(f"{brief(text)}: {FORM}")
    low, high = (_number(text, part) for part in parts[:2])
    if not low < high:
        raise UsageError(f"{brief(text)}: {parts[0]} is not below {parts[1]}; {FORM}")
    if len(parts) == 2:
        return Parameter(key, low, high)
    if not _WHOLE.fullmatch(parts[2]) or not 2 <= int(parts[2]) <= MOST_VALUES:
        raise UsageError(f"{brief(text)}: {brief(parts[2])} is no number of values from 2 to {MOST_VALUES}")
    return Parameter(key, low, high, int(parts[2]))


def _number(text: str, part: str) -> Number:
    if _WHOLE.fullmatch(part):
        return int(part)
    if _NUMBER.fullmatch(part) and abs(found := float(part)) <= LARGEST:
        return found
    raise UsageError(f"{brief(text)}: {brief(part)} is no finite number of at most {LARGEST:g}; {FORM}")


def planned(parameter: Parameter, kwargs: Mapping[str, Any], declared: Mapping[str, Any]) -> PlannedParameter:
    """Return a parameter with its nominal value and the values around it.

    Args:
        parameter: As it was typed.
        kwargs: ``env.kwargs`` of the run.
        declared: The arguments that the environment declares, with their defaults.

    Raises:
        ConfigError: Its nominal value is not known, no number, or outside of the range.
        UsageError: The range has a fraction where only whole numbers make sense, or too few values.
    """
    nominal = _nominal(parameter, kwargs, declared)
    default = declared.get(parameter.path[0]) if len(parameter.path) == 1 else None
    whole = isinstance(nominal, int) and not isinstance(default, float)
    nominal = nominal if whole else float(nominal)
    if whole and not all(float(end).is_integer() for end in (parameter.low, parameter.high)):
        raise UsageError(
            f"{parameter}: {parameter.key} is a whole number ({nominal}) in this run, so the ends of its range must be whole too"
        )
    if not parameter.low <= nominal <= parameter.high:
        raise UsageError(
            f"{parameter}: its value in the task, {number(nominal)}, is not between {parameter.low} and {parameter.high}; "
            "a probe goes out from it"
        )
    if parameter.count < 3 and nominal not in (parameter.low, parameter.high):
        raise UsageError(f"{parameter}: needs at least 3 values: both ends, and {number(nominal)} between them")
    return PlannedParameter(parameter, nominal, whole, values_around(parameter, nominal, whole=whole))


def _nominal(parameter: Parameter, kwargs: Mapping[str, Any], declared: Mapping[str, Any]) -> Number:
    found: Any = {**declared, **kwargs}
    for part in parameter.path:
        if not isinstance(found, Mapping) or part not in found:
            known = sorted(str(key) for key in found) if isinstance(found, Mapping) else []
            raise ConfigError(
                f"{parameter.key}: neither the run's configuration nor the environment says its value in the task, so a probe "
                f"does not know where to begin; {nearest(part, known)}"
            )
        found = found[part]
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= LARGEST:
        raise ConfigError(f"{parameter.key}: is {brief(found)} in this run, no number; a probe varies numbers")
    return found


def values_around(parameter: Parameter, nominal: Number, *, whole: bool) -> tuple[Number, ...]:
    """Return the values of a range: both ends and nominal, and evenly spaced ones on either side of it.

    Each side gets values by its width, at least one where it has any width; evenly in the logarithm where the ends' ratio is
    at least ten and both are above 0. Whole parameters are rounded, which may leave fewer.
    """
    low, high, steps = float(parameter.low), float(parameter.high), parameter.count - 1
    to, back = (math.log, math.exp) if parameter.scale == "log" else (float, float)
    start, middle, end = to(low), to(float(nominal)), to(high)
    below = round(steps * (middle - start) / (end - start))
    below = min(max(below, int(nominal > parameter.low)), steps - int(nominal < parameter.high))
    inner = [
        *(back(start + (middle - start) * index / below) for index in range(1, below)),
        *(back(middle + (end - middle) * index / (steps - below)) for index in range(1, steps - below)),
    ]
    rounded = [round(value) if whole else float(f"{value:.{DIGITS}g}") for value in inner]
    kind = round if whole else float
    found = {kind(parameter.low), kind(parameter.high), kind(nominal)}
    found |= {value for value in rounded if parameter.low <= value <= parameter.high}
    return tuple(sorted(found))


def with_settings(kwargs: Mapping[str, Any], settings: Mapping[str, Number]) -> dict[str, Any]:
    """Return ``env.kwargs`` with some parameters at other values; the others as they are."""
    found = deepcopy(dict(kwargs))
    for key, value in settings.items():
        *inner, last = key.removeprefix(PREFIX).split(".")
        place: Any = found
        for part in inner:
            place = place[part]
        place[last] = value
    return found
