"""Coverage and width of intervals: those that rlx uses beside those that it does not."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats as scipy_stats

from benchmarks.calibration.distributions import DISTRIBUTIONS, Distribution
from benchmarks.calibration.verdicts import again
from rlx import stats

Ends = tuple[np.ndarray, np.ndarray]
SIZES = (3, 5, 10, 20)
RESAMPLES = 999
SUBSETS = 4_000
ABSURD = 100
"""Widths beyond so many standard deviations are shown as none."""


def ours(scores_RS: np.ndarray) -> Ends:
    """Student's t, by the function that rlx uses."""
    return _ends([stats.mean_with_interval(row).interval for row in scores_RS])


def percentile(scores_RS: np.ndarray) -> Ends:
    """Percentile bootstrap."""
    return _scipy(scores_RS, "percentile")


def bca(scores_RS: np.ndarray) -> Ends:
    """Bias-corrected and accelerated bootstrap (Efron 1987)."""
    return _scipy(scores_RS, "BCa")


def studentised(scores_RS: np.ndarray) -> Ends:
    """Studentised bootstrap ("bootstrap-t"; Hall 1988)."""
    rng, (repeats, n) = np.random.default_rng(1), scores_RS.shape
    low, high = np.empty(repeats), np.empty(repeats)
    for index, row in enumerate(scores_RS):
        drawn = row[rng.integers(0, n, (RESAMPLES, n))]
        errors, error = drawn.std(axis=1, ddof=1), row.std(ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.nan_to_num((drawn.mean(axis=1) - row.mean()) / errors, nan=0.0)
        lower, upper = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
        with np.errstate(over="ignore"):
            low[index], high[index] = row.mean() - upper * error, row.mean() - lower * error
    return low, high


def inversion(scores_RS: np.ndarray) -> Ends:
    """Inverted sign-flip test: the quantiles of the means of all subsets (Hartigan 1969); none below six seeds."""
    rng, (repeats, n) = np.random.default_rng(1), scores_RS.shape
    if n < 6:
        return np.full(repeats, -np.inf), np.full(repeats, np.inf)
    if 2**n <= SUBSETS:
        subsets = np.array(list(itertools.product([0, 1], repeat=n)))[1:]
    else:
        subsets = rng.integers(0, 2, (SUBSETS, n))
        subsets = subsets[subsets.any(axis=1)]
    means = scores_RS @ subsets.T / subsets.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return low, high


def bounded(scores_RS: np.ndarray) -> Ends:
    """Anderson's interval (1969) for scores known to lie within the observed range, twice: holds whatever the shape.

    It needs bounds that nobody told; here the generous ones of the whole sample stand in, to show what it costs.
    """
    n = scores_RS.shape[1]
    floor, ceiling = scores_RS.min(), scores_RS.max()
    band = np.sqrt(np.log(2 / 0.05) / (2 * n))
    ordered, upper = np.sort(scores_RS, axis=1), np.minimum(1, np.arange(1, n + 1) / n + band)
    weights = np.diff(upper, prepend=band)
    low = floor * band + (ordered * np.clip(weights, 0, None)).sum(axis=1)
    mirrored = np.sort(-scores_RS, axis=1)
    high = -(-ceiling * band + (mirrored * np.clip(weights, 0, None)).sum(axis=1))
    return np.where(band < 1, low, floor), np.where(band < 1, high, ceiling)


METHODS: dict[str, Callable[[np.ndarray], Ends]] = {
    "Student's t (rlx)": ours,
    "percentile bootstrap": percentile,
    "BCa bootstrap": bca,
    "studentised bootstrap": studentised,
    "sign-flip inversion": inversion,
    "bounds known (Anderson)": bounded,
}


def coverage_of_means(repeats: int, seed: int = 0) -> list[dict[str, object]]:
    """Return, for each method, distribution and number of seeds, how often the true mean was covered, and the width.

    rlx's own method is simulated ``4 repeats`` times, the others, which resample, ``repeats`` times.
    """
    rows = []
    for distribution, n in itertools.product(DISTRIBUTIONS, SIZES):
        scores_RS = distribution.draw(np.random.default_rng([n, 7, *again(seed)]), (4 * repeats, n))
        for name, method in METHODS.items():
            ends = method(scores_RS if method is ours else scores_RS[:repeats])
            rows.append(_row(distribution, name, n, ends, distribution.mean))
    return rows


def coverage_of_differences(repeats: int, seed: int = 0) -> list[dict[str, object]]:
    """Return the same for the difference of two runs, by Welch's t and by the percentile bootstrap."""
    rows = []
    for distribution, (n, m) in itertools.product(DISTRIBUTIONS, ((3, 3), (5, 5), (10, 10), (20, 20), (5, 20))):
        rng = np.random.default_rng([n, m, 8, *again(seed)])
        one, other = distribution.draw(rng, (2 * repeats, n)), distribution.draw(rng, (2 * repeats, m))
        welch = _ends([stats.difference_of_means(*pair).interval for pair in zip(one, other, strict=True)])
        rows.append(_row(distribution, "Welch's t (rlx)", f"{n}, {m}", welch, 0.0))
        resampled = [
            side[np.arange(repeats)[:, None, None], rng.integers(0, side.shape[1], (repeats, 400, side.shape[1]))]
            for side in (one, other)
        ]
        gaps = resampled[0].mean(axis=2) - resampled[1].mean(axis=2)
        low, high = np.quantile(gaps, [0.025, 0.975], axis=1)
        rows.append(_row(distribution, "percentile bootstrap", f"{n}, {m}", (low, high), 0.0))
    return rows


def _row(distribution: Distribution, method: str, n: object, ends: Ends, truth: float) -> dict[str, object]:
    low, high = ends
    with np.errstate(over="ignore"):
        width = float(np.median(high - low)) / distribution.std
    return {
        "distribution": distribution.name,
        "method": method,
        "n": n,
        "coverage": round(float(np.mean((low <= truth) & (truth <= high))), 3),
        "width": round(width, 2) if width < ABSURD else None,
    }


def _ends(intervals: list[stats.Interval | None]) -> Ends:
    return (
        np.array([found.low if found else np.nan for found in intervals]),
        np.array([found.high if found else np.nan for found in intervals]),
    )


def _scipy(scores_RS: np.ndarray, method: str) -> Ends:
    low, high = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns of samples without spread, which give NaN and cover nothing
        for chunk in np.array_split(scores_RS, max(1, scores_RS.size // 2_000)):
            found = scipy_stats.bootstrap(
                (chunk,), np.mean, axis=1, n_resamples=RESAMPLES, method=method, rng=np.random.default_rng(1)
            ).confidence_interval
            low.append(found.low)
            high.append(found.high)
    return np.concatenate(low), np.concatenate(high)
