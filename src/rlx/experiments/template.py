"""What `rlx init` writes: the very files that rlx's own repository runs on.

An installed wheel carries them under ``rlx/template/``; in a checkout the table in ``pyproject.toml`` that puts them
there says where they are, so there is one list and one copy of each.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from rlx.config import look_for_algorithm, own_settings

IGNORED = ("__pycache__",)


def template_files() -> dict[str, Path]:
    """Return every file of a new project: its path there, and where its text is."""
    package = Path(__file__).parents[1]
    bundled = package / "template"
    if bundled.is_dir():
        return dict(_below("", bundled))
    checkout = package.parents[1]
    table = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    included = table["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return {
        name: path
        for source, target in included.items()
        if target.startswith("rlx/template/")
        for name, path in _below(target.removeprefix("rlx/template/"), checkout / source)
    }


def is_shipped(algorithm: str) -> bool:
    """Tell whether an algorithm is rlx's own, a package's, or a page that a project is made with; it is registered then.

    Raises:
        ConfigError: What that page needs is not installed.
    """
    if own_settings(algorithm) is not None:
        return True
    root = template_files()["algorithms/__init__.py"].parents[1]
    return look_for_algorithm(root, algorithm) is not None


def _below(name: str, source: Path) -> list[tuple[str, Path]]:
    if source.is_file():
        return [(name, source)]
    return [
        (f"{name}/{path.relative_to(source).as_posix()}".lstrip("/"), path)
        for path in sorted(source.rglob("*"))
        if path.is_file() and not set(path.parts) & set(IGNORED) and path.suffix != ".pyc"
    ]
