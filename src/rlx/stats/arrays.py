"""What an array is called in types."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np


class _AsList:
    """How pydantic, where it reads a document, takes an array: as a list of numbers, null where there is none."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> Any:
        from pydantic_core import core_schema as schema

        known = schema.union_schema([schema.int_schema(), schema.float_schema()])
        return schema.no_info_after_validator_function(_array_of, schema.list_schema(schema.nullable_schema(known)))


def _array_of(values: list[float | None]) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=float) if None in values else np.array(values)


Array = Annotated[np.ndarray[Any, Any], _AsList()]
