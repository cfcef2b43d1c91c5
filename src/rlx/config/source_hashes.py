"""Hashes of source files: equal for equal programs, whatever their comments, docstrings and layout.

A Python file is hashed by its syntax tree, which knows no comments, blank lines, quotes, redundant parentheses or
trailing commas. ``ast.dump`` writes the tree differently from one Python to the next; what is written here is not:
fields that are empty are left out (later versions only add such), constants are written by their values, and f-strings
in one form. Equal hashes are equal programs; stored values in the tests hold it on every Python that rlx supports.

All other files are hashed by their bytes, as Python files were in snapshots of older versions; those hashes still
count for files that have not changed since.
"""

from __future__ import annotations

import ast
import hashlib
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rlx.config.files.atomic import sha256_of

SCHEME = "program-1:"
"""Begins the hash of a program; what follows is a SHA-256, as bytes' hashes are without it."""
READS_DOCSTRINGS = ("__doc__", "getdoc", "doctest", "docopt")
"""Words by which code reads docstrings; where they occur, docstrings belong to the program."""
READS_SOURCE = ("getsource", "getcomments", "linecache", "jit.script", "open(__file__")
"""Words by which code reads its own text; such a file is hashed by its bytes."""
IGNORED_FIELDS = ("kind", "type_comment", "type_ignores", "ctx")
"""Fields of the syntax tree that follow from others, or from comments."""


def hash_files(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the hash of each file by its path in the project, in their order."""
    texts = {path: path.read_bytes() for path in files}
    joined = b"\n".join(text for path, text in texts.items() if path.suffix == ".py")
    docstrings = any(word.encode() in joined for word in READS_DOCSTRINGS)
    return {path.relative_to(root).as_posix(): _hash(path, text, docstrings) for path, text in texts.items()}


def is_unchanged(path: Path, digest: str) -> bool:
    """Tell whether a file is still what a hash in a snapshot was made from, by any of the ways of hashing."""
    if not path.is_file():
        return False
    if not digest.startswith(SCHEME):
        return sha256_of(path) == digest
    text = path.read_bytes()
    return digest in (_hash(path, text, False), _hash(path, text, True))


def _hash(path: Path, text: bytes, docstrings: bool) -> str:
    found = None if path.suffix != ".py" else program_hash(text, docstrings=docstrings)
    return hashlib.sha256(text).hexdigest() if found is None else found


def program_hash(text: bytes, *, docstrings: bool = False) -> str | None:
    """Return the hash of a Python program.

    Args:
        text: Its source.
        docstrings: Whether they count.

    Returns:
        The hash; None where the bytes are to count: no valid Python, or code that reads its own text.
    """
    if any(word.encode() in text for word in READS_SOURCE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\d" in a string, say: the module says so itself when it is imported
            tree = ast.parse(text)
        parts: list[str] = []
        _write(tree, parts.append, docstrings)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return SCHEME + hashlib.sha256("\n".join(parts).encode("ascii")).hexdigest()


def _write(node: Any, out: Callable[[str], None], docstrings: bool) -> None:
    """Write a syntax tree as lines of ASCII, each of which is a bracket, a name of a field, or a value."""
    if isinstance(node, ast.Constant):
        out(f"({_constant(node.value)})")
    elif isinstance(node, ast.AST):
        out(f"<{type(node).__name__}")
        for name, value in ast.iter_fields(node):
            content = _field(node, name, value, docstrings)
            if name not in IGNORED_FIELDS and content is not None and content != []:
                out(f".{name}")
                _write(content, out, docstrings)
        out(">")
    elif isinstance(node, list):
        out("[")
        for item in node:
            _write(item, out, docstrings)
        out("]")
    else:
        out(_constant(node))


def _field(node: ast.AST, name: str, value: Any, docstrings: bool) -> Any:
    """Return a field of a node in the one form that all versions of Python share."""
    if isinstance(node, ast.JoinedStr) and name == "values":
        return _joined(value)
    if isinstance(node, ast.FormattedValue) and name == "format_spec" and value is not None:
        return value if _joined(value.values) else None
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if name == "body" and not docstrings and isinstance(node, documented) and value and _is_docstring(value[0]):
        return value[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return value


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string with neighbouring texts joined and empty ones left out."""
    parts: list[ast.expr] = []
    for value in values:
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            parts.append(value)
        elif parts and isinstance(before := parts[-1], ast.Constant):
            parts[-1] = ast.Constant(str(before.value) + value.value)
        elif value.value:
            parts.append(value)
    return parts


def _constant(value: Any) -> str:
    """Return a constant as text that says its type, in ASCII."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return f"{type(value).__name__} {value!r}"
