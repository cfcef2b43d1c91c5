"""The page's pictures that do not move: for paper, and for browsers without scripts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from rlx import stats
from rlx.comparison import StudyComparison
from rlx.report.comparison_pictures import pictures
from rlx.stats import interval, number

MOVING = ("differences", "learning_curves", "scores")
"""The pictures of what the page's charts draw too."""
MOST_IN_ALT = 12
"""So many runs are told one by one in the words that stand for a picture; the tables have them all."""

CAPTIONS = {
    "differences": "Diamonds: difference in mean return to the baseline; bars: the interval that decides, corrected for "
    "all candidates; grey: differences too small to matter.",
    "scores": "Dots: a seed's mean return over the held-out episodes; diamonds: the mean over seeds; bars: its 95 % t "
    "interval; dotted: random policy.",
    "learning_curves": "Return of training episodes (of validation episodes where env.training has other ones) over environment steps. Thin lines: seeds; thick lines: their mean; "
    "bands: pointwise 95 % t intervals over seeds.",
    "profiles": "Share of trainings above each normalised score; bands: bootstrap intervals.",
}


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Attributes:
        uri: The picture itself, as a ``data:`` address; empty where only the words are wanted.
        alt: What it shows, for those who do not see it.
        caption: How to read it.
    """

    uri: str
    alt: str
    caption: str


def data_uri(kind: str, content: bytes) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def page_pictures(study: StudyComparison, runs: Sequence[str], undrawn: Sequence[str] = ()) -> dict[str, Picture]:
    """Return by name the pictures that have something to show.

    Args:
        study: The runs, judged.
        runs: Their names, in the order that gives each its colour.
        undrawn: Names of pictures of which only the words are wanted; their addresses are empty.
    """
    from rlx.report import plots

    wanted = {
        "differences": any(comparison.difference for comparison in study.comparisons),
        "learning_curves": any(run.curves for run in study.scores),
        "scores": True,
        "profiles": bool(study.methods),
    }
    told = {"differences": _differences, "scores": _scores, "learning_curves": _curves, "profiles": _profiles}
    shown = [name for name, useful in wanted.items() if useful]
    figures = pictures(study, runs, [name for name in shown if name not in undrawn])
    drawn = {name: data_uri("image/svg+xml", plots.to_svg(figure)) for name, figure in figures}
    return {name: Picture(drawn.get(name, ""), told[name](study), CAPTIONS[name]) for name in shown}


def _told(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - MOST_IN_ALT} more" if len(lines) > MOST_IN_ALT else ""
    return "; ".join(lines[:MOST_IN_ALT]) + more


def _differences(study: StudyComparison) -> str:
    lines = [
        f"{found.run} {number(found.difference.mean, sign=True)} {interval(found.difference.interval, sign=True)}, {found.verdict}"
        for found in study.comparisons
        if found.difference
    ]
    return f"Forest plot of differences in mean return to {study.baseline}: {_told(lines)}."


def _scores(study: StudyComparison) -> str:
    lines = []
    for run in study.scores:
        found = stats.mean_with_interval(run.scores_S)
        low, high = number(float(run.scores_S.min())), number(float(run.scores_S.max()))
        seeds = f"{found.n} seed{'s' * (found.n > 1)} from {low} to {high}"
        lines.append(f"{run.run} mean {number(found.mean)}, {seeds}")
    return f"Strip plot of the held-out score of each seed: {_told(lines)}."


def _curves(study: StudyComparison) -> str:
    lines = []
    for run in study.scores:
        if run.curves:
            last = sum(float(curve.values_T[-1]) for curve in run.curves.values()) / len(run.curves)
            lines.append(f"{run.run} ends at {number(last)}, mean of {len(run.curves)} seeds")
    return f"Learning curves, the return of training episodes over environment steps: {_told(lines)}."


def _profiles(study: StudyComparison) -> str:
    lines = [
        f"{method.method} interquartile mean {number(method.iqm.mean)}"
        for method in study.methods
        if method.iqm is not None
    ]
    return f"Performance profiles, the share of trainings above each normalised score: {_told(lines)}."
