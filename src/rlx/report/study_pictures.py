"""Pictures of a study: every candidate's scores seed by seed, and what choosing the best had flattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.report.plots import COLOURS, styled, subplots
from rlx.stats import visible

if TYPE_CHECKING:
    from rlx.studies import StudyFacts
    from rlx.studies.report_facts import CandidateFacts, ConfirmationFacts, Scores

VERDICT_COLOURS = {"improved": COLOURS[2], "not shown": COLOURS[0], "worse": COLOURS[1], "undecided": "#777777"}
GOLDEN = 0.618034
MOST_DRAWN = 40
"""Candidates that one picture shows at most."""


@styled
def scores_picture(facts: StudyFacts) -> Any:
    """Draw the scores of the floor, of every candidate in screening, and of both arms of every confirmation.

    Args:
        facts: The study's.
    """
    rows = _rows(facts)
    height = max(2.0, 0.7 + 0.27 * len(rows))
    figure, axes = subplots(figsize=(6.6, height))
    for place, (_, scores, colour) in enumerate(rows):
        _strip(axes, place, scores, colour)
    if facts.floor is not None:
        axes.axvline(facts.floor.mean, color="#777777", linestyle="--", linewidth=1, zorder=1)
    axes.set_yticks(range(len(rows)), [visible(name, cell=True) for name, _, _ in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(visible(str(facts.contract["metric"]["name"]), cell=True))
    return figure


def shown_candidates(facts: StudyFacts) -> list[CandidateFacts]:
    """Return the candidates that are drawn, in their order: those that were scored, of many the best in screening."""
    scored = [each for each in facts.candidates if each.screening]
    sign = 1 if facts.contract["metric"]["direction"] == "maximize" else -1

    def rank(found: CandidateFacts) -> float:
        mean = found.screening[-1].mean
        return float("inf") if mean is None else -sign * mean

    kept = {each.id for each in sorted(scored, key=rank)[:MOST_DRAWN]}
    return [each for each in scored if each.id in kept]


def _rows(facts: StudyFacts) -> list[tuple[str, Scores, str]]:
    """Return what is drawn, from top to bottom: name, scores, colour."""
    rows: list[tuple[str, Scores, str]] = []
    if facts.floor is not None:
        rows.append(("baseline, floor", facts.floor.scores, "#777777"))
    rows += [
        (f"{each.id}, screening", each.screening[-1], VERDICT_COLOURS[each.verdict]) for each in shown_candidates(facts)
    ]
    for found in facts.confirmations:
        rows.append((f"{found.candidate}, slot {found.slot}", found.scores, VERDICT_COLOURS[found.verdict]))
        rows.append((f"incumbent, slot {found.slot}", found.incumbent_scores, "#777777"))
    return rows


def _strip(axes: Any, place: int, scores: Scores, colour: str) -> None:
    known = [point for point in scores.points if point.value is not None]
    heights = [place + (((index * GOLDEN) % 1) - 0.5) * 0.45 for index in range(len(known))]
    for marker, failed in (("o", False), ("x", True)):
        chosen = [index for index, point in enumerate(known) if (point.failed is not None) is failed]
        axes.scatter(
            [known[index].value for index in chosen], [heights[index] for index in chosen], s=18, color=colour,
            marker=marker, alpha=0.6 if not failed else 0.9, linewidths=1.2 if failed else 0, zorder=2,
        )  # fmt: skip
    if scores.mean is not None:
        axes.scatter(
            [scores.mean], [place], s=46, color=colour, marker="D", edgecolors="white", linewidths=0.8, zorder=3
        )


@styled
def optimism_picture(confirmed: Sequence[ConfirmationFacts], metric: str) -> Any:
    """Draw each confirmed candidate's mean in screening against that on fresh seeds, with the diagonal.

    Args:
        confirmed: Those of which both are known.
        metric: What is measured.
    """
    pairs = [(float(each.screening or 0.0), float(each.scores.mean or 0.0)) for each in confirmed]
    both = np.array(pairs)
    low, high = float(both.min()), float(both.max())
    margin = 0.12 * (high - low or abs(low) or 1.0)
    ends = (low - margin, high + margin)
    figure, axes = subplots(figsize=(4.6, 4.4))
    axes.plot(ends, ends, color="#777777", linestyle="--", linewidth=1, zorder=1)
    for each, (screening, fresh) in zip(confirmed, pairs, strict=True):
        axes.plot([screening, screening], [screening, fresh], color="#777777", linewidth=0.8, alpha=0.6, zorder=1)
        axes.scatter([screening], [fresh], s=52, color=VERDICT_COLOURS[each.verdict], zorder=3)
        axes.annotate(each.candidate, (screening, fresh), (7, -3), textcoords="offset points", fontsize=9)
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_aspect("equal")
    axes.set_xlabel(visible(f"{metric} in screening", cell=True))
    axes.set_ylabel(visible(f"{metric} on fresh seeds", cell=True))
    return figure
