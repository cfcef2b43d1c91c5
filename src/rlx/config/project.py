"""The project: its root folder, and its own packages ``envs/``, ``policies/`` and ``algorithms/``."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from rlx.config.files.reading import MOST_BYTES, read_bytes
from rlx.errors import ConfigError, DataDamaged, DataRefused, NotInProject
from rlx.stats import raised, shown

PACKAGES = ("envs", "policies", "algorithms")
WRITTEN = (".dvc", ".dvc/tmp", ".dvc/cache", "runs", "analysis", "analysis/compare", "configs", "stages")
"""Folders of a project that rlx and DVC write into."""
EXTRAS = {"jax": ("jax", "jaxlib", "flax", "optax", "sbx")}
"""The extras of rlx (``pip install "rlx[…]"``) that bring libraries for code of a project, with those."""


def check_settled(root: Path) -> None:
    """Refuse to work on files of DVC's that are half of a merge, or that are no such files.

    Raises:
        ConfigError: ``dvc.yaml`` has the marks of a merge conflict.
        DataDamaged: ``dvc.lock`` has them, or cannot be read.
    """
    for name, error in (("dvc.yaml", ConfigError), ("dvc.lock", DataDamaged)):
        try:
            content = read_bytes(root / name, MOST_BYTES)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise DataDamaged(f"{name}: cannot be read: {problem.strerror}") from None
        if has_marks(content):
            raise error(f"{name}: has the marks of a merge conflict; `rlx sync --merge` merges what two branches added")
        if name == "dvc.lock" and content.strip() and not re.search(rb"^stages:", content, re.MULTILINE):
            raise error("dvc.lock: is no lock file of DVC's; `git checkout HEAD -- dvc.lock` brings it back")


def has_marks(content: bytes) -> bool:
    """Tell whether a text has the marks of a merge conflict."""
    return re.search(rb"^<{7}( |$)", content, re.MULTILINE) is not None and b"\n>>>>>>>" in content


def find_root(start: Path | None = None) -> Path:
    """Return the project that ``start`` (by default the current folder) lies in: the folder with ``dvc.yaml`` and ``.dvc``.

    Raises:
        NotInProject: There is none.
        DataRefused: A commit has a link in it by which results would be written elsewhere.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / ".dvc").is_dir():
            check_folders(folder)
            return folder
    raise NotInProject(f"{start} is not inside an rlx project; make one with `rlx init NAME`, or go into one")


def check_folders(root: Path) -> None:
    """Refuse a project of which a commit says that folders lie elsewhere: only its owner may link them.

    Raises:
        DataRefused: Git holds such a link.
    """
    inner = [f"{name}/{entry}" for name in WRITTEN[:2] for entry in _entries(root / name)]
    links = [name for name in (*WRITTEN, *inner) if (root / name).is_symlink()]
    if all(Path(os.path.realpath(root / name)).is_relative_to(root) for name in links):
        return
    if taken := [name for name in _held_by_git(root, links) if name in links]:
        raise DataRefused(
            f"{root / taken[0]}: is a link to {shown(str((root / taken[0]).readlink()))} that a commit brought along; nothing is read "
            f"or written through it. Delete it, or, if it is yours and to stay, take it out of Git: "
            f"`git rm --cached -- {taken[0]}`"
        )


def _held_by_git(root: Path, names: list[str]) -> list[str]:
    """Return which of these names Git holds; none without Git, where there is no commit."""
    command = ["git", "--literal-pathspecs", "ls-files", "-z", "--", *names]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return []


def _entries(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []


def load_package(root: Path, name: str) -> ModuleType | None:
    """Import the project's ``envs``, ``policies`` or ``algorithms`` package, so that what it registers is known.

    Returns:
        The package, or None when the project has none.

    Raises:
        ConfigError: Importing it fails; the message carries the reason.
    """
    package = root / name / "__init__.py"
    if not package.is_file():
        return None
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module = _imported(root, name, package)
    if module.__file__ is None or Path(module.__file__).resolve() != package.resolve():
        raise ConfigError(
            f"the name `{name}` is taken by {module.__file__}, so {package.relative_to(root)} cannot be imported; "
            f"uninstall that package, or start rlx in a fresh process"
        )
    return module


def pages(root: Path, name: str) -> list[str]:
    """Return the modules of one of the project's packages, by name; each is a page that can be imported alone."""
    return sorted(path.stem for path in (root / name).glob("*.py") if path.stem.isidentifier() and path.stem[0] != "_")


def pages_saying(root: Path, name: str, wanted: str, pattern: str | None = None) -> list[str]:
    """Return which modules of a package may register something: by default those of its name, and those that quote it.

    Args:
        root: The project.
        name: The package.
        wanted: What is to be registered.
        pattern: A regular expression of what they say instead.
    """
    said = re.compile(pattern or f"[\"']{re.escape(wanted)}[\"']")

    def says(file: Path) -> bool:
        if pattern is None and file.stem == wanted:
            return True
        return file.is_file() and said.search(file.read_text("utf-8", errors="replace")) is not None

    return [page for page in ("__init__", *pages(root, name)) if says(root / name / f"{page}.py")]


def load_pages(root: Path, name: str, wanted: str, pattern: str | None = None) -> None:
    """Import what may register something in a package that :func:`load_package` has loaded; see :func:`pages_saying`.

    Raises:
        ConfigError: As there.
    """
    for page in pages_saying(root, name, wanted, pattern):
        if page != "__init__":
            _imported(root, f"{name}.{page}", root / name / f"{page}.py")


def _imported(root: Path, name: str, file: Path) -> ModuleType:
    """Import a module of the project.

    Raises:
        ConfigError: That fails; the message says where, why, and what to install where something is missing.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        place = _innermost_place(error, root) or file.relative_to(root)
        told = f"{place}: importing `{name}` failed: {raised(error)}"
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name
            and find_spec(missing := error.name.split(".")[0]) is None
        ):
            told += f"; `{installing(missing)}`"
        raise ConfigError(told) from error


def installing(module: str) -> str:
    """Return the command that installs a module that is not here, by the extra of rlx that has it where there is one."""
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return f"pip install {module}" if extra is None else f'pip install "rlx[{extra}]"'


def _innermost_place(error: BaseException, root: Path) -> str | None:
    """Return ``file:line`` of the innermost frame of ``error`` that lies in the project."""
    place, trace = None, error.__traceback__
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(root) and file.suffix == ".py":
            place = f"{file.relative_to(root)}:{trace.tb_lineno}"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        place = f"{Path(error.filename).relative_to(root)}:{error.lineno}"
    return place
