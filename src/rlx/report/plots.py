"""Pictures: learning curves, final scores and differences, each from plain arrays and tables."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlx import stats
from rlx.comparison import Comparison, RunScores
from rlx.config import replacing

# Okabe & Ito (2008): told apart by readers with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
UNDATED = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
"""By kind, what of a picture's metadata would differ between moments and machines, and is left out."""
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.hashsalt": "rlx",
    "text.parse_math": False,  # a $ in the name of a run is a $
}
"""How pictures look, in matplotlib's settings."""
Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def styled(draw: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Let a function draw, or write, in :data:`STYLE`; in a notebook the settings are their owner's before and after."""

    @wraps(draw)
    def drawn(*arguments: Given.args, **named: Given.kwargs) -> Returned:
        with mpl.rc_context(STYLE):
            return draw(*arguments, **named)

    return drawn


class Picture(Figure):
    """A figure that a notebook shows where it is the last line of a cell, also where nobody has imported ``pyplot``."""

    @styled
    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """Return a figure that nobody else knows, with its panels.

    ``pyplot`` would keep it for ever, need a display for it where one is set, and show it twice in a notebook.

    Args:
        rows: Panels from top to bottom.
        columns: Panels from left to right.
        figsize: Width and height in inches.
        options: As ``matplotlib.figure.Figure.subplots`` takes them.
    """
    figure = Picture(figsize=figsize, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def colour_of(index: int) -> str:
    """Return the colour of the index-th run."""
    return COLOURS[index % len(COLOURS)]


def save_figure(figure: Any, path: Path, *, dpi: float = 150, style: Mapping[Any, Any] = STYLE) -> None:
    """Write a figure (PNG, SVG or PDF by its name) atomically and without a date.

    Args:
        figure: It.
        path: Where to.
        dpi: Pixels of an inch.
        style: Matplotlib's settings while it is written, beside those that are in force.
    """
    with replacing(path) as temporary, mpl.rc_context(dict(style)):
        figure.savefig(temporary, dpi=dpi, metadata=UNDATED.get(path.suffix, {"Date": None}))


@styled
def to_svg(figure: Any) -> bytes:
    """Return a figure as an SVG image without a ground and without a date."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return buffer.getvalue()


@styled
def learning_curve(curve: pd.DataFrame, run: str, title: str, random_score: float | None) -> Any:
    """Draw one run's learning curve; see :func:`learning_curves`."""
    figure, axes = subplots(figsize=(7, 4))
    _draw_curves(axes, {run: curve}, {run: colour_of(0)}, random_score)
    axes.set_title(title, fontsize=11, loc="left")
    return figure


@styled
def learning_curves(
    curves: Mapping[str, pd.DataFrame],
    tasks: Mapping[str, str],
    random_returns: Mapping[str, float],
    colours: Mapping[str, str],
) -> Any:
    """Draw learning curves: a line per seed, the mean over seeds, and its pointwise t interval as a band.

    Args:
        curves: By run, a table with the columns ``step``, ``seed`` and ``return_mean``.
        tasks: By run, what it was trained on; each task gets a panel of its own.
        random_returns: By run, what random actions score there; drawn as a dotted line.
        colours: By run.
    """
    panels = list(dict.fromkeys(tasks[run] for run in curves))
    figure, grid = subplots(len(panels), 1, figsize=(7, 4 if len(panels) == 1 else 3.2 * len(panels)), squeeze=False)
    for task, axes in zip(panels, grid[:, 0], strict=True):
        shown = {run: curve for run, curve in curves.items() if tasks[run] == task}
        _draw_curves(axes, shown, colours, next((random_returns[run] for run in shown if run in random_returns), None))
        axes.set_title(
            f"{task}: return of training episodes; bands: 95 % t intervals over seeds", fontsize=10, loc="left"
        )
    return figure


def _draw_curves(
    axes: Any, curves: Mapping[str, pd.DataFrame], colours: Mapping[str, str], random_score: float | None
) -> None:
    """Draw runs into one panel. Where no episode of a seed ended in a window, its last value goes into the mean."""
    shown = {run: table for run, table in curves.items() if len(table)}
    bands: list[stats.Band] = []
    for run, table in shown.items():
        wide = table.pivot_table(index="step", columns="seed", values="return_mean")
        look = LineStyle(colours[run], label=f"{run} (mean of {wide.shape[1]} seeds)")
        for seed in wide.columns:
            draw_seed(axes, wide.index, wide[seed], look)
        bands.append(stats.mean_band(wide.ffill().to_numpy().T))
        draw_band(axes, wide.index, bands[-1], look)
    if random_score is not None:
        axes.axhline(random_score, color="grey", linestyle=":", linewidth=1, label="random policy")
    values = [table["return_mean"].to_numpy() for table in shown.values()]
    keep_in_sight(axes, values, "no training episode ended", bands)
    axes.set(xlabel="environment steps", ylabel="return")
    axes.legend(loc="best", fontsize=9)
    axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))


