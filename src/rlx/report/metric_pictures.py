"""Pictures of metrics: a panel for each metric and environment, a colour for each run."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl

from rlx.report.metric_curves import CurveSheet
from rlx.report.metric_panels import Panel, panels
from rlx.report.metric_tables import X_UNITS
from rlx.report.plots import COLOURS, LineStyle, draw_band, draw_seed, keep_in_sight, styled, subplots

DASHES = ("-", "--")
MOST_RUNS = len(COLOURS) * len(DASHES)
"""Runs that can be told apart in one picture."""
BANDS = "thin: seeds; thick: mean; bands: 95 % t intervals over seeds"


def look_of(index: int, label: str = "") -> LineStyle:
    """Return how the index-th run looks: its colour, and dashed from the eighth on."""
    return LineStyle(COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS)], label)


@styled
def curve_picture(sheet: CurveSheet) -> Any:
    """Draw curves as a figure, ready for :func:`rlx.report.plots.save_figure`."""
    layout = panels(sheet)
    rows, columns = 1 + max(panel.row for panel in layout), 1 + max(panel.column for panel in layout)
    size = (7 if columns == 1 else 4.6 * columns, 0.9 + (3.6 if rows == 1 else 2.9 * rows))
    figure, grid = subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    looks = {run.run: look_of(index, run.label) for index, run in enumerate(sheet.runs) if run.metrics}
    for panel in layout:
        _draw(grid[panel.row, panel.column], panel, sheet, looks)
    handles = [_line(look.colour, look.dash, 2.2) for look in looks.values()]
    labels = [_plain(str(look.label)) for look in looks.values()]
    if any(panel.random_return is not None for panel in layout):
        handles.append(_line("grey", ":", 1))
        labels.append("random policy")
    widest = max(len(label) for label in labels)
    fitting = max(1, min(len(labels), int(size[0] * 11 / (widest + 8))))
    figure.legend(handles, labels, loc="outside lower center", ncols=fitting, fontsize=9, title=BANDS, title_fontsize=8)
    return figure


def _draw(axes: Any, panel: Panel, sheet: CurveSheet, looks: dict[str, LineStyle]) -> None:
    axes.set_visible(True)
    for run, curve in panel.curves.items():
        for seed in curve.seeds.values():
            draw_seed(axes, seed.x_T, seed.values_T, looks[run])
        draw_band(axes, curve.x_T, curve, looks[run])
    if panel.random_return is not None:
        axes.axhline(panel.random_return, color="grey", linestyle=":", linewidth=1)
    keep_in_sight(axes, panel.shown_values, panel.empty, panel.bands)
    axes.set_title(_plain(panel.title), fontsize=10, loc="left")
    axes.set_xlabel(X_UNITS[sheet.x])
    if sheet.x == "steps":
        axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    elif panel.curves:
        axes.set_xlim(left=0)


def _line(colour: str, dash: Any, width: float) -> Any:
    return mpl.lines.Line2D([], [], color=colour, linestyle=dash, linewidth=width)


def _plain(text: str) -> str:
    """Return text that matplotlib takes as it is, not as a formula."""
    return text.replace("$", r"\$")
