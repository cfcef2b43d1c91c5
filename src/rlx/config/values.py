"""The kinds of value a configuration may hold, strict about type and kind about spelling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_serializer
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from rlx.config.schedules import LINEAR, Segment, read_schedule, segments_of, value_at


class Section(BaseModel):
    """A mapping of the configuration: unknown keys, wrong types and non-finite numbers are refused.

    Its JSON schema has the docstrings of its fields. They are read when a schema is asked for: pydantic's
    ``use_attribute_docstrings`` parses the source of every section whenever rlx starts, a tenth of what a short command computes.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with what each field means."""
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, meaning in _meanings(cls).items():
            if name in properties:
                properties[name]["description"] = meaning
        return schema


@cache
def _meanings(section: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a section's fields by name, its bases' included."""
    import ast
    from inspect import cleandoc, getsource
    from textwrap import dedent

    found: dict[str, str] = {}
    for kind in reversed([kind for kind in section.__mro__ if issubclass(kind, Section)]):
        (body,) = (node.body for node in ast.parse(dedent(getsource(kind))).body if isinstance(node, ast.ClassDef))
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                found[field.target.id] = cleandoc(ast.literal_eval(text.value))
    return found


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


class Schedule(Section):
    """A value that moves over the training of a run.

    Attributes:
        start: Where it begins; with a warm-up, what that rises to.
        end: Where it ends.
        shape: ``linear``, ``cosine`` (slow, fast, slow: Loshchilov & Hutter 2017, eq. 5) or ``exponential`` (by the same factor in
            equal times; both ends above 0). Through points: ``linear`` between them, or ``step``: each value until the next point.
        warmup: The share of training in which it first rises in a straight line from 0 to ``start``; the shape has the rest.
        piecewise: Points it goes through, each a share of training and a value; ``start`` and ``end`` are those of the first and last.
    """

    start: float
    end: float
    shape: Literal["linear", "cosine", "exponential", "step"] = LINEAR
    warmup: float = 0.0
    piecewise: tuple[tuple[float, float], ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Its parts, in order; together they reach from share 0 to 1."""
        return segments_of(self.start, self.end, self.shape, self.warmup, self.piecewise)

    def value_at(self, share: float) -> float:
        """Return its value when a share of the training (0 to 1) is over."""
        return value_at(self.segments, share)

    @model_serializer
    def _as_ever(self) -> dict[str, Any]:
        """Write what is said, and nothing that snapshots of straight lines have not always had."""
        shape = {} if self.shape == LINEAR else {"shape": self.shape}
        if self.piecewise:
            return {"piecewise": [list(point) for point in self.piecewise], **shape}
        return {"start": self.start, "end": self.end, **shape, **({"warmup": self.warmup} if self.warmup else {})}


def _whole(value: Any) -> Any:
    """Read ``1e5`` and ``100000.0`` as whole numbers; people and DVC write budgets that way."""
    if not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
        return value
    if abs(value) >= LARGEST:
        raise PydanticCustomError("too_large", "must be below 10^18")
    return int(value) if isinstance(value, float) and value == int(value) else value


def _number_or_schedule(value: Any) -> float | Schedule:
    if isinstance(value, Schedule):
        return value
    found = read_schedule(value)
    return Schedule(**found) if isinstance(found, dict) else found


Count = Annotated[int, BeforeValidator(_whole)]
"""A whole number; ``1e5`` counts as one."""

Positive = Annotated[Count, Field(ge=1)]
"""A whole number of at least 1."""

NumberOrSchedule = Annotated[float | Schedule, BeforeValidator(_number_or_schedule)]
"""A positive number, or a value that moves over the training."""
