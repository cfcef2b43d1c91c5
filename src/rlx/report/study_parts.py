"""What pages show of a study, the page of a study and the page on runs alike: the looks of verdicts, budgets as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlx.report.page_content import VERDICT_MARKS

if TYPE_CHECKING:
    from rlx.studies import StudyFacts, StudyView

LOOKS = {
    "improved": ("improved", VERDICT_MARKS["improved"]),
    "not shown": ("inconclusive", VERDICT_MARKS["inconclusive"]),
    "worse": ("regressed", VERDICT_MARKS["regressed"]),
    "undecided": ("equivalent", "…"),
}
"""How each word of a verdict is drawn: as what of the page's style, and with which mark beside it."""
MOST_UNFOLDED = 2
"""Open studies that are unfolded; of more, and of closed ones, a line is shown, which unfolds."""


def budget_bars(facts: StudyFacts) -> list[dict[str, Any]]:
    """Return the budget as shares for bars."""
    return [
        {
            "name": each.resource.replace("_", " "),
            "spent": _share(each.spent, each.total),
            "reserved": _share(each.reserved, each.total),
        }
        for each in facts.budget
    ]


def _share(part: float, whole: float) -> float:
    """Return a share in per cent; what is there at all shows."""
    return round(min(100.0, max(100 * part / whole, 0.6 if part > 0 else 0.0)), 2) if whole > 0 else 0.0


def sentence_of(facts: StudyFacts) -> str:
    """Return the headline without the word of the verdict, which stands beside it."""
    return facts.headline.removeprefix(f"{facts.verdict}: ")


def shown_studies(studies: Sequence[StudyView], problems: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the part of a page about studies is rendered from.

    Args:
        studies: Those that can be read.
        problems: By name, why others cannot.
    """
    unfolded = [view.name for view in studies if view.status.phase != "closed"][:MOST_UNFOLDED]
    return {
        "looks": LOOKS,
        "study_problems": problems or {},
        "studies": [
            {
                "view": view,
                "bars": budget_bars(view.facts),
                "sentence": sentence_of(view.facts),
                "unfold": view.name in unfolded or len(studies) == 1,
                "next": f"`{view.status.next.command}`" if view.status.next.command else "",
            }
            for view in studies
        ],
    }
