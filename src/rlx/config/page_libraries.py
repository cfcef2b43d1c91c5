"""Which installed packages the page of an algorithm computes with: what it imports, read and not run."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from functools import cache
from pathlib import Path

from rlx.config.project import PACKAGES

NOTHING_COMPUTED = {"rlx", "pydantic", "pydantic_core", "typing_extensions", *PACKAGES}
"""What every page imports, and what changes no number in another version; code of the project has hashes of its own."""
ALSO = {"jax": ("jaxlib",)}
"""Packages that compute for others."""


def page_libraries(module: str) -> tuple[str, ...]:
    """Return the installed packages that a module imports, anywhere in it; none of Python's own.

    Args:
        module: The name of one that is imported already.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8")) if file else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ()
    names = {name.partition(".")[0] for node in ast.walk(tree) for name in _imported(node)}
    found = [_package(name) for name in sorted(names - NOTHING_COMPUTED - sys.stdlib_module_names)]
    return tuple(dict.fromkeys(each for name in found if name for each in (name, *ALSO.get(name, ()))))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


@cache
def _package(name: str) -> str | None:
    """Return the package that brings a module; None where none that is installed does."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return next(iter(importlib.metadata.packages_distributions().get(name, ())), None)
    return name
