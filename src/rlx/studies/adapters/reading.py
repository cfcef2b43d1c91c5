"""Reading ``adapter.yaml``: every complaint with its line and cure, and what is still `unknown` in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlx.config import Document, Inconsistency, KeyPath, problems_in, read_document
from rlx.errors import ConfigError, Problem
from rlx.studies.adapters.adapter import UNKNOWN, Adapter
from rlx.studies.adapters.consistency import inconsistencies

REQUIRED: tuple[tuple[KeyPath, tuple[str, ...]], ...] = (
    ((), ("repository", "train", "episodes")),
    (("repository",), ("path", "commit")),
    (("train",), ("command", "timeout", "overrides", "steps")),
    (("train", "overrides"), ("style",)),
    (("train", "steps"), ("format", "field")),
    (("evaluate",), ("command", "timeout")),
    (("episodes",), ("format", "fields")),
    (("learning",), ("format", "metrics")),
)
"""What a section must have, where the section is there."""


def read_adapter(path: Path, name: str | None = None) -> Adapter:
    """Read an adapter, in which `unknown` may stand (a draft).

    Args:
        path: The file.
        name: How to call it in messages; by default its path.

    Raises:
        ConfigError: Something in it is wrong; each complaint names its line.
    """
    return _read(path, name, drafts=True)


def validated_adapter(path: Path, name: str | None = None) -> Adapter:
    """Read an adapter in which nothing is `unknown`; raises as :func:`read_adapter`."""
    return _read(path, name, drafts=False)


def _read(path: Path, name: str | None, *, drafts: bool) -> Adapter:
    document = read_document(path, name)
    missing = list(_missing(document))
    told = {problem.key for problem in missing}
    found = document.problems + missing + [each for each in problems_in(document, Adapter) if each.key not in told]
    if found:
        raise ConfigError(found)
    adapter = Adapter.model_validate(document.data)
    complaints = [*inconsistencies(adapter), *([] if drafts else unknowns(adapter))]
    if complaints:
        raise ConfigError([document.problem(place, message, at_value=True) for place, message in complaints])
    return adapter


def problems(adapter: Adapter) -> list[str]:
    """Return everything for which an adapter cannot be used yet, `unknown` first; a sentence each, none if it can."""
    return [
        f"{'.'.join(map(str, place))}: {message}" for place, message in (*unknowns(adapter), *inconsistencies(adapter))
    ]


def _missing(document: Document) -> Iterator[Problem]:
    """Yield what the file lacks."""
    for section, names in REQUIRED:
        place: Any = document.data
        for part in section:
            place = place.get(part) if isinstance(place, dict) else None
        for name in names:
            if isinstance(place, dict) and name not in place:
                yield document.problem((*section, name), "is missing; docs/adapters.md says what stands there")


def unknowns(adapter: Adapter) -> list[Inconsistency]:
    """Return the places where `unknown` stands."""
    return list(_unknowns(adapter.model_dump(), ()))


def _unknowns(value: Any, place: KeyPath) -> Iterator[Inconsistency]:
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from _unknowns(each, (*place, key))
    elif isinstance(value, str) and re.search(rf"(?<![A-Za-z0-9_]){UNKNOWN}(?![A-Za-z0-9_])", value):
        yield (
            place,
            "is unknown: read it up in the repository, and write it here",
        )
