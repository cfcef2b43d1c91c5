"""Compiled code (numba), kept on disk per machine: the three ways rlx compiles a function, and whether it is ready.

numba keeps the code of a function per file (path, time and size) and kind of processor, and does not notice that a
function that it calls has changed in another file. So everything is kept in a folder whose name is a hash of all the
sources, of where they lie and of the processor: editing or upgrading one, another installation and another machine with
the same home each start afresh, instead of finding the mark of :func:`ready` without the code that it speaks of.
"""

from __future__ import annotations

import functools
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
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
    "algorithms/ppo/kernels",
)
"""Where functions are compiled."""

_functions: list[Any] = []


@functools.cache
def cache_folder() -> Path:
    """Return where this version's machine code is kept, in the user's cache folder."""
    here = Path(__file__).parents[1]
    files = [path for name in SOURCES for path in sorted([here / name, *(here / name).glob("*.py")]) if path.is_file()]
    digest = hashlib.sha256()
    processor = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
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


def ready(name: str, compile_all: Callable[[], None], say: Callable[[str], None]) -> None:
    """Make sure that a set of kernels has been compiled on this machine; one process does it while others wait.

    It is done in a process of its own, and this one then loads what was kept, as every later one does: code that has
    just been compiled in memory can round otherwise than the same code loaded from disk (LLVM sees callee and caller
    together), and a training must not depend on who compiled first.

    Args:
        name: Of the set.
        compile_all: Calls each kernel once; importable.
        say: Told, before anything slow, that compiling takes a moment; only in the process that does it.
    """
    mark = _mark(name)
    if mark.exists():
        return
    try:
        with FileLock(mark.with_suffix(".lock")):
            if not mark.exists():
                say("compiling the fast engine for this machine, once (about half a minute)")
                _apart(compile_all)
                mark.touch()
    except OSError:  # a home that cannot be written
        say("compiling the fast engine, which cannot be kept on this machine (about half a minute)")
        compile_all()


def _apart(function: Callable[[], None]) -> None:
    """Call an importable function in a fresh interpreter."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from {function.__module__} import {function.__name__} as f; f()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompilingFailed(
            f"the fast engine cannot be compiled here; set algo.engine: stable-baselines3\n{done.stderr[-2000:]}"
        )
