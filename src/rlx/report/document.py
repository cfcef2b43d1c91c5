"""The base of all documents that commands print as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A part of a document; it has exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)
