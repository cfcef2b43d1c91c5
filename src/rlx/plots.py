"""Pictures: learning curves, final scores and differences, each from plain arrays and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rlx import stats
from rlx.atomic import replacing
from rlx.comparison import Comparison, RunScores

# Okabe & Ito (2008): told apart by readers with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
mpl.rcParams.update(
    {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "svg.hashsalt": "rlx",
    }
)


def colour_of(index: int) -> str:
    """Return the colour of the index-th run."""
    return COLOURS[index % len(COLOURS)]


def save(figure: Any, path: Path) -> None:
    """Write a figure (PNG or SVG by its name) atomically and without a date, and close it."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
    plt.close(figure)


def learning_curve(
    curves: Mapping[str, pd.DataFrame], title: str, random_score: float | None, ylabel: str = "return"
) -> Any:
    """Draw learning curves: a line per seed, the mean over seeds, and its pointwise t interval as a band.

    Long episodes may leave a window without one that ended; there the seed's last value goes into the mean.

    Args:
        curves: By run, a table with the columns ``step``, ``seed`` and ``return_mean``.
        title: Over the picture.
        random_score: Drawn as a dotted line, where it is known.
        ylabel: Of the vertical axis.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, (run, table) in enumerate(curves.items()):
        colour = colour_of(index)
        wide = table.pivot_table(index="step", columns="seed", values="return_mean")
        for seed in wide.columns:
            axes.plot(wide.index, wide[seed], color=colour, linewidth=0.7, alpha=0.35)
        full = wide.ffill().dropna()  # where no episode of a seed ended, its last value stands
        axes.plot(
            full.index, full.mean(axis=1), color=colour, linewidth=2.2, label=f"{run} (mean of {wide.shape[1]} seeds)"
        )
        if wide.shape[1] >= 2 and len(full):
            intervals = [stats.mean_with_interval(row).interval for row in full.to_numpy()]
            low, high = zip(*((i.low, i.high) for i in intervals if i), strict=True)
            axes.fill_between(full.index, low, high, color=colour, alpha=0.18, linewidth=0)
    if random_score is not None:
        axes.axhline(random_score, color="grey", linestyle=":", linewidth=1, label="random policy")
    _keep_in_sight(axes, curves)
    axes.set(xlabel="environment steps", ylabel=ylabel)
    axes.set_title(title, fontsize=11, loc="left")
    axes.legend(loc="best", fontsize=9)
    axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    return figure


def _keep_in_sight(axes: Any, curves: Mapping[str, pd.DataFrame]) -> None:
    """Limit the vertical axis to the data, so that the wide band of two or three seeds does not flatten it."""
    if not curves:
        axes.text(0.5, 0.5, "no training episode ended", transform=axes.transAxes, ha="center", color="grey")
        return
    values = np.concatenate([table["return_mean"].dropna().to_numpy() for table in curves.values()])
    if len(values):
        margin = 0.08 * (np.ptp(values) or 1.0)
        axes.set_ylim(values.min() - margin, values.max() + margin)


def final_scores(
    runs: Sequence[RunScores], random_score: float | None, checkpoint: str, colours: Mapping[str, str] | None = None
) -> Any:
    """Draw each run's held-out score: a dot per seed, the mean, and its 95 % t interval.

    Args:
        runs: From top to bottom.
        random_score: Drawn as a dotted line, where it is known.
        checkpoint: Which policies were scored.
        colours: By run; by default in order.
    """
    figure, axes = plt.subplots(figsize=(7, 1.5 + 0.6 * len(runs)), layout="constrained")
    for index, run in enumerate(runs):
        colour = (colours or {}).get(run.run, colour_of(index))
        scores_S = run.scores_S
        offsets = (np.arange(len(scores_S)) - (len(scores_S) - 1) / 2) * min(0.06, 0.5 / max(1, len(scores_S)))
        axes.plot(scores_S, index + offsets, "o", color=colour, alpha=0.5, markersize=5, linestyle="none")
        estimate = stats.mean_with_interval(scores_S)
        if estimate.interval:
            axes.plot([estimate.interval.low, estimate.interval.high], [index] * 2, color=colour, linewidth=2.5)
        axes.plot(estimate.mean, index, "D", color=colour, markersize=8, markeredgecolor="white")
    if random_score is not None:
        axes.axvline(random_score, color="grey", linestyle=":", linewidth=1)
        axes.annotate(
            "random",
            (random_score, 1),
            xycoords=("data", "axes fraction"),
            fontsize=8,
            color="grey",
            ha="center",
            va="bottom",
        )
    axes.set_yticks(range(len(runs)), [run.run for run in runs])
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.set_xlabel(
        f"mean return of the {checkpoint} policy on held-out episodes\n(dots: seeds; diamond: mean; bar: 95 % t interval over seeds)",
        fontsize=9,
    )
    return figure


def differences(baseline: str, comparisons: Sequence[Comparison], minimum_effect: float) -> Any:
    """Draw each run's difference to the baseline with its interval, and the zone that does not matter."""
    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.6 * max(1, len(comparisons))), layout="constrained")
    axes.axvline(0, color="black", linewidth=1)
    if minimum_effect:
        axes.axvspan(
            -minimum_effect, minimum_effect, color="grey", alpha=0.15, linewidth=0, label="too small to matter"
        )
        axes.legend(loc="best", fontsize=8)
    for index, comparison in enumerate(comparisons):
        if comparison.difference is None:
            continue
        colour, interval = colour_of(index + 1), comparison.difference.interval
        if interval:
            axes.plot([interval.low, interval.high], [index] * 2, color=colour, linewidth=2.5)
        axes.plot(comparison.difference.mean, index, "D", color=colour, markersize=8, markeredgecolor="white")
    axes.set_yticks(range(len(comparisons)), [f"{c.run}\n{c.verdict}" for c in comparisons])
    axes.set_ylim(max(1, len(comparisons)) - 0.5, -0.5)
    axes.set_xlabel(f"difference in mean return to {baseline}, with confidence interval", fontsize=9)
    return figure
