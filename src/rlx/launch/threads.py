"""How arithmetic is done in a process that trains or plays: in one thread, since parallelism belongs to seeds, without denormal numbers.

torch's and BLAS's own threads make small networks 4 to 13 times slower (they wait for each other at every layer), and
change the last bits of sums. Denormal numbers (below 10⁻³⁸ in float32) slow arithmetic down up to hundredfold, and mean nothing
here: units that never fire leave Adam's moments full of them, which fade by a tenth at each step and never reach 0.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Environment variables of processes whose libraries are to use one thread each."""
XLA_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
"""What says so to JAX, in ``XLA_FLAGS``, beside what is there already."""

_AVX512 = {
    "X86_V4": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
    "AVX512_ICL": {"avx512vbmi", "avx512_vbmi2", "avx512_bitalg", "avx512_vpopcntdq"},
    "AVX512_SPR": {"avx512_fp16"},
}
"""What NumPy (from 2.4 on) has code of its own for, and what Linux calls it."""
SAME_LIBRARIES = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
"""What keeps torch and BLAS to code that every processor with AVX2 and FMA has, of whatever maker: MKL's other reproducible paths are
for Intel's alone. It costs time (:class:`rlx.config.RunConfig`: ``portable``), so only runs that ask for it have it."""


@cache
def _flags() -> set[str]:
    """Return what Linux says that the processor can; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def has_own_bits() -> bool:
    """Tell whether this processor is known to give other bits than most: it is no x86, or one without AVX2 and FMA."""
    flags = _flags()
    return platform.machine() not in ("x86_64", "AMD64") or bool(flags and not {"avx2", "fma", "bmi2"} <= flags)


@cache
def worker_variables() -> dict[str, str]:
    """Return the environment variables of every process that trains, plays or films.

    One thread; and NumPy, in which environments compute, without the code that it has for AVX-512 alone, where its exponentials and
    logarithms differ.
    """
    said = os.environ.get("XLA_FLAGS", "").removesuffix(XLA_ONE_THREAD).rstrip()
    one_each = {**ONE_THREAD, "XLA_FLAGS": f"{said} {XLA_ONE_THREAD}".lstrip()}
    flags = _flags()
    wide = [name for name, needed in _AVX512.items() if needed <= flags]  # NumPy warns of others
    if not wide or tuple(map(int, version("numpy").split(".")[:2])) < (2, 4):
        return one_each
    return {**one_each, "NPY_DISABLE_CPU_FEATURES": " ".join(wide)}


def variables_for(*, portable: bool) -> dict[str, str]:
    """Return what a process that computes has in its environment, before NumPy is imported there.

    Args:
        portable: Whether everything in it is to give the same bits on every processor; where the processor itself cannot (it lacks
            AVX2 or FMA, or is no x86), nothing is asked of libraries.
    """
    if not portable:
        return worker_variables()
    from rlx.launch.compiled import is_same_everywhere

    return {**worker_variables(), **(SAME_LIBRARIES if is_same_everywhere() else {})}


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Run a block in whose thread denormal numbers are 0, as what comes in and as what comes out."""
    import numpy as np
    import torch

    for kind in (np.float32, np.float64):
        np.finfo(kind)  # remembered; made in the block, it would warn
    before = float(np.float32(1e-40) * np.float32(1.0)) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run a block with one thread of torch, BLAS and OpenMP, and :func:`flushed_denormals`."""
    import scipy.linalg  # noqa: F401 — its BLAS, which the kernels call, must be loaded to be limited
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    with threadpool_limits(1), flushed_denormals():
        torch.set_num_threads(1)  # after threadpoolctl, which may reset it
        try:
            yield
        finally:
            torch.set_num_threads(before)


def skip_compiler() -> None:
    """Keep torch's optimisers from importing its compiler, which takes a second and which nothing here uses.

    Their methods are decorated so that the compiler leaves them alone, and the first call imports it to say so. The
    decorator keeps its answer in an attribute of the method; with the method itself there, it never asks. Where a
    version of torch does this otherwise, nothing changes.
    """
    import torch

    for method in vars(torch.optim.Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            setattr(plain, "__dynamo_disable", plain)