@dataclass(frozen=True)
class LineStyle:
    """How a run's curves look.

    Attributes:
        colour: Of its lines and its band.
        dash: Of its lines, as matplotlib names it.
        label: Its entry in the legend.
        mean_width: Of the mean's line, in points.
        seed_width: Of a seed's line.
    """

    colour: str
    dash: str = "-"
    label: str | None = None
    mean_width: float = 2.2
    seed_width: float = 0.7


def draw_seed(axes: Any, x_T: Any, values_T: Any, look: LineStyle) -> None:
    """Draw the curve of one seed, thin."""
    axes.plot(
        x_T, values_T, color=look.colour, linestyle=look.dash, linewidth=look.seed_width, alpha=0.35, **_dot(values_T)
    )


def draw_band(axes: Any, x_T: Any, band: stats.Band, look: LineStyle) -> None:
    """Draw a mean over seeds, thick, and its interval where that tells something."""
    x_T, known_T, wide_T = np.asarray(x_T), np.isfinite(band.mean_T), band.telling_T
    line = {"color": look.colour, "linestyle": look.dash, "linewidth": look.mean_width, "label": look.label}
    axes.plot(x_T[known_T], band.mean_T[known_T], **line, **_dot(band.mean_T))
    if wide_T.any():
        low_T, high_T = band.low_T[wide_T], band.high_T[wide_T]
        axes.fill_between(x_T[wide_T], low_T, high_T, color=look.colour, alpha=0.18, linewidth=0)


def _dot(values_T: Any) -> dict[str, str]:
    """Return what makes a curve of a single point visible."""
    return {"marker": "o"} if np.isfinite(np.asarray(values_T, dtype=float)).sum() == 1 else {}


def keep_in_sight(axes: Any, seeds: Sequence[stats.Array], nothing: str, bands: Sequence[stats.Band] = ()) -> None:
    """Limit the vertical axis to what :func:`sight` says.

    Args:
        axes: The panel.
        seeds: The values of every seed's curve.
        nothing: What to say where there are none.
        bands: The intervals that are drawn too.
    """
    if not seeds:
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", color="grey")
        return
    axes.set_ylim(*sight(seeds, bands))


def sight(seeds: Sequence[stats.Array], bands: Sequence[stats.Band] = ()) -> tuple[float, float]:
    """Return the range of the seeds' values and of their bands, with a margin.

    The band of three seeds can be many times as wide as they are: bands get at most as much room as the
    seeds, above and below, so that curves stay curves.
    """
    low, high = _ends(seeds)
    if not low < high and not math.isfinite(low):
        return 0.0, 1.0
    room = (high - low) or abs(low) or 1.0
    lowest, highest = _ends(
        [edge for band in bands for edge in (band.low_T[band.telling_T], band.high_T[band.telling_T])]
    )
    low, high = max(low - room, min(low, lowest)), min(high + room, max(high, highest))
    margin = 0.08 * ((high - low) or abs(low) or 1.0)
    return low - margin, high + margin


def _ends(values: Sequence[stats.Array]) -> tuple[float, float]:
    """Return the least and the greatest finite value; infinities the wrong way round where there is none."""
    together = np.concatenate([np.asarray(each, dtype=float) for each in values]) if values else np.array([])
    together = together[np.isfinite(together)]
    return (float(together.min()), float(together.max())) if len(together) else (math.inf, -math.inf)


@styled
def final_scores(
    runs: Sequence[RunScores],
    tasks: Mapping[str, str],
    random_returns: Mapping[str, float],
    checkpoint: str,
    colours: Mapping[str, str],
) -> Any:
    """Draw each run's held-out score: a dot per seed, the mean, and its 95 % t interval.

    Args:
        runs: From top to bottom.
        tasks: By run, what it was trained on; each task gets a panel, with a scale, of its own.
        random_returns: By run, what random actions score there; drawn as a dotted line.
        checkpoint: Which policies were scored.
        colours: By run.
    """
    panels = list(dict.fromkeys(tasks[run.run] for run in runs))
    groups = [[run for run in runs if tasks[run.run] == task] for task in panels]
    heights = [len(group) + 1 for group in groups]
    figure, grid = subplots(
        len(panels),
        1,
        figsize=(7, 1.0 + 0.6 * sum(heights)),
        squeeze=False,
        height_ratios=heights,
    )
    for task, group, axes in zip(panels, groups, grid[:, 0], strict=True):
        for index, run in enumerate(group):
            _draw_scores(axes, index, run.scores_S, colours[run.run])
        known = [random_returns[run.run] for run in group if run.run in random_returns]
        if known:
            axes.axvline(known[0], color="grey", linestyle=":", linewidth=1)
            axes.annotate(
                "random",
                (known[0], 1),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                color="grey",
                ha="center",
                va="bottom",
            )
        axes.set_yticks(range(len(group)), [run.run for run in group])
        axes.set_ylim(len(group) - 0.5, -0.5)
        if len(panels) > 1:
            axes.set_title(task, fontsize=10, loc="left")
    grid[-1, 0].set_xlabel(
        f"mean return of the {checkpoint} policy on held-out episodes\n(dots: seeds; diamond: mean; bar: 95 % t interval over seeds)",
        fontsize=9,
    )
    return figure


