"""Putting what a pasted file says to where rlx has it, and reading its texts of Python as data."""

from __future__ import annotations

import ast
from typing import Any

from rlx.config.document import Document, KeyPath
from rlx.errors import Problem


def move(document: Document, source: KeyPath, target: KeyPath, value: Any, problems: list[Problem]) -> None:
    """Take a value out and put what it means at another place, unless that is said already.

    Args:
        document: The file.
        source: Where the value stands.
        target: Where rlx has it.
        value: What it means.
        problems: Where to complain that it is given twice.
    """
    container: Any = document.data
    for part in target[:-1]:
        container = container.get(part, {})
        if not isinstance(container, dict):  # validation says what is wrong with the section
            document.remove(source)
            return
    if target[-1] in container and source != target:
        both = f"`{source[-1]}` and `{'.'.join(map(str, target))}` are the same setting; keep one"
        problems.append(document.problem(source, both))
        document.remove(source)
        return
    document.move(source, target, value)


def give(document: Document, source: KeyPath, target: KeyPath, value: Any, problems: list[Problem]) -> None:
    """Put a value that was read out of others at its place, unless that is said already; those stay where they are.

    Args:
        document: The file.
        source: Where it was read, for complaints.
        target: A section and a key of it.
        value: What is put there.
        problems: Where to complain that it is given twice.
    """
    section = document.data.setdefault(str(target[0]), {})
    if not isinstance(section, dict):  # validation says what is wrong with it
        return
    if target[-1] in section:
        problems.append(document.problem(source, f"`{'.'.join(map(str, target))}` is given too; keep one"))
        return
    section[str(target[-1])] = value
    document.keys.setdefault(target[:1], document.keys[source])
    parts = value if isinstance(value, dict) else {}
    for path in (target, *((*target, part) for part in parts)):
        document.keys[path] = document.values[path] = document.keys[source]
        document.origins[path] = None


def literal(text: Any) -> Any:
    """Return what a text of Python means: ``dict(a=1)``, lists, numbers, words and dotted names (as text).

    Nothing is ever called. What is no text is returned as it is.

    Raises:
        ValueError: It is not of this kind.
    """
    if not isinstance(text, str):
        return text
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return {keyword.arg: _value(keyword.value) for keyword in keywords if keyword.arg}
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case _:
            return ast.literal_eval(node)
