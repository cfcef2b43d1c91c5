"""Checks of the installation: Python, libraries, programs, the compiled engine, room on the disk."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import rlx
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, size, warning

GIT_NEEDED = (2, 29)
"""`git fetch --no-write-fetch-head` is of Git 2.29."""
LITTLE_ROOM, NO_ROOM = 2e9, 2e8


def python(_: Path | None) -> Iterator[CheckResult]:
    """Check Python's version against what the installed rlx asks for, and that rlx is the version it says."""
    metadata = importlib.metadata.metadata("rlx")
    wanted = str(metadata["Requires-Python"] or "")
    version = platform.python_version()
    if version not in SpecifierSet(wanted):
        yield problem("python", f"{version}; rlx needs {wanted}", "make a virtual environment with a newer Python")
    else:
        yield ok("python", f"{version}, {sys.executable}")
    if metadata["Version"] != rlx.__version__:
        found = f"the code is {rlx.__version__}, its installation says {metadata['Version']}"
        yield warning("rlx", found, "install it again: `pip install -e .` in its folder")
    else:
        yield ok("rlx", f"{rlx.__version__}, {Path(rlx.__file__).parent}")


def libraries(_: Path | None) -> Iterator[CheckResult]:
    """Check that every library rlx needs is there, in a version it was made for."""
    wanted = list(_requirements("rlx"))
    bad = [finding for requirement in wanted if (finding := _library(requirement))]
    yield from bad
    if not bad:
        yield ok("libraries", f"all {len(wanted)} are installed and in the ranges rlx was made for")


def _requirements(package: str, extras: Iterable[str] = ("",)) -> Iterator[Requirement]:
    """Yield what a package requires here with some of its extras (``""``: none), and the extras of that."""
    for requirement in map(Requirement, importlib.metadata.requires(package) or []):
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        requirement.marker = None
        yield requirement
        if requirement.extras and _version(requirement.name):
            yield from _added(requirement.name, requirement.extras)


def _added(package: str, extras: Iterable[str]) -> list[Requirement]:
    """Return what a package requires with some of its extras beside what it always does."""
    always = set(_requirements(package))
    return [each for each in _requirements(package, extras) if each not in always]


def _library(requirement: Requirement) -> CheckResult | None:
    """Return what is wrong with a required library, if anything is."""
    here = _version(requirement.name)
    cure = f"`{sys.executable} -m pip install '{requirement}'`"
    if here is None and not _under_another_name(requirement.name):
        return problem(requirement.name, "is not installed", cure)
    if here is not None and not requirement.specifier.contains(here, prereleases=True):
        return problem(requirement.name, f"{here} is installed; rlx needs {requirement.specifier}", cure)
    return None


def _under_another_name(name: str) -> bool:
    """Tell whether another distribution provides the module of this name (pygame-ce provides pygame)."""
    return name.replace("-", "_") in _modules()


@cache
def _modules() -> frozenset[str]:
    """Return the names of all modules that distributions provide (each reads what all of them say of themselves)."""
    return frozenset(importlib.metadata.packages_distributions())


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def programs(_: Path | None) -> Iterator[CheckResult]:
    """Check that `python` and `dvc`, typed in a shell, are those of this installation: stages run with them."""
    own = Path(sys.executable).parent
    cure = f"`. {own}/activate`" if (own / "activate").is_file() else f'`export PATH="{own}:$PATH"`'
    for name in ("python", "dvc"):
        found = shutil.which(name)
        if found is None:
            yield problem("path", f"there is no `{name}` on the PATH, and `dvc repro` needs it", cure)
        elif Path(found).parent.resolve() != own.resolve() and Path(found).resolve() != (own / name).resolve():
            yield problem("path", f"`{name}` is {found}, not of this installation ({own})", cure)


def torch(_: Path | None) -> Iterator[CheckResult]:
    """Check that PyTorch computes."""
    try:
        import torch as library

        right = float((library.ones(2, 2) @ library.ones(2, 2)).sum()) == 8.0
    except Exception as error:  # noqa: BLE001 — a broken binary raises whatever it likes
        cure = f"`{sys.executable} -m pip install --force-reinstall torch`"
        yield problem("torch", f"cannot be used: {type(error).__name__}: {error}", cure)
        return
    if not right:
        yield problem("torch", "computes 1 + 1 wrongly on this processor")
        return
    device = library.cuda.get_device_name() if library.cuda.is_available() else "no CUDA device"
    yield ok("torch", f"{library.__version__}, {device}")


def engine(_: Path | None) -> Iterator[CheckResult]:
    """Check whether the fast engine's machine code is ready on this machine."""
    from rlx.launch import cache_folder

    folder = cache_folder()
    if (folder / "ppo.ready").exists():
        yield ok("fast engine", "compiled for this machine")
    elif not os.access(_existing(folder), os.W_OK):
        told = f"cannot be kept in {folder}, so every training compiles it anew (some 20 seconds)"
        yield warning("fast engine", told, "name a folder that can be written: `export XDG_CACHE_HOME=$HOME/.cache`")
    else:
        yield ok("fast engine", "will be compiled by the first training, once (some 20 seconds)")


def same_bits(_: Path | None) -> Iterator[CheckResult]:
    """Check whether results here can have the same bits as elsewhere."""
    from rlx.launch import is_same_everywhere

    if is_same_everywhere():
        yield ok("same bits", "has AVX2 and FMA: the fast engine's results are those of every such processor")
    else:
        yield warning(
            "same bits",
            "no x86 with AVX2 and FMA: results have bits of their own, equal on processors of this kind alone",
        )


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def installed_git(_: Path | None) -> Iterator[CheckResult]:
    """Check that Git is there, and new enough."""
    from rlx.launch import git as run

    said = run(Path.cwd(), "--version").strip()
    numbers = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    needed = ".".join(map(str, GIT_NEEDED))
    if numbers < GIT_NEEDED:
        yield problem("git", f"{said}; rlx needs {needed}", "install a newer Git with your system's package manager")
    else:
        yield ok("git", said.removeprefix("git version "))


def installed_dvc(_: Path | None) -> Iterator[CheckResult]:
    """Say which DVC it is, and what kinds of remote it reaches."""
    version = _version("dvc")
    kinds = [kind for kind in ("s3", "gs", "azure", "ssh", "webdav") if _version(f"dvc-{kind}")]
    reached = f"; remotes: folders, http{''.join(f', {kind}' for kind in kinds)}"
    yield ok("dvc", f"{version}{reached}") if version else problem("dvc", "is not installed")


def disk(root: Path | None) -> Iterator[CheckResult]:
    """Check that there is room for results."""
    place = root or Path.cwd()
    free = shutil.disk_usage(place).free
    if free < LITTLE_ROOM:
        level = problem if free < NO_ROOM else warning
        cure = "make room; `rm -rf .dvc/tmp/rlx` gives back the bench (seeds train again when needed)" if root else ""
        yield level("disk", f"{size(free)} are free in {place}", cure)
    else:
        yield ok("disk", f"{size(free)} are free")


def extras(_: Path | None) -> Iterator[CheckResult]:
    """Say which optional parts are installed."""
    names = importlib.metadata.metadata("rlx").get_all("Provides-Extra") or []
    lacking = [name for name in sorted({*names} - {"dev"}) if any(map(_library, _added("rlx", [name])))]
    there = sorted({*names} - {"dev", *lacking})
    found = [f"with {listed(there, 9)}"] * bool(there) + [f"without {listed(lacking, 9)}"] * bool(lacking)
    yield ok("extras", "; ".join(found) or "none")
