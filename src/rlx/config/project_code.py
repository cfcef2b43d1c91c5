"""Which files of the project a run uses, and their hashes: what decides whether an edit retrains it.

Starting from the modules that hold the environment, its wrappers and the network, imports are followed through the
project's source (read, not run). What a run would use but cannot be seen that way (a module that imports by computed
names, data files beside the code) is counted in rather than out: retraining once too often is cheap, a stale result
is not.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from rlx.config.project import PACKAGES
from rlx.config.source_hashes import hash_files, is_unchanged
from rlx.errors import ConfigError

IGNORED = ("__pycache__",)


def hashes_of(root: Path, modules: Iterable[str], known: Mapping[str, Collection[str]] | None = None) -> dict[str, str]:
    """Return the hash of every project file that ``modules`` use, by path in the project, sorted.

    Args:
        root: The project.
        modules: Importable names; those that are not the project's own are skipped.
        known: Hashes of files that snapshots of the project hold: one that still is its file's is kept as it is.

    Raises:
        ConfigError: A module in use imports project code from outside :data:`rlx.config.project.PACKAGES`, where an edit
            would go unnoticed.
    """
    files: set[Path] = set()
    pending = [file for name in modules for file in _files_of(root, name)]
    while pending:
        file = pending.pop()
        if file in files:
            continue
        files.add(file)
        if file.relative_to(root).parts[0] not in PACKAGES:
            raise ConfigError(
                f"{file.relative_to(root)}: is used by an environment, network or algorithm of the project, but lies outside "
                f"{', '.join(f'{name}/' for name in PACKAGES)}, where rlx would not see it change; move it into one of them"
            )
        for name in _imports(root, file):
            pending.extend(_files_of(root, name))
    for package in {root / file.relative_to(root).parts[0] for file in files}:
        files.update(path for path in _members(package) if path.suffix != ".py")
    found = hash_files(root, sorted(files))
    kept = {
        name: digest
        for name in found
        for digest in sorted((known or {}).get(name, ()))
        if is_unchanged(root / name, digest)
    }
    return found | kept


def check_unchanged(root: Path, files: dict[str, str]) -> None:
    """Check that project code is still what the snapshot was made from.

    Raises:
        ConfigError: A file was edited or removed meanwhile; results would be kept under the wrong name.
    """
    for name, digest in files.items():
        if not is_unchanged(root / name, digest):
            raise ConfigError(f"{name}: was changed after the configuration was resolved; run the same command again")


def _files_of(root: Path, module: str) -> list[Path]:
    """Return the file of a project module and the ``__init__`` files on the way to it.

    The ``__init__`` of these packages themselves only register names; what they register for a run is
    recorded apart, so they count only when something imports from them directly.
    """
    parts = module.split(".")
    base = root.joinpath(*parts)
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not file.is_file():
        return []
    packages = [root.joinpath(*parts[:depth]) / "__init__.py" for depth in range(2, len(parts))]
    return [file, *(package for package in packages if package.is_file())]


def _imports(root: Path, file: Path) -> Iterator[str]:
    """Yield the absolute names of everything ``file`` imports, or may import."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{file.relative_to(root)}: is not valid Python: {error}") from None
    package = list(file.relative_to(root).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _prefixes(alias.name)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "importlib":
                yield from _whole_package(root, package[0])
            parts = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            if any(_is_attribute(root, base, alias.name) for alias in node.names):
                yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"
        elif isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            yield from _whole_package(root, package[0])


def _whole_package(root: Path, package: str) -> Iterator[str]:
    """Yield every module of a package: what a module that imports by computed names may use."""
    for member in _members(root / package):
        if member.suffix == ".py":
            yield ".".join(member.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        if depth > 1 or len(parts) == 1:
            yield ".".join(parts[:depth])


def _is_attribute(root: Path, base: str, name: str) -> bool:
    """Tell whether ``from base import name`` takes something defined in ``base`` itself rather than a submodule."""
    return not base or not _files_of(root, f"{base}.{name}")


def _members(package: Path) -> list[Path]:
    return sorted(
        path
        for path in package.rglob("*")
        if path.is_file() and not set(path.parts) & set(IGNORED) and path.suffix != ".pyc" and path.name[0] != "."
    )
