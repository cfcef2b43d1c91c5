"""What names in a Python file stand for: its imports, its definitions, and what each of these uses. Read, never run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rlx.skills.launch_table import ANY

TOP = ""
"""The name of what runs when a module is imported."""


@dataclass(frozen=True)
class Use:
    """A name that code reads.

    Attributes:
        targets: What it stands for, qualified: several where the file binds it several times.
        line: Where.
        owner: The top-level function, class or ``Class.method`` that it is in; :data:`TOP` outside of all.
    """

    targets: frozenset[str]
    line: int
    owner: str


@dataclass(frozen=True)
class Source:
    """A Python file.

    Attributes:
        module: Its dotted name.
        file: Its path below the package's parent.
        bound: What names are bound to by imports anywhere in it.
        defined: Names that it defines at its top.
        uses: What it reads.
        stars: Lines that import everything of another module.
    """

    module: str
    file: str
    bound: dict[str, set[str]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)
    stars: list[int] = field(default_factory=list)


def read_sources(package: Path, folders: Iterable[str]) -> dict[str, Source]:
    """Read files of a package by module; a door's ``.pyi`` binds names for its ``__init__``.

    Args:
        package: The package's folder.
        folders: Folders in it that are read whole; of others only the doors are.

    Raises:
        SyntaxError: A file is no Python.
    """
    found: dict[str, Source] = {}
    doors = (*package.rglob("__init__.py"), *package.rglob("__init__.pyi"))
    whole = (path for folder in folders for path in (package / folder).rglob("*.py"))
    for path in sorted({*doors, *whole}):
        parts = path.relative_to(package.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = found.setdefault(module, Source(module, path.relative_to(package.parent).as_posix()))
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        inside = module if parts[-1] == "__init__" else module.rpartition(".")[0]
        _bind(tree, source, inside)
        _read(tree, source)
    return found


def _bind(tree: ast.Module, source: Source, package: str) -> None:
    for node in tree.body:
        for name in _defines(node):
            source.defined.add(name)
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                name = alias.asname or alias.name.partition(".")[0]
                source.bound.setdefault(name, set()).add(alias.name if alias.asname else name)
        elif isinstance(inner, ast.ImportFrom):
            above = package.rsplit(".", inner.level - 1)[0] if inner.level else ""
            origin = ".".join(part for part in (above, inner.module) if part)
            for alias in inner.names:
                if alias.name == "*":
                    source.stars.append(inner.lineno)
                source.bound.setdefault(alias.asname or alias.name, set()).add(f"{origin}.{alias.name}")


def _defines(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name))
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _read(tree: ast.Module, source: Source) -> None:
    for owner, node in _owners(tree):
        for expression in _expressions(node):
            if targets := _targets(expression, source, owner):
                source.uses.append(Use(frozenset(targets), expression.lineno, owner))


def _owners(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a module consists of, with whose it is: a class's methods apart, and the rest of it as the class's."""
    for node in tree.body:
        owner = next(_defines(node), TOP)
        if not isinstance(node, ast.ClassDef):
            yield owner, node
            continue
        for part in (*node.decorator_list, *node.bases, *node.keywords, *node.body):
            name = part.name if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) else ""
            yield f"{owner}.{name}".rstrip("."), part


def _expressions(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Yield the names and whole chains of attributes that run: not annotations, nor what is for type checkers alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
        for other in node.orelse:
            yield from _expressions(other)
        return
    if isinstance(node, ast.Attribute):
        yield node
        if _chain(node) is not None:
            return
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield node
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _expressions(child)


def _targets(node: ast.Name | ast.Attribute, source: Source, owner: str) -> set[str]:
    """Return what a name or chain stands for; of an object of which nothing is known, the attribute alone."""
    root, *rest = _chain(node) or [ANY, node.attr if isinstance(node, ast.Attribute) else ""]
    if root in ("self", "cls") and "." in owner:
        bases = {f"{source.module}.{owner.partition('.')[0]}"}
    elif root in source.bound:
        bases = set(source.bound[root])
    elif root in source.defined:
        bases = {f"{source.module}.{root}"}
    elif hasattr(builtins, root):
        bases = {f"builtins.{root}"}
    else:
        bases = {ANY}
    return {".".join((base, *rest)) for base in bases}


def _chain(node: ast.AST) -> list[str] | None:
    """Return ``a.b.c`` as its parts; None where it does not begin with a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)) is not None:
        return [*before, node.attr]
    return None
