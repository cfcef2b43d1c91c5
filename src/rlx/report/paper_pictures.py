"""Learning curves as a figure for a paper: of the width of its column, in the style sheet ``rlx.report.paper``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style

from rlx.config import COMMON
from rlx.report.metric_curves import RETURNS, CurveSheet
from rlx.report.metric_panels import Panel, panels
from rlx.report.metric_pictures import look_of
from rlx.report.metric_tables import X_UNITS
from rlx.report.plots import LineStyle, draw_band, draw_seed, keep_in_sight, save_figure, subplots

STYLE = "rlx.report.paper"
"""The style sheet, as ``matplotlib.pyplot.style.use`` takes it."""
WIDTHS = {"single": 3.25, "double": 6.75, "text": 5.5}
"""Inches: a column, and the whole page, of a paper in two columns (ICML's style: 6.75 in of text, 0.25 in between); the text of
one in a single column (NeurIPS' style)."""
PANEL_HEIGHT, LEGEND_HEIGHT = 1.75, 0.17
"""Inches of a panel with its labels, and of a line of the legend."""
NARROWEST = 2.1
"""Inches that a panel is wide at least."""
LETTER = 0.048
"""Inches that a letter of the legend takes, about."""
MEAN, SEED = 1.2, 0.4
"""Widths of lines in points."""


def save_paper_figure(sheet: CurveSheet, width: str, path: Path) -> None:
    """Draw curves for a paper, and write them atomically: the same curves give the same bytes.

    Args:
        sheet: The curves.
        width: A key of :data:`WIDTHS`.
        path: Where to; a PDF, SVG or PNG by its name.
    """
    with mpl.style.context(STYLE):
        save_figure(_figure(sheet, WIDTHS[width]), path, dpi=mpl.rcParams["savefig.dpi"], style={})


def _figure(sheet: CurveSheet, width: float) -> Any:
    layout = panels(sheet)
    across = max(1, min(1 + max(panel.column for panel in layout), int(width / NARROWEST)))
    rows = -(-len(layout) // across)
    looks = {run.run: _thin(look_of(index, run.label)) for index, run in enumerate(sheet.runs) if run.metrics}
    handles: list[Any] = [_line(each.colour, each.dash, MEAN) for each in looks.values()]
    labels = [_plain(str(look.label)) for look in looks.values()]
    if any(panel.random_return is not None for panel in layout):
        handles.append(_line("grey", ":", 0.8))
        labels.append("random policy")
    columns = max(1, min(len(labels), int(width / (LETTER * (max(map(len, labels)) + 7)))))
    height = PANEL_HEIGHT * rows + LEGEND_HEIGHT * -(-len(labels) // columns) + 0.1
    figure, grid = subplots(rows, across, figsize=(width, height), squeeze=False)
    places = list(grid.flat)
    for axes in places[len(layout) :]:
        axes.set_visible(False)
    titled = len(sheet.tasks) > 1
    for index, panel in enumerate(layout):
        last = index + across >= len(layout)
        _draw(places[index], panel, sheet, looks, titled=titled, last=last)
    figure.align_ylabels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


def _line(colour: str, dash: Any, width: float) -> Any:
    return mpl.lines.Line2D([], [], color=colour, linestyle=dash, linewidth=width)


def _thin(look: LineStyle) -> LineStyle:
    return LineStyle(look.colour, look.dash, look.label, MEAN, SEED)


def _draw(  # noqa: PLR0913
    axes: Any, panel: Panel, sheet: CurveSheet, looks: dict[str, LineStyle], *, titled: bool, last: bool
) -> None:
    for run, curve in panel.curves.items():
        for seed in curve.seeds.values():
            draw_seed(axes, seed.x_T, seed.values_T, looks[run])
        draw_band(axes, curve.x_T, curve, looks[run])
    if panel.random_return is not None:
        axes.axhline(panel.random_return, color="grey", linestyle=":", linewidth=0.8)
    keep_in_sight(axes, panel.shown_values, panel.empty, panel.bands)
    axes.set_ylabel(_plain(COMMON[panel.metric].title if panel.metric in RETURNS else panel.metric), wrap=True)
    if titled:
        axes.set_title(_plain(panel.task))
    if last:
        axes.set_xlabel(X_UNITS[sheet.x])
    if sheet.x == "steps":
        axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    axes.margins(x=0.02)


def _plain(text: str) -> str:
    """Return text that matplotlib takes as it is, not as a formula."""
    return text.replace("$", r"\$")
