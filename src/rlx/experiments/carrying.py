"""Results carried over: ``dvc.lock`` where files that stages depend on changed in a way that changes no result.

DVC knows dependencies by their hashes; where a new file does what the old one did, its hash takes the old one's place, and
DVC sees that nothing is to be done.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import ConfigError
from rlx.experiments.pipeline import ANALYSIS, parsed_pipeline, paths
from rlx.records import Lock, read_lock

ADDED_FOLDER = "algorithms"
"""What the resolve stage depends on since projects have algorithms of their own: no earlier result can."""
IGNORED = (".gitignore", "__pycache__")
"""What ``.dvcignore`` keeps out of folders."""


@dataclass(frozen=True)
class Dependency:
    """A file or folder as ``dvc.lock`` knows it."""

    md5: str
    size: int
    files: int | None = None

    def lines(self, path: str) -> str:
        """Return its entry under ``deps``."""
        more = "" if self.files is None else f"      nfiles: {self.files}\n"
        return f"    - path: {path}\n      hash: md5\n      md5: {self.md5}\n      size: {self.size}\n{more}"


def file_dependency(content: bytes) -> Dependency:
    """Return a file's entry."""
    return Dependency(_md5(content), len(content))


def folder_dependency(files: Mapping[str, bytes]) -> Dependency:
    """Return a folder's entry: its files by their path in it."""
    listed = [{"md5": _md5(content), "relpath": name} for name, content in sorted(files.items())]
    digest = _md5(json.dumps(listed, sort_keys=True).encode())
    return Dependency(f"{digest}.dir", sum(map(len, files.values())), len(files))


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that DVC counts, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.relative_to(folder).parts) & set(IGNORED) and path.suffix != ".pyc"
    }


def lists_algorithms(pipeline: bytes) -> bool:
    """Tell whether the stage ``resolve`` of a ``dvc.yaml`` depends on algorithms of the project's own."""
    try:
        return ADDED_FOLDER in paths(parsed_pipeline(pipeline), "resolve", "deps")
    except ConfigError:
        return False


def added_since(before: bytes, after: bytes, files: Mapping[str, bytes]) -> dict[str, Dependency]:
    """Return what the stage ``resolve`` depends on since a ``dvc.yaml``, and did not before.

    Args:
        before: The earlier one.
        after: The later one.
        files: Those in :data:`ADDED_FOLDER`, by their path in it.
    """
    later = lists_algorithms(after) and not lists_algorithms(before)
    return {ADDED_FOLDER: folder_dependency(files)} if later else {}


def carried(
    text: str,
    replaced: Mapping[str, tuple[bytes, bytes]],
    added: Mapping[str, Dependency] = {},
    *,
    analyses: bool = False,
) -> str:
    """Return the text of a ``dvc.lock`` in which results are those of the new files.

    Args:
        text: The text.
        replaced: What each file held, and what it holds now. An entry of something else stays: that file had been changed
            since, and its stage runs anew as before.
        added: What the stage ``resolve`` depends on besides, from now on.
        analyses: Whether the stage ``compare`` depends on the runs' analyses from now on, which it has read before, and no
            longer on their pictures.

    Raises:
        ConfigError: It is no ``dvc.lock``.
    """
    lock = read_lock(text)
    stages = {}
    for name, section in lock.stages.items():
        for path, (before, after) in replaced.items():
            section = _with_entry(section, path, file_dependency(before), file_dependency(after))  # noqa: PLW2901
        if name.partition("@")[0] == "resolve":
            for path, dependency in added.items():
                section = _with_added(section, path, dependency.lines(path))  # noqa: PLW2901
        if name == "compare" and analyses:
            section = _with_analyses(section, lock.stages)  # noqa: PLW2901
        stages[name] = section
    return Lock(lock.head, stages, lock.tail).text()


def _with_entry(section: str, path: str, before: Dependency, after: Dependency) -> str:
    return section.replace(before.lines(path), after.lines(path))


def _with_analyses(section: str, stages: Mapping[str, str]) -> str:
    """Return the stage ``compare`` with the analyses of runs in the place of their pictures, as far as they are recorded."""
    for picture in re.finditer(r"^    - path: runs/([^/\n]+)/plots\n(?:      .*\n)*", section, re.MULTILINE):
        path = f"runs/{picture[1]}/{ANALYSIS}"
        entry = rf"^    - path: {re.escape(path)}\n(?:      .*\n)*"
        if made := re.search(entry, stages.get(f"analyze@{picture[1]}", ""), re.MULTILINE):
            section = _with_added(section.replace(picture[0], ""), path, made[0])
    return section


def _with_added(section: str, path: str, lines: str) -> str:
    """Return a stage with an entry more under ``deps``, which DVC sorts by path."""
    head, has_deps, rest = section.partition("\n    deps:\n")
    if not has_deps or f"    - path: {path}\n" in section:
        return section
    entries = list(re.finditer(r"^    - path: (.*)\n(?:      .*\n)*", rest, re.MULTILINE))
    ours = [entry for index, entry in enumerate(entries) if entry.start() == sum(len(e[0]) for e in entries[:index])]
    at = next((entry.start() for entry in ours if entry[1] > path), ours[-1].end() if ours else 0)
    return f"{head}{has_deps}{rest[:at]}{lines}{rest[at:]}"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
