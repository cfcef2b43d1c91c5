"""Compiled code (numba), kept on disk per machine: the three ways rlx compiles a function, and whether it is ready.

numba keeps the code of a function per file (path, time and size) and kind of processor, and does not notice that a
function that it calls has changed in another file. So everything is kept in a folder whose name is a hash of all the
sources, of where they lie and of the processor: editing or upgrading one, another installation and another machine with
the same home each start afresh, instead of finding the mark of :func:`ready` without the code that it speaks of.

Where the processor allows it, code is compiled for :data:`TARGET`, not for the very processor: LLVM orders sums by the width
of its vectors and by what it knows of a processor, and so the same bits come out of all of them. It costs nothing that could be
measured, since none of this code gains by wider vectors.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import platformdirs
from filelock import FileLock

from rlx.errors import CompilingFailed

FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""LLVM's permissions to reorder and fuse; without ``nnan`` and ``ninf``, so NaN and infinities stay what they are."""

SOURCES = (
    "launch/compiled.py",
    "envs/vector_envs/dynamics.py",
    "envs/vector_envs/settling.py",
    "algorithms/orthogonal.py",
    "algorithms/kernels",
    "algorithms/ppo/kernels",
    "algorithms/off_policy/kernels",
)
"""Where functions are compiled."""

TARGET = "x86-64-v3"
"""The instructions that machine code is made of: AVX2 and FMA, which processors for desktops and servers have had since 2013 to 2017."""


@functools.cache
def is_same_everywhere() -> bool:
    """Tell whether compiled code here is the same as on other processors: it is where they have what :data:`TARGET` needs."""
    features = llvm.get_host_cpu_features()
    return platform.machine() in ("x86_64", "AMD64") and all(features.get(name) for name in ("avx2", "fma", "bmi2"))


@functools.cache
def has_fma() -> bool:
    """Tell whether the processor multiplies and adds in one instruction; without, that takes a call of a library."""
    return platform.machine() in ("aarch64", "arm64") or bool(llvm.get_host_cpu_features().get("fma"))


def _pin_target() -> None:
    settings: Any = numba.config
    if is_same_everywhere():
        settings.CPU_NAME, settings.CPU_FEATURES = TARGET, ""


_pin_target()
_functions: list[Any] = []


@functools.cache
def cache_folder() -> Path:
    """Return where this version's machine code is kept, in the user's cache folder."""
    here = Path(__file__).parents[1]
    files = [path for name in SOURCES for path in sorted([here / name, *(here / name).glob("*.py")]) if path.is_file()]
    digest = hashlib.sha256()
    own = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    processor = TARGET if is_same_everywhere() else own
    for part in (numba.__version__, processor, *(f"{path} {path.stat().st_mtime_ns}" for path in files)):
        digest.update(f"{part}\n".encode())
    for path in files:
        digest.update(path.read_bytes())
    return Path(platformdirs.user_cache_dir("rlx")) / "kernels" / digest.hexdigest()[:16]


def exact(function: Callable[..., Any]) -> Any:
    """Compile a function whose arithmetic is IEEE's, operation by operation."""
    return _compile(function)


def elementwise(function: Callable[..., Any]) -> Any:
    """Compile a function of loops that LLVM may vectorise and reorder."""
    return _compile(function, fastmath=FAST_MATH)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function as :func:`elementwise` does, into each of its callers: calls that pass arrays cost 50 ns."""
    return _compile(function, fastmath=FAST_MATH, inline="always")


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    with _caching_in(cache_folder()):
        _functions.append(numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function))
    return _functions[-1]


@contextmanager
def _caching_in(folder: Path) -> Iterator[None]:
    """Let functions that are compiled in this block be kept in ``folder``; other users of numba keep theirs."""
    settings: Any = numba.config
    before = settings.CACHE_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        settings.CACHE_DIR = str(folder)
    except OSError:  # a home that cannot be written: compile in memory, every time
        pass
    try:
        yield
    finally:
        settings.CACHE_DIR = before


def bound(function: Any, *arguments: Any) -> Callable[..., Any]:
    """Return the machine code of a compiled function for arguments of these types, to be called in a loop.

    Calls through numba look at the type of every argument, which takes longer than a step of a small network does
    (10 µs for 45 arrays; 1.6 µs without). Whatever is passed must have exactly these types.
    """
    type_of: Any = numba.typeof
    code: Callable[..., Any] = function.compile(tuple(map(type_of, arguments)))
    return code


def is_ready(name: str) -> bool:
    """Tell whether a set of kernels has been compiled on this machine."""
    return _mark(name).exists()


def compiled_here() -> bool:
    """Tell whether this process has compiled anything, instead of loading it."""
    return any(misses for function in _functions for misses in function.stats.cache_misses.values())


def _mark(name: str) -> Path:
    return cache_folder() / f"{name}.ready"


def ready(name: str, parts: Sequence[Callable[[], None]], say: Callable[[str], None]) -> None:
    """Make sure that a set of kernels has been compiled on this machine; one process does it while others wait.

    It is done in processes of their own, and this one then loads what was kept, as every later one does. For code that has just
    been compiled in memory can round otherwise than the same code loaded from disk (LLVM inlines a function that it has just
    compiled, and none that comes from disk), and a training must depend neither on who compiled first nor on what a process that
    was killed had compiled. So each part begins with nothing, in a folder of its own, and they become one when all are done.

    Args:
        name: Of the set.
        parts: Importable functions that call the kernels, run at the same time. What several call, each compiles, with the same outcome.
        say: Told, before anything slow, that compiling takes a moment; only in the process that does it.
    """
    mark = _mark(name)
    if mark.exists():
        return
    folder = mark.parent
    try:
        with FileLock(folder.with_suffix(".lock")):
            if not mark.exists():
                say("compiling the fast engine for this machine, once (some 20 seconds)")
                with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as place:
                    whole = Path(place, "whole")
                    whole.mkdir()
                    for made in _apart(parts, Path(place)):
                        shutil.copytree(made, whole, dirs_exist_ok=True)
                    if any(folder.glob("*.ready")):
                        _join(whole, folder)
                        mark.touch()
                    else:
                        (whole / mark.name).touch()
                        shutil.rmtree(folder, ignore_errors=True)
                        whole.rename(folder)
    except OSError:  # a home that cannot be written
        say("compiling the fast engine, which cannot be kept on this machine (half a minute)")
        for function in parts:
            function()


def _join(made: Path, folder: Path) -> None:
    """Put what a set of kernels compiled beside what others did, whose processes may be reading; what both compiled is the same."""
    for index in (False, True):  # code before the indexes that name it
        for path in sorted(made.rglob("*")):
            if path.is_file() and (path.suffix == ".nbi") is index:
                place = folder / path.relative_to(made)
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)


def _apart(functions: Sequence[Callable[[], None]], place: Path) -> list[Path]:
    """Call importable functions, each in a fresh interpreter that keeps what it compiles in a folder; returns the folders."""
    started = []
    for number, function in enumerate(functions):
        folder = place / str(number)
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; import rlx.launch.compiled as c; from pathlib import Path; "
            f"c.cache_folder = lambda: Path({str(folder)!r}); "
            f"from {function.__module__} import {function.__name__} as f; f()"
        )
        words = [sys.executable, "-c", code]
        started.append((subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True), folder))
    for process, _ in started:
        _, errors = process.communicate()
        if process.returncode:
            raise CompilingFailed(
                f"the fast engine cannot be compiled here; set algo.engine: stable-baselines3\n{errors[-2000:]}"
            )
    return [folder for _, folder in started if folder.exists()]
