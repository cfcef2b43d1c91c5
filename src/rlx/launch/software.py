"""What software a process computes with, to be compared with another one's: other code or libraries are other results."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import rlx

PYTHON, RLX = "python", "rlx"


def versions_of(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages; None of one that is not installed."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def software_of(packages: Iterable[str]) -> dict[str, str | None]:
    """Return Python's version, rlx's with a hash of its source, and those of packages."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {PYTHON: python, RLX: f"{rlx.__version__} (source {_source()})", **versions_of(packages)}


def differences(wanted: Mapping[str, str | None]) -> list[str]:
    """Return in what the software of this process is another than what was wanted (:func:`software_of`), a text each."""
    here = software_of([name for name in wanted if name not in (PYTHON, RLX)])
    return [
        f"{name} {here.get(name) or 'missing'} here, {version or 'none'} there"
        for name, version in wanted.items()
        if here.get(name) != version
    ]


def cure(wanted: Mapping[str, str | None], found: Sequence[str]) -> str:
    """Return what to do about :func:`differences`."""
    names = [text.split(" ")[0] for text in found]
    pins = [f'"{name}=={wanted[name]}"' for name in names if name not in (PYTHON, RLX) and wanted[name]]
    installs = (
        f"`pip install {' '.join(pins)}` here" if pins and len(pins) == len(names) else "install the same on both"
    )
    return f"{installs}, or let both use one environment on a disk that both see"


@cache
def _source() -> str:
    """Return a short hash of rlx's own source."""
    folder, found = Path(rlx.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]
