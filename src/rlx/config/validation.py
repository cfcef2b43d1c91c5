"""Turn what pydantic finds wrong into complaints that a person can act on: place, key, what is allowed, nearest name."""

from __future__ import annotations

import difflib
import re
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import algorithm_name, owners_of, told_owners
from rlx.config.aliases import renamed
from rlx.config.document import Document, KeyPath
from rlx.errors import Problem

WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping of `key: value` lines",
    "model_type": "a mapping of `key: value` lines",
    "model_attributes_type": "a mapping of `key: value` lines",
}
"""What each of pydantic's type errors asks for."""
RUN_NAME = ("a run name", "a letter, then letters, digits, - and _")
WORD = ("one word", "anything without spaces")
FORMS: dict[str | int, tuple[str, str]] = {
    "device": ("a device", "cpu, cuda, cuda:N, mps, auto"),
    "mem": ("an amount of memory", "a whole number, then K, M, G or T, such as 4G"),
    "time": ("a time limit", "minutes, HH:MM:SS or DAYS-HH"),
    **dict.fromkeys(("partition", "account", "extra", "address"), WORD),
}
"""What a text that does not fit its pattern was to be, and what that looks like, by key; any other is a run's name."""
BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def problems_in(document: Document, model: type[BaseModel], prefix: KeyPath = ()) -> list[Problem]:
    """Validate one file by itself.

    Args:
        document: The file, SB3's names already translated.
        model: What it may contain; keys that are absent are fine.
        prefix: For a group file (``configs/env/x.yaml``): the section its content belongs to.

    Returns:
        Everything that is wrong in it, in the order of the file.
    """
    data: dict[str, Any] = document.data
    for part in reversed(prefix):
        data = {str(part): data}
    try:
        model.model_validate(data)
    except ValidationError as error:
        problems: dict[KeyPath, Problem] = {}
        told = {problem.key for problem in document.problems}
        for item in error.errors(include_url=False):
            path = _path_of(item["loc"], document, len(prefix))
            if item["type"] == "missing" and path not in document.keys and len(path) <= len(prefix) + 1:
                continue
            problem = document.problem(
                path[len(prefix) :], _message(item, path, model), at_value=item["type"] != "extra_forbidden"
            )
            if problem.key not in told:
                problems.setdefault(path, problem)
        return sorted(problems.values(), key=lambda problem: (problem.line or 0, problem.column or 0))
    return []


def field_of(model: type[BaseModel], path: KeyPath) -> tuple[type[BaseModel] | None, Any]:
    """Follow ``path`` through nested sections and lists of them; give the section that holds the last key, and its field (or None)."""
    section: type[BaseModel] | None = model
    info = None
    for index, part in enumerate(path):
        if isinstance(part, int) and section is None and info is not None and index < len(path) - 1:
            section = _listed_section(info.annotation)
            continue
        if section is None or not isinstance(part, str):
            return None, info
        info = section.model_fields.get(part)
        if index == len(path) - 1:
            return section, info
        section = section_type(info.annotation) if info else None
    return section, info


def section_type(annotation: Any) -> type[BaseModel] | None:
    """Return the section a field's annotation holds, or None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next((found for found in map(section_type, typing.get_args(annotation)) if found), None)
    return None


def _listed_section(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a list holds, or None."""
    return section_type(typing.get_args(annotation)[0]) if typing.get_origin(annotation) is list else None


def _path_of(location: KeyPath, document: Document, outer: int) -> KeyPath:
    """Return where in a document something is wrong, without the branches of unions; a key may be called like one."""
    path: KeyPath = ()
    for part in location:
        if not _is_union_branch(part) or (*path, part)[outer:] in document.keys:
            path = (*path, part)
    return path


def _is_union_branch(part: str | int) -> bool:
    """Pydantic names the branch of a union in its location (``function-plain[…]``, ``constrained-int``)."""
    return isinstance(part, str) and (
        "[" in part or part in ("int", "float", "str", "bool", "constrained-int", "constrained-str")
    )


def first_message(error: ValidationError) -> str:
    """Return the first thing that is wrong with a value by itself, in words."""
    return _message(error.errors()[0], (), BaseModel)


def _message(item: Any, path: KeyPath, model: type[BaseModel]) -> str:  # noqa: PLR0911 — one line per kind of mistake
    context, kind, given = item.get("ctx", {}), item["type"], item["input"]
    shown = _shown(given)
    if kind == "extra_forbidden":
        return _unknown_key(path, model)
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        allowed = [word.strip("' ") for word in re.split(r",| or ", context["expected"])]
        guess = difflib.get_close_matches(str(given), allowed, 1)
        hint = f"; did you mean {guess[0]}?" if guess else ""
        return f"{shown} is not allowed; one of {context['expected']}{hint}"
    if kind in WANTED:
        return f"must be {WANTED[kind]}, not {shown}"
    if kind == "string_pattern_mismatch":
        what, form = next((FORMS[part] for part in reversed(path) if part in FORMS), RUN_NAME)
        return f"{shown} is not {what}; allowed: {form}"
    if kind in BOUNDS:
        return f"must be {BOUNDS[kind]} {next(iter(context.values()))}, not {shown}"
    if kind in ("log", "schedule", "sizes"):
        return f"{item['msg']}, not {shown}"
    return f"{item['msg']} (given: {shown})"


def _shown(value: Any) -> str:
    if value is None:
        return "null (nothing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    key = str(path[-1])
    section, _ = field_of(model, path)
    algo = section if section is not None and issubclass(section, AlgorithmConfig) else None
    if algo is not None and (owners := owners_of(key)):
        others = f"{told_owners(owners)}, not of {algorithm_name(algo)}"
        return f"`{key}` is a setting of {others}: it does not carry over; remove it"
    known = list(section.model_fields) if section else []
    elsewhere = [
        f"{name}.{key}"
        for name, info in model.model_fields.items()
        if (inner := section_type(info.annotation)) and key in inner.model_fields and (name,) != path[:-1]
    ]
    if key in model.model_fields and len(path) > 1:
        elsewhere.insert(0, f"{key} (at the top, not indented)")
    if elsewhere:
        return f"unknown key here; did you mean `{elsewhere[0]}`?"
    theirs = renamed(algo) if algo is not None else ()
    guess = difflib.get_close_matches(key, [*known, *theirs], 1, cutoff=0.6)
    if guess:
        return f"unknown key; did you mean `{guess[0]}`?"
    return f"unknown key; allowed here: {', '.join(known)}" if known else "unknown key"
