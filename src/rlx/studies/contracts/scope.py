"""What candidates may change: settings, and how far each."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rlx.comparison import flatten
from rlx.config import Section

NEVER = (
    "seed", "num_seeds", "device", "env.id", "env.kwargs", "env.wrappers", "env.frame_stack", "env.num_envs",
    "algo.total_timesteps", "algo.engine", "eval", "final_eval", "compare", "checkpoint", "engine",
)  # fmt: skip
"""Settings that no candidate changes: they are the task, the budget, or the yardstick."""
Value = bool | int | float | str | list[Any] | dict[str, Any] | None


def is_never(key: str) -> bool:
    """Tell whether a setting can be in no scope."""
    return any(key == name or key.startswith(f"{name}.") for name in NEVER)


class ScopeEntry(Section):
    """How far one setting may change."""

    values: Annotated[list[Value], Field(min_length=1, max_length=1000)] | None = None
    """The values that it may have."""
    range: Annotated[list[int | float], Field(min_length=2, max_length=2)] | None = None
    """Its lowest and highest value; whole bounds mean whole numbers."""
    scale: Literal["log", "linear"] = "linear"
    """How a range is divided by who draws from it."""
    family: Literal["algorithm", "reward", "randomization", "curriculum", "code"] = "algorithm"
    """What kind of change it is, and with it which evidence it needs."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.values is None) == (self.range is None):
            raise PydanticCustomError("scope", "must have either `values: [...]` or `range: [LOW, HIGH]`")
        if self.range is not None:
            low, high = self.range
            if any(isinstance(bound, bool) for bound in self.range) or not low < high:
                raise PydanticCustomError("scope", "its range must be two numbers, the lower one first")
            if self.scale == "log" and low <= 0:
                raise PydanticCustomError("scope", "a log scale needs a lower end above 0")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether a range means whole numbers."""
        return self.range is not None and all(isinstance(bound, int) for bound in self.range)

    def refusal(self, value: Any) -> str | None:
        """Return why a value is not allowed; None where it is."""
        if self.values is not None:
            allowed = any(type(value) is type(one) and value == one for one in self.values)
            return None if allowed or _equal_number(value, self.values) else f"{value!r} is none of {self.values}"
        assert self.range is not None
        if self.family == "randomization" and isinstance(value, list) and len(value) == 2:
            told = [self._number_refusal(each) for each in value]
            return next((each for each in told if each), None)
        return self._number_refusal(value)

    def section_refusal(self, values: dict[str, Any]) -> str | None:
        """Return why the settings of a section that it is for are not allowed; None where they are.

        Args:
            values: Every setting below the section that differs from the baseline, by its key in the section.
        """
        if self.values is not None:
            whole = any(isinstance(one, dict) and flatten(one) == values for one in self.values)
            return None if whole else f"{values} is none of {self.values}"
        return next((f"{key}: {told}" for key, value in values.items() if (told := self.refusal(value))), None)

    def _number_refusal(self, value: Any) -> str | None:
        assert self.range is not None
        low, high = self.range
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"{value!r} is no number"
        if self.is_whole and int(value) != value:
            return f"{value!r} is not whole, as the ends of its range are"
        return None if low <= value <= high else f"{value!r} is outside {low} to {high}"

    def within(self, other: ScopeEntry) -> bool:
        """Tell whether everything that this allows, another entry allows too."""
        if self.family != other.family:
            return False
        if self.values is not None:
            return all(other.refusal(value) is None for value in self.values)
        assert self.range is not None
        return (
            other.range is not None
            and other.range[0] <= self.range[0]
            and self.range[1] <= other.range[1]
            and (self.is_whole or not other.is_whole)
        )


def _equal_number(value: Any, values: list[Value]) -> bool:
    """Tell whether a number is among some: 1 and 1.0 are one."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    return plain and any(value == one for one in numbers)


def scope_of(key: str, scope: dict[str, ScopeEntry]) -> tuple[str, ScopeEntry] | None:
    """Return the entry that a setting falls under: its own, or that of a section that it is part of; None: it is locked."""
    if is_never(key):
        return None
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in scope:
            return name, scope[name]
    return None