def _draw_scores(axes: Any, row: int, scores_S: stats.Array, colour: str) -> None:
    offsets = (np.arange(len(scores_S)) - (len(scores_S) - 1) / 2) * min(0.06, 0.5 / max(1, len(scores_S)))
    axes.plot(scores_S, row + offsets, "o", color=colour, alpha=0.5, markersize=5, linestyle="none")
    estimate = stats.mean_with_interval(scores_S)
    if estimate.interval:
        axes.plot([estimate.interval.low, estimate.interval.high], [row] * 2, color=colour, linewidth=2.5)
    axes.plot(estimate.mean, row, "D", color=colour, markersize=8, markeredgecolor="white")


@styled
def differences(comparisons: Sequence[Comparison], colours: Mapping[str, str]) -> Any:
    """Draw a forest plot: each run's difference to the baseline with its interval, and the zone that does not matter."""
    shown = [comparison for comparison in comparisons if comparison.difference is not None]
    figure, axes = subplots(figsize=(7, 1.4 + 0.6 * max(1, len(shown))))
    axes.axvline(0, color="black", linewidth=1)
    bands = [(index, found.minimum_effect) for index, found in enumerate(shown) if found.minimum_effect]
    for index, effect in bands:
        label = "too small to matter (compare.minimum_effect)" if index == bands[0][0] else None
        rows = [index - 0.5, index + 0.5]
        axes.fill_betweenx(rows, -effect, effect, color="grey", alpha=0.15, linewidth=0, label=label)
    if bands:
        figure.legend(loc="outside upper right", fontsize=8)
    for index, comparison in enumerate(shown):
        assert comparison.difference is not None
        colour, interval = colours[comparison.run], comparison.difference.interval
        if interval:
            axes.plot([interval.low, interval.high], [index] * 2, color=colour, linewidth=2.5)
        axes.plot(comparison.difference.mean, index, "D", color=colour, markersize=8, markeredgecolor="white")
    if not shown:
        axes.text(0.5, 0.5, "nothing that compares", transform=axes.transAxes, ha="center", color="grey")
    axes.set_yticks(range(len(shown)), [f"{c.run}\n{c.verdict}" for c in shown])
    axes.set_ylim(max(1, len(shown)) - 0.5, -0.5)
    baselines = " or ".join(dict.fromkeys(comparison.baseline for comparison in shown)) or "the baseline"
    axes.set_xlabel(f"difference in mean return to {baselines}, with the deciding interval", fontsize=9)
    return figure


@styled
def profiles(panels: Mapping[str, Mapping[str, stats.Profile]], colours: Mapping[str, str], score: str) -> Any:
    """Draw performance profiles: the share of trainings above each score, with bootstrap bands.

    Shares change by steps and are drawn so; bands that overlap keep their edges, and dashes tell lines apart that do.

    Args:
        panels: By title, the profile of each run or method.
        colours: By run or method.
        score: What the horizontal axis is.
    """
    height = 4.2 if len(panels) == 1 else 3.4 * len(panels)
    figure, grid = subplots(len(panels), 1, figsize=(7, height), squeeze=False)
    for (title, shown), axes in zip(panels.items(), grid[:, 0], strict=True):
        for index, (name, profile) in enumerate(shown.items()):
            thresholds_L, colour = profile.thresholds_L, colours[name]
            low_L, high_L = (np.clip(edge, 0, 1) for edge in (profile.low_L, profile.high_L))
            axes.fill_between(thresholds_L, low_L, high_L, step="post", color=colour, alpha=0.1, linewidth=0)
            for edge in (low_L, high_L):
                axes.step(thresholds_L, edge, where="post", color=colour, alpha=0.4, linewidth=0.7)
            dash = ("-", (0, (5, 2)), (0, (1.5, 1.5)))[index % 3]
            axes.step(
                thresholds_L, profile.share_L, where="post", color=colour, linestyle=dash, linewidth=2.2, label=name
            )
        axes.set_title(f"{title}: how many seeds score above a value; bands: 95 % bootstrap", fontsize=10, loc="left")
        axes.set(xlabel=score, ylabel="share of seeds above", ylim=(-0.03, 1.03))
        axes.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, decimals=0))
        axes.margins(x=0.01)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=9)
    return figure
