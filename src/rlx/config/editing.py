"""Changing one value of a YAML text: everything else, comments, order and style, stays as a person wrote it.

A library that reads and writes a whole file again changes how it is laid out (indentation, quotes, aligned comments), and
in a file that several people merge each such change is a conflict. So only the lines of the value are written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from rlx.config.files.reading import bounded
from rlx.errors import ConfigError, Problem

Pair = tuple[yaml.Node, yaml.Node]
"""The nodes of a key and of its value."""


def with_list(text: str, path: Sequence[str], items: Sequence[str], name: str) -> str:
    """Return a YAML text in which a list of words has these items, each in a line of its own.

    Args:
        text: The text.
        path: The keys that lead to the list; it must be there.
        items: What it shall hold; lines of items that it has already stay as they are, with the comments above them.
        name: What the file is called in messages.

    Raises:
        ConfigError: The text is not YAML, or has no such list of words.
    """
    found = _found(text, path, name)
    if len(found) < len(path):
        raise ConfigError([Problem(name, None, None, ".".join(path[: len(found) + 1]), "is missing")])
    key, node = found[-1]
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(each, yaml.ScalarNode) for each in node.value):
        raise ConfigError([Problem(name, node.start_mark.line + 1, None, ".".join(path), "must be a list of words")])
    if [each.value for each in node.value] == list(items) and not (node.flow_style and len(items) > 1):
        return text
    if node.flow_style or not items:
        return _unfolded(text, key, node, items)
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    first = key.end_mark.line + 1
    chunks, begin = {}, first
    for each in node.value:
        end = each.end_mark.line + 1
        chunks[each.value] = lines[begin:end]
        begin = end
    dash = lines[node.value[0].start_mark.line].index("-")
    written = [line for item in items for line in chunks.get(item, [f"{' ' * dash}- {_word(item)}\n"])]
    return "".join([*lines[:first], *written, *lines[begin:]])


def _unfolded(text: str, key: yaml.Node, node: yaml.Node, items: Sequence[str]) -> str:
    """Return the text with a list that stands in one line, ``[a, b]``, written a line per item where it can be."""
    before, after = text[: node.start_mark.index], text[node.end_mark.index :]
    line = text.splitlines()[key.start_mark.line]
    rest, newline, below = after.partition("\n")
    alone = not line[: key.start_mark.column].strip() and (not rest.strip() or rest.lstrip().startswith("#"))
    if not items or not alone:
        return f"{before}[{', '.join(map(_word, items))}]{after}"
    indent = " " * (key.start_mark.column + 2)
    listed = "".join(f"{indent}- {_word(item)}\n" for item in items)
    comment = f"  {rest.strip()}" if rest.strip() else ""
    return f"{before.rstrip(' ')}{comment}\n{listed}{below}" if newline or not below else f"{before}{listed}"


def with_value(text: str, path: Sequence[str], value: Any, name: str) -> str:
    """Return a YAML text in which one key has this value.

    Args:
        text: The text.
        path: The keys that lead to it. Where the last ones are not there, they are added below those that are.
        value: A plain value: text, number, truth value, null, or lists and mappings of them.
        name: What the file is called in messages.

    Raises:
        ConfigError: The text is not YAML, or something on the way is no mapping.
    """
    found = _found(text, path, name)
    if len(found) < len(path):
        for key in reversed(path[len(found) + 1 :]):
            value = {key: value}
        return _added(text, found, path[: len(found) + 1], value, name)
    node = found[-1][1]
    start, end = node.start_mark.index, node.end_mark.index
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if block:  # it ends where the next key begins, comments and blank lines between them included
        end = start + len(_trimmed(text[start:end]))
    space = "" if start and text[start - 1].isspace() else " "
    return f"{text[:start]}{space}{_flow(value)}{text[end:]}"


def _trimmed(block: str) -> str:
    """Return a block without the comments and blank lines behind it."""
    lines = block.splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "".join(lines).rstrip()


def _added(text: str, owners: Sequence[Pair], path: Sequence[str], value: Any, name: str) -> str:
    """Return the text with a new key at the end of the innermost of the mappings that lead to it."""
    *parent, key = path
    if not owners:
        return f"{text.rstrip()}\n{_word(key)}: {_flow(value)}\n" if text.strip() else f"{_word(key)}: {_flow(value)}\n"
    owner, node = owners[-1]
    if not isinstance(node, yaml.MappingNode):
        if isinstance(node, yaml.ScalarNode) and node.value == "":
            at = owner.end_mark.index + 1
            return f"{text[:at]} {_flow({key: value})}{text[at:]}"
        raise ConfigError([Problem(name, node.start_mark.line + 1, None, ".".join(parent), "must be a mapping")])
    if node.flow_style:
        at = node.end_mark.index - 1
        return f"{text[:at].rstrip()}{', ' if node.value else ''}{_word(key)}: {_flow(value)}{text[at:]}"
    first, (_, last) = node.value[0][0], node.value[-1]
    end = last.end_mark.index
    if isinstance(last, yaml.CollectionNode) and not last.flow_style:
        end = last.start_mark.index + len(_trimmed(text[last.start_mark.index : end]))
    break_at = text.find("\n", end)
    at = len(text) if break_at < 0 else break_at + 1
    newline = "" if at == 0 or text[at - 1] == "\n" else "\n"
    return f"{text[:at]}{newline}{' ' * first.start_mark.column}{_word(key)}: {_flow(value)}\n{text[at:]}"


def _found(text: str, path: Sequence[str], name: str) -> list[Pair]:
    """Return the nodes of the keys on a path and of their values, as far as they are there."""
    try:
        node = yaml.compose(text, Loader=bounded(yaml.SafeLoader))
    except yaml.YAMLError as error:
        told = f"is not valid YAML: {' '.join(str(error).split())}"
        raise ConfigError([Problem(name, None, None, "", told)]) from None
    found: list[Pair] = []
    for part in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        pair = next(((key, value) for key, value in pairs if key.value == part), None)
        if pair is None:
            break
        found.append(pair)
        node = pair[1]
    return found


def _word(text: str) -> str:
    """Return a word as YAML writes it: as it is where it is read back as that text, else in quotes."""
    try:
        plain = yaml.safe_load(text) == text and yaml.safe_load(f"[{text}]") == [text]
    except yaml.YAMLError:
        plain = False
    if plain and text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else f"\\U{ord(each):08x}" for each in json.dumps(text, ensure_ascii=False)
    )


def _flow(value: Any) -> str:
    """Return a value in one line of YAML."""
    if isinstance(value, str):
        return _word(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_word(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)


def _number(value: float) -> str:
    """Return a float with every digit, so that YAML 1.1 too reads a number and not a word (``1.0e-05``)."""
    text = repr(value)
    mantissa, has_exponent, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{exponent}" if has_exponent else text
