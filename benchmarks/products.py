"""How fast the fast engine's own matrix products are beside BLAS's, for the shapes that training multiplies.

``python -m benchmarks.products``: microseconds of each, the best of several repeats in turn, and their ratio; ``turned`` is aᵀ b, as the
gradient of weights is computed. OpenBLAS uses the widest vectors that the processor has; the own products use AVX2.
"""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np

from rlx.algorithms.kernels.products import multiply
from rlx.launch import one_thread

SHAPES = (
    (8, 4, 64), (8, 64, 64), (8, 64, 2), (8, 64, 1), (256, 4, 64), (256, 64, 64), (256, 64, 2), (64, 256, 64), (64, 256, 4), (2, 256, 64),
    (1, 256, 64), (32, 256, 256), (256, 256, 256),
)  # fmt: skip
"""Rows, depth and columns: acting and updating with two layers of 64, and two of 256."""
REPEATS = 7
WORK = 2e7
"""Multiplications in a repeat."""


@numba.njit
def blas(a: Any, b: Any, c: Any, times: int) -> None:
    for _ in range(times):
        np.dot(a, b, c)


@numba.njit
def own(a: Any, b: Any, c: Any, turned: bool, times: int) -> None:
    for _ in range(times):
        multiply(a, b, c, turned)


def microseconds(function: Any, *arguments: Any, times: int) -> float:
    function(*arguments, 1)
    begun = time.perf_counter()
    function(*arguments, times)
    return (time.perf_counter() - begun) / times * 1e6


def main() -> None:
    """Print the table."""
    generator = np.random.default_rng(0)
    print(f"{'rows × depth × columns':<24}{'BLAS':>9}{'own':>9}{'ratio':>7}   turned:{'BLAS':>9}{'own':>9}{'ratio':>7}")
    for rows, depth, columns in SHAPES:
        a = generator.standard_normal((rows, depth)).astype(np.float32)
        b = generator.standard_normal((depth, columns)).astype(np.float32)
        turned, c = np.ascontiguousarray(a.T), np.zeros((rows, columns), np.float32)
        times = max(1, int(WORK / (rows * depth * columns)))
        taken: list[list[float]] = [[], [], [], []]
        for _ in range(REPEATS):
            taken[0].append(microseconds(blas, a, b, c, times=times))
            taken[1].append(microseconds(own, a, b, c, False, times=times))
            taken[2].append(microseconds(blas, turned.T, b, c, times=times))
            taken[3].append(microseconds(own, turned, b, c, True, times=times))
        best = [min(each) for each in taken]
        shown = f"{best[0]:9.2f}{best[1]:9.2f}{best[1] / best[0]:7.2f}"
        print(
            f"{f'{rows} × {depth} × {columns}':<24}{shown}          {best[2]:9.2f}{best[3]:9.2f}{best[3] / best[2]:7.2f}"
        )


if __name__ == "__main__":
    with one_thread():
        main()
