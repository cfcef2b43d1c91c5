"""A probe as a picture: for each parameter the score over its values, with the threshold and the safe range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import NullLocator

from rlx.report.plots import COLOURS, styled, subplots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rlx.studies import Probe, ProbedParameter, ProbePoint

BLUE, ORANGE, GREEN, BLACK = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[6]
ACROSS = 2
"""Panels in a row."""
NAMED = 14
"""Values that an axis has room to name."""
MARGIN = 0.04
"""Of an axis, beyond the first and last value."""


@styled
def probe_picture(found: Probe) -> Any:
    """Draw a probe, a panel for each parameter.

    A dot is a seed's mean return, the line their mean, the band below it reaches down to the one-sided lower 95 % t bound;
    the dashed line is the threshold that the bound must reach, the dotted one random actions. Shaded is the safe range; a
    cross on the axis is a value at which a policy could not be played. In a design that varies all together a filled circle
    is a point that passes.
    """
    names = [each.parameter for each in found.parameters] or list(found.joint[0].settings if found.joint else [])
    across = min(ACROSS, max(1, len(names)))
    rows = max(1, math.ceil(len(names) / across))
    figure, grid = subplots(rows, across, figsize=(5.2 * across, 0.9 + 3.4 * rows), squeeze=False)
    flat = list(grid.flat)
    for axes, name in zip(flat, names, strict=False):
        one = next((each for each in found.parameters if each.parameter == name), None)
        if one is not None:
            _panel(axes, one)
        else:
            _joint(axes, name, found.joint)
        _levels(axes, found)
        axes.set_xlabel(name, fontsize=9)
        axes.set_ylabel("mean return")
    for axes in flat[len(names) :]:
        axes.set_axis_off()
    if names:
        _legend(figure)
    figure.suptitle(f"{found.run} on {found.environment}: {_title(found)}", fontsize=11, x=0.01, ha="left")
    return figure


def _title(found: Probe) -> str:
    if found.verdict == "fails-at-nominal":
        return "fails in the task itself"
    if found.verdict == "cannot-tell":
        return "a probe that cannot tell"
    return "where its policies hold" if found.design == "one" else "all parameters together"


def _panel(axes: Any, each: ProbedParameter) -> None:
    _scale(axes, each)
    if each.safe is not None:
        axes.axvspan(*each.safe, color=GREEN, alpha=0.13, linewidth=0, label="safe range")
    axes.axvline(each.nominal, color=BLACK, linewidth=0.8, alpha=0.5, label="nominal")
    for run in _runs(each):
        xs = [point.settings[each.parameter] for point in run]
        means = [point.mean for point in run]
        axes.plot(xs, means, color=BLUE, linewidth=1.3, marker="o", markersize=3, label="mean over seeds", zorder=3)
        if all(point.lower is not None for point in run):
            axes.fill_between(xs, [point.lower for point in run], means, color=BLUE, alpha=0.2, linewidth=0, label="down to the bound")  # fmt: skip
            if len(run) == 1:
                axes.vlines(xs, [point.lower for point in run], means, color=BLUE, alpha=0.5)
    _dots(axes, each.parameter, each.points)
    crosses = list(each.errors)
    if crosses:
        axes.scatter(crosses, [0.03] * len(crosses), marker="x", color=ORANGE, s=45, label="could not be played", clip_on=False, zorder=5, transform=axes.get_xaxis_transform())  # fmt: skip


def _scale(axes: Any, each: ProbedParameter) -> None:
    """Show every value that was tried, also one at which nothing could be drawn, and name it where there is room."""
    values = [point.settings[each.parameter] for point in each.points]
    log = each.scale == "log"
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = (math.log(values[0]), math.log(values[-1])) if log else (values[0], values[-1])
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    axes.set_xlim(*((math.exp(low), math.exp(high)) if log else (low, high)))
    if len(values) <= NAMED:
        axes.set_xticks(values, [f"{value:.3g}" for value in values], fontsize=8)
    axes.tick_params(axis="x", labelrotation=30 if len(values) > NAMED // 2 else 0)


def _runs(each: ProbedParameter) -> list[list[ProbePoint]]:
    """Return stretches of neighbouring values that were all played: no line is drawn over one that was not."""
    found: list[list[ProbePoint]] = [[]]
    for point in each.points:
        if point.mean is None:
            found.append([])
        else:
            found[-1].append(point)
    return [run for run in found if run]


def _dots(axes: Any, name: str, points: Sequence[ProbePoint]) -> None:
    dots = [(point.settings[name], score) for point in points for score in point.returns.values()]
    if dots:
        xs, ys = zip(*dots, strict=True)
        axes.scatter(xs, ys, s=12, color=BLACK, alpha=0.55, linewidths=0, label="a seed", zorder=4)


def _joint(axes: Any, name: str, points: Sequence[ProbePoint]) -> None:
    for passes, colour, face, label in ((True, BLUE, BLUE, "passes"), (False, ORANGE, "none", "does not pass")):
        shown = [p for p in points if bool(p.passes) is passes and p.mean is not None]
        if shown:
            axes.scatter([p.settings[name] for p in shown], [p.mean for p in shown], s=30, edgecolors=colour, facecolors=face, label=label)  # fmt: skip


def _levels(axes: Any, found: Probe) -> None:
    """Draw the levels that scores are held against."""
    if found.threshold is not None:
        axes.axhline(found.threshold, color=ORANGE, linestyle="--", linewidth=1.2, label="threshold")
    if found.random_return is not None:
        axes.axhline(found.random_return, color="grey", linestyle=":", linewidth=1.2, label="random actions")


def _legend(figure: Any) -> None:
    """Name what is drawn once, below all panels."""
    found: dict[str, Any] = {}
    for panel in figure.axes:
        handles, labels = panel.get_legend_handles_labels()
        found |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in found}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4, fontsize=8)
