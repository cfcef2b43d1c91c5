"""One YAML file, read with the place of every key and value, so that every complaint can name its line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from rlx.config.anchors import merge
from rlx.config.files.reading import MOST_CONFIG_BYTES, bounded, check_values, read_text
from rlx.errors import ConfigError, DataDamaged, Problem

KeyPath = tuple[str | int, ...]
"""Where a value stands in a document: ``("algo", "learning_rate")``."""
Inconsistency = tuple[KeyPath, str]
"""A setting to look at, and what is wrong with it and what to do."""


DIGITS = 18
"""Of the longest whole number that fits into 64 bits whatever its digits are."""


@dataclass(frozen=True)
class Place:
    """A position in a text file, counted from 1 as editors do."""

    line: int
    column: int


@dataclass
class Document:
    """A YAML mapping and where each of its values stands.

    Attributes:
        name: How the file is called in messages, relative to the project.
        data: The mapping, in plain Python values.
        keys: The place of each key.
        values: The place of each value.
        problems: What is wrong with the text itself: repeated keys, numbers that are not finite.
        filled: Values that do not stand in the file: defaults of an entry that was pasted whole.
        origins: Where values that were moved stand in the file; None for those read out of a text of several.
    """

    name: str
    data: dict[str, Any]
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    filled: set[tuple[str, str]] = field(default_factory=set)
    origins: dict[KeyPath, KeyPath | None] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str, *, at_value: bool = False) -> Problem:
        """Return a complaint about ``path``, placed at its key (or value), or at the nearest enclosing key."""
        places = self.values if at_value else self.keys
        key = ".".join(str(part) for part in path)
        for length in range(len(path), 0, -1):
            place = places.get(path[:length]) or self.keys.get(path[:length])
            if place:
                return Problem(self.name, place.line, place.column, key, message)
        return Problem(self.name, None, None, key, message)

    def remove(self, path: KeyPath) -> None:
        """Take the value at ``path`` out."""
        container: Any = reduce(getitem, path[:-1], self.data)  # type: ignore[arg-type]
        del container[path[-1]]

    def move(self, source: KeyPath, target: KeyPath, value: Any) -> None:
        """Take the value at ``source`` out and put ``value`` at ``target``, keeping its place in the file."""
        self.remove(source)
        container = self.data
        for depth, part in enumerate(target[:-1]):
            if not isinstance(container.get(part), dict):  # type: ignore[arg-type]
                container[part] = {}  # type: ignore[index]
                self.keys.setdefault(target[: depth + 1], self.keys[source])
            container = container[part]  # type: ignore[index]
        container[target[-1]] = value  # type: ignore[index]
        for places in (self.keys, self.values):
            for path in [path for path in places if path[: len(source)] == source]:
                moved = target + path[len(source) :]
                places[moved] = places.pop(path)
                if places is self.keys:
                    self.origins[moved] = self.origins.pop(path, path)


class _Yaml12Loader(yaml.SafeLoader):
    """PyYAML with the scalars of YAML 1.2: ``3e-05`` is a number, ``on`` and ``1:30`` are words."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


class _Yaml12Dumper(yaml.SafeDumper):
    """Writes what :class:`_Yaml12Loader` reads back: the word ``1e5`` comes out quoted."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    for _class in (_Yaml12Loader, _Yaml12Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Read an integer as YAML 1.2 does: ``010`` is ten, octal is written ``0o10``."""
    text = str(loader.construct_scalar(node))
    if len(text) > DIGITS:
        return 0  # refused by :func:`_refusal`, in its place
    return int(text, 0) if re.match(r"0[ox]", text) else int(text, 10)


_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader = bounded(_Yaml12Loader)


def dump(data: dict[str, Any]) -> str:
    """Return a mapping of plain values as YAML that :func:`parse_document` reads back."""
    return yaml.dump(data, Dumper=_Yaml12Dumper, sort_keys=False, width=120)


def read_document(path: Path, name: str | None = None) -> Document:
    """Read one YAML file.

    Args:
        path: The file.
        name: How to call it in messages; by default the path as given.

    Raises:
        ConfigError: It cannot be read, is not YAML, or is not a mapping of plain keys. What is wrong with single values
            (repeated keys, numbers that are not finite) is left in ``problems``.
    """
    name = name or str(path)
    try:
        return parse_document(read_text(path, MOST_CONFIG_BYTES), name)
    except UnicodeDecodeError as error:
        told = f"is not a UTF-8 text file ({error.reason})"
    except DataDamaged as error:
        told = str(error).removeprefix(f"{path}: ")
    except OSError as error:
        told = f"cannot be read: {error.strerror}"
    raise ConfigError([Problem(name, None, None, "", told)])


def parse_document(text: str, name: str) -> Document:
    """Read YAML text; see :func:`read_document`."""
    document = Document(name, {})
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return document
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError([Problem(name, 1, 1, "", "must be a mapping of `key: value` lines")])
        _walk(node, (), document)
        if any(not problem.key for problem in document.problems):  # not even its keys can be read
            raise ConfigError(document.problems)
        document.data = loader.construct_document(node)
        if not document.problems:
            check_values(document.data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        message = f"is not valid YAML: {error.problem or error.context}"
        if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
            message = "has the marks of a merge conflict: `rlx sync --merge` settles what it can, the rest is to be settled here"
        raise ConfigError([Problem(name, line, column, "", message)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([Problem(name, None, None, "", f"is not valid YAML: {error}")]) from None
    return document


def _walk(node: yaml.Node, path: KeyPath, document: Document) -> None:
    """Note the place of every key and value; complain about repeated and non-text keys and what no value may be."""
    if isinstance(node, yaml.MappingNode):
        merged, others = merge(node)
        document.origins |= {(*path, name): None for name in merged}
        for key_node in others:
            place, message = _place(key_node), "must name a mapping, such as `<<: *defaults`"
            document.problems.append(Problem(document.name, place.line, place.column, "<<", message))
        for key_node, value_node in node.value:
            place, here = _place(key_node), (*path, key_node.value)
            if not isinstance(key_node, yaml.ScalarNode):
                message = "only plain keys are understood here (no `? complex` keys)"
                document.problems.append(Problem(document.name, place.line, place.column, "", message))
            elif here in document.keys:
                message = f"is given twice (first in line {document.keys[here].line}); keep one"
                key = ".".join(map(str, here))
                document.problems.append(Problem(document.name, place.line, place.column, key, message))
            else:
                document.keys[here], document.values[here] = place, _place(value_node)
                key_node.tag = "tag:yaml.org,2002:str"
                _walk(value_node, here, document)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            document.keys[*path, index] = document.values[*path, index] = _place(item)
            _walk(item, (*path, index), document)
    elif message := _refusal(node.tag.rpartition(":")[2], str(node.value)):
        document.problems.append(document.problem(path, message, at_value=True))


NOT_REPLACED = "`${…}` is not replaced here, so that a snapshot means the same everywhere; write the value"
"""Why interpolation is refused, in files and where a setting is typed."""


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _refusal(kind: str, text: str) -> str:
    """Return what is wrong with a single value, if anything is."""
    short = text if len(text) <= 40 else f"{text[:37]}…"
    if kind == "str" and "${" in text:
        return NOT_REPLACED
    if kind == "float" and not math.isfinite(float(re.sub(r"\.(?=inf|nan)", "", text.lower()))):
        return f"{short} is not a finite number"
    if kind == "int" and len(text) > DIGITS:
        return f"{short} is too large a number: whole numbers have at most {DIGITS} digits"
    return ""
