"""Pictures of a finding's evidence: the metric of every seed, with the window and the threshold marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from rlx.diagnosis import Diagnosis, Evidence, Finding, RunRecord, SeedRecord, Signals
from rlx.report.plots import COLOURS, keep_in_sight, save_figure, styled, subplots

RETURN = "rollout/return_mean"
MOST_PANELS = 3


def write_pictures(record: RunRecord, diagnosis: Diagnosis, folder: Path) -> dict[str, str]:
    """Draw every finding whose evidence has a course in time into ``finding_<id>.png``.

    Returns:
        By finding, the name of its file in ``folder``.
    """
    signals = Signals(record)
    written = {}
    for finding in diagnosis.findings:
        if signals.seeds and any(_metrics(signals, each) for each in finding.evidence if each.window):
            name = f"finding_{finding.id}.png"
            save_figure(_draw(signals, finding), folder / name)
            written[finding.id] = name
    return written


def _metrics(signals: Signals, evidence: Evidence) -> list[str]:
    """Return what to draw for a fact: its metric, or the return where it was computed from that."""
    named = sorted({key for seed in signals.seeds for key in seed.values if key in evidence.metric}, key=len)
    return named[-1:] or ([RETURN] if "return" in evidence.metric else [])


def _panels(signals: Signals, finding: Finding) -> Iterator[tuple[str, Evidence]]:
    told: set[str] = set()
    for evidence in finding.evidence:
        for metric in _metrics(signals, evidence) if evidence.window else []:
            if metric not in told:
                told.add(metric)
                yield metric, evidence
    if RETURN not in told:
        yield RETURN, finding.evidence[0]


@styled
def _draw(signals: Signals, finding: Finding) -> Any:
    panels = list(_panels(signals, finding))[:MOST_PANELS]
    figure, grid = subplots(len(panels), 1, figsize=(7, 1.1 + 2.3 * len(panels)), squeeze=False, sharex=True)  # fmt: skip
    for (metric, evidence), axes in zip(panels, grid[:, 0], strict=True):
        shown = [_draw_seed(axes, seed, metric, seed.seed in evidence.seeds) for seed in signals.seeds]
        if evidence.window and evidence.window[0] < evidence.window[1]:
            axes.axvspan(*evidence.window, color=COLOURS[4], alpha=0.15, linewidth=0)
        keep_in_sight(axes, [values for values in shown if np.isfinite(values).any()], f"no {metric}")
        if metric == evidence.metric and evidence.threshold is not None:
            axes.axhline(evidence.threshold, color="black", linestyle="--", linewidth=1)
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, evidence.threshold), max(high, evidence.threshold * 1.05))
        if metric == RETURN and signals.record.random is not None:
            axes.axhline(float(signals.record.random.returns_E.mean()), color="grey", linestyle=":", linewidth=1)
        axes.set_title(metric, fontsize=10, loc="left")
        axes.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    grid[-1, 0].set_xlabel(
        "environment steps (orange: seeds that show it; grey: the others; shaded: the window;\n"
        "dashed: threshold; dotted: random actions)",
        fontsize=9,
    )
    figure.suptitle(finding.title, fontsize=11, x=0.01, ha="left")
    return figure


def _draw_seed(axes: Any, seed: SeedRecord, metric: str, shows: bool) -> Any:
    values_U = seed.metric(metric)
    known = np.isfinite(values_U)
    steps, values = seed.steps_U[known], values_U[known]
    if len(values) > 200:  # a point per pixel or so
        parts = np.array_split(np.arange(len(values)), 200)
        steps = np.array([steps[part[-1]] for part in parts])
        values = np.array([values[part].mean() for part in parts])
    colour = COLOURS[1] if shows else "grey"
    axes.plot(steps, values, color=colour, linewidth=0.9, alpha=0.8 if shows else 0.5)
    return values
