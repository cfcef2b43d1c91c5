"""Documents: dataclasses as JSON. Every document is the class of the thing itself, written and read here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Kind = TypeVar("Kind")


def to_json(value: Any) -> Any:
    """Return dataclasses, arrays and mappings as the plain values that JSON holds; what is no finite number becomes null.

    The keys are the names of the fields, without an underscore that only keeps a name apart from Python's words
    (``return_``) and without the axis of curves (``values_T``). Left out are fields whose metadata say
    ``{"document": False}``: what a clock decides, and what is nobody else's business; and one with
    ``{"unless": value}`` where it has that value. Pydantic, which reads documents, cannot write them: file names that are no
    UTF-8 are texts with halves of characters, which it refuses.
    """
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for each in fields(value):
            here = getattr(value, each.name)
            if each.metadata.get("document", True) and not (
                "unless" in each.metadata and here == each.metadata["unless"]
            ):
                found[key_of(each.name)] = to_json(here)
        return found
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return to_json(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def part_of(kind: type[Kind], whole: Any) -> Kind:
    """Return a document with those fields of a larger one that it has."""
    return kind(**{each.name: getattr(whole, each.name) for each in fields(kind)})  # type: ignore[arg-type]


def from_json(kind: type[Kind], text: str, *, exact: bool = False) -> Kind:
    """Return what :func:`to_json` had written.

    Args:
        kind: Which document it is.
        text: The JSON.
        exact: Refuse fields that the document has not, which newer versions may have added.

    Raises:
        ValueError: The text is no such document; the message says what is wrong where.
    """
    (found,) = _adapter(cast("Any", kind), exact=exact).validate_json(f"[{text}]")
    return cast("Kind", found)


def keys_of(kind: Any) -> list[str]:
    """Return the keys that a document may have."""
    return [key_of(each.name) for each in fields(kind) if each.metadata.get("document", True)]


def key_of(name: str) -> str:
    """Return the key of a field."""
    return name.rstrip("_").removesuffix("_T")


@cache
def _adapter(kind: Any, *, exact: bool) -> TypeAdapter[list[Any]]:
    from pydantic import ConfigDict, TypeAdapter  # takes long to import, and most commands read no document

    config = ConfigDict(extra="forbid" if exact else "ignore", strict=True, alias_generator=key_of)
    return TypeAdapter(list[kind], config=config)  # a list takes a config, a dataclass none
