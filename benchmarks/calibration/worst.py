"""The worst case, looked for: scores of two or three values, whose chances can be computed instead of simulated.

With few values a verdict depends only on how many seeds have which, so each such case is judged once and weighed by its
probability under every distribution of a grid. What comes out is exact for the grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats as scipy_stats

from benchmarks.calibration.verdicts import ALPHA, CHANGED, judge
from rlx import stats
from rlx.comparison import Criteria

SHARES = np.round(np.arange(0.01, 1.0, 0.01), 2)
CONSTANTS = (0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98)
SIZES = ((5, 5), (10, 10), (20, 20), (5, 20))
THREE = (0.0, 0.5, 1.0)


def worst_cases() -> list[dict[str, object]]:
    """Return the largest rate of false verdicts, and the smallest coverage, of each situation and size, and where it is."""
    wrong, covered = "false verdicts", "coverage"
    return [
        *(_row("one distribution of two values", size, wrong, _alike(size), max) for size in SIZES),
        *(_row("one distribution of three values", (n, n), wrong, _three((n, n)), max) for n in (3, 5, 7)),
        *(_row("two values, a constant of the same mean", size, wrong, _constant(size), max) for size in SIZES),
        *(_row("interval of a mean, two values", (n,), covered, _mean_coverage(n), min) for n in (3, 5, 10, 20)),
        *(_row("… of which 5 % fail", (n,), covered, _mean_coverage(n, (0.05,)), min) for n in (3, 5, 10, 20)),
        *(
            _row("interval of a difference, two values", size, covered, _difference_coverage(size), min)
            for size in SIZES
        ),
    ]


Found = Iterator[tuple[float, str]]


def _row(
    situation: str, size: Sequence[int], what: str, found: Found, pick: Callable[..., tuple[float, str]]
) -> dict[str, object]:
    rate, where = pick(found, key=lambda pair: pair[0])
    return {
        "situation": situation,
        "seeds": ", ".join(map(str, size)),
        "what": what,
        "rate": round(rate, 4),
        "where": where,
    }


def _two(ones: int, n: int) -> np.ndarray:
    return np.array([1.0] * ones + [0.0] * (n - ones))


def _is_changed(candidate_S: np.ndarray, baseline_S: np.ndarray) -> bool:
    return judge(baseline_S, [candidate_S], Criteria(ALPHA))[0].verdict in CHANGED


def _alike(size: tuple[int, int]) -> Found:
    n, m = size
    wrong = np.array([[_is_changed(_two(a, n), _two(b, m)) for b in range(m + 1)] for a in range(n + 1)])
    for share in SHARES:
        one, other = (scipy_stats.binom.pmf(np.arange(k + 1), k, share) for k in size)
        yield float(one @ wrong @ other), f"{_percent(1 - share)} of the seeds fail"


def _constant(size: tuple[int, int]) -> Found:
    n, m = size
    for share in CONSTANTS:
        wrong = [_is_changed(_two(ones, n), np.full(m, share)) for ones in range(n + 1)]
        yield (
            float(scipy_stats.binom.pmf(np.arange(n + 1), n, share) @ wrong),
            f"{_percent(1 - share)} of the seeds fail",
        )


def _three(size: tuple[int, int]) -> Found:
    counts = [_compositions(n) for n in size]
    scores = [[np.repeat(THREE, each) for each in one] for one in counts]
    wrong = np.array([[_is_changed(a, b) for b in scores[1]] for a in scores[0]])
    for low, middle in itertools.product(np.arange(0, 21) / 20, repeat=2):
        if low + middle <= 1:
            p = [low, middle, 1 - low - middle]
            one, other = (
                scipy_stats.multinomial.pmf(np.array(each), n, p) for each, n in zip(counts, size, strict=True)
            )
            where = f"{_percent(low)} fail, {_percent(middle)} half"
            yield float(np.nan_to_num(one) @ wrong @ np.nan_to_num(other)), where


def _compositions(n: int) -> list[tuple[int, int, int]]:
    return [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]


def _mean_coverage(n: int, failing: Sequence[float] | None = None) -> Found:
    found = [stats.mean_with_interval(_two(ones, n)).interval for ones in range(n + 1)]
    for share in SHARES if failing is None else 1 - np.array(failing):
        inside = [each is not None and each.low <= share <= each.high for each in found]
        yield (
            float(scipy_stats.binom.pmf(np.arange(n + 1), n, share) @ inside),
            f"{_percent(1 - share)} of the seeds fail",
        )


def _difference_coverage(size: tuple[int, int]) -> Found:
    n, m = size
    found = [[stats.difference_of_means(_two(a, n), _two(b, m)).interval for b in range(m + 1)] for a in range(n + 1)]
    low, high = (np.array([[getattr(each, end) for each in row] for row in found]) for end in ("low", "high"))
    for one, other in itertools.product(SHARES[4::5], repeat=2):
        inside = (low <= one - other + 1e-12) & (one - other - 1e-12 <= high)
        weights = [scipy_stats.binom.pmf(np.arange(k + 1), k, share) for k, share in ((n, one), (m, other))]
        where = f"{_percent(1 - one)} against {_percent(1 - other)} fail"
        yield float(weights[0] @ inside @ weights[1]), where


def _percent(share: float) -> str:
    return f"{math.floor(100 * share + 0.5)} %"
