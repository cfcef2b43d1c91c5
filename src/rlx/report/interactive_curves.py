"""Curves as an HTML page of their own: values under the mouse, runs and seeds switched by the legend, works offline."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from rlx.report.metric_curves import CurveSheet, MetricCurve
from rlx.report.metric_panels import Panel, panels
from rlx.report.metric_pictures import BANDS, look_of
from rlx.report.metric_tables import X_UNITS
from rlx.report.plots import LineStyle, sight
from rlx.stats import Array

ROW_HEIGHT, MARGIN = 330, 170
CONFIG = {"displaylogo": False, "responsive": True, "showSendToCloud": False, "plotlyServerURL": ""}
"""Of plotly.js; its button that uploads the data to its maker's cloud is on by default."""


def curve_page(sheet: CurveSheet) -> str:
    """Return the page. The legend has two entries for each run: its mean with the band, and its seeds."""
    layout = panels(sheet)
    rows, columns = 1 + max(panel.row for panel in layout), 1 + max(panel.column for panel in layout)
    titles = {(panel.row, panel.column): escape(panel.title) for panel in layout}
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[titles.get((row, column), "") for row in range(rows) for column in range(columns)],
        horizontal_spacing=0.16 / columns,
        vertical_spacing=0.3 / rows,
    )
    told: set[str] = set()
    for panel in layout:
        place = {"row": panel.row + 1, "col": panel.column + 1}
        for index, run in enumerate(sheet.runs):
            if run.run in panel.curves:
                for trace in _traces(panel.curves[run.run], look_of(index, escape(run.label)), f"run{index}", told):
                    figure.add_trace(trace, **place)
        _frame(figure, panel, X_UNITS[sheet.x], place)
    figure.update_layout(
        template="plotly_white",
        height=MARGIN + ROW_HEIGHT * rows,
        legend={"orientation": "h", "y": -60 / (ROW_HEIGHT * rows), "yanchor": "top"},
        title={"text": BANDS, "font": {"size": 12}},
        hovermode="closest",
    )
    page = figure.to_html(include_plotlyjs=True, div_id="curves", config=CONFIG)
    names = escape(", ".join(run.run for run in sheet.runs))
    return str(page).replace("<head>", f"<head><title>{names}</title>", 1)


def _frame(figure: Any, panel: Panel, unit: str, place: dict[str, int]) -> None:
    figure.update_xaxes(title_text=unit, **place)
    if not panel.curves:
        nothing = {"x": [0.5], "y": [0.5], "text": [escape(panel.empty)], "mode": "text", "textfont": {"color": "grey"}}
        figure.add_trace(go.Scatter(**nothing, showlegend=False, hoverinfo="skip"), **place)
        return
    figure.update_yaxes(range=sight(panel.shown_values, panel.bands), exponentformat="power", **place)
    if unit == X_UNITS["time"]:
        figure.update_xaxes(rangemode="tozero", **place)
    if panel.random_return is not None:
        text = {"annotation_text": "random policy", "annotation_position": "bottom right"}
        figure.add_hline(panel.random_return, line={"color": "grey", "dash": "dot", "width": 1}, **text, **place)


def _traces(curve: MetricCurve, look: LineStyle, group: str, told: set[str]) -> list[Any]:
    """Return seeds, band and mean; the first of a group stands for it in the legend."""
    line = {"color": look.colour, "dash": "solid" if look.dash == "-" else "dash"}
    found = []
    for seed, one in curve.seeds.items():
        found.append(
            go.Scatter(
                x=one.x_T,
                y=_holes(one.values_T),
                mode=_mode(one.values_T),
                line={**line, "width": 1},
                opacity=0.4,
                hovertemplate=f"{look.label}<br>seed {seed}: %{{y:.5~g}} at %{{x:,.5~g}}<extra></extra>",
                **_legend(f"{group} seeds", f"{look.label}: each seed", told),
            )
        )
    known, wide = curve.n_T > 0, curve.telling_T
    legend = _legend(f"{group} mean", f"{look.label}: mean", told)
    if known.any():
        found.append(
            go.Scatter(
                x=curve.x_T[known],
                y=curve.mean_T[known],
                customdata=np.column_stack([curve.low_T, curve.high_T, curve.n_T])[known],
                mode=_mode(curve.mean_T),
                line={**line, "width": 3},
                hovertemplate=f"{look.label}<br>mean of %{{customdata[2]:d}}: %{{y:.5~g}} at %{{x:,.5~g}}<br>"
                "95 % interval %{customdata[0]:.5~g} to %{customdata[1]:.5~g}<extra></extra>",
                **legend,
            )
        )
    if wide.any():
        x_T = curve.x_T[wide]
        found.append(
            go.Scatter(
                x=np.concatenate([x_T, x_T[::-1]]),
                y=np.concatenate([curve.high_T[wide], curve.low_T[wide][::-1]]),
                fill="toself",
                fillcolor=look.colour,
                opacity=0.15,
                line={"width": 0},
                hoverinfo="skip",
                mode="lines",
                legendgroup=legend["legendgroup"],
                showlegend=False,
            )
        )
    return found


def _legend(group: str, name: str, told: set[str]) -> dict[str, Any]:
    first = group not in told
    told.add(group)
    return {"legendgroup": group, "name": name, "showlegend": first}


def _mode(values_T: Array) -> str:
    return "lines" if np.isfinite(values_T).sum() > 1 else "markers"


def _holes(values_T: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values_T]
