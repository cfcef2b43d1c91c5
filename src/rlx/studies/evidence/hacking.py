"""Reasons to fear that a return is raised by something else than the task, each with the risk that it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rlx.diagnosis import RULES, Signals

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import HackingClause, Risk, Trend

BY_RULE: dict[str, tuple[str, Risk]] = {
    "success-falls-as-return-rises": ("success-falls", "high"),
    "reward-component-traded": ("component-falls", "medium"),
    "length-without-return": ("length-without-return", "medium"),
}
"""The rules of a diagnosis that speak of reward hacking: the clause that each is, and its risk."""
LEVELS: tuple[Risk, ...] = ("low", "medium", "high")


def clauses(signals: Signals, return_trend: Trend, validation_trend: Trend | None) -> Iterator[HackingClause]:
    """Yield the clauses that fire in a run, whatever else explains them.

    Args:
        signals: What the run shows.
        return_trend: Of the return of training episodes.
        validation_trend: Of the validation return, which the training's own reward does not bend; None where unknown.
    """
    from rlx.studies.evidence.documents import HackingClause

    if return_trend == "rising" and validation_trend == "falling":
        yield HackingClause(
            clause="held-out-falls",
            risk="high",
            what="The return of training episodes rose while that of the validation episodes fell.",
        )
    rules = {rule.id: rule for rule in RULES}
    for name, (clause, risk) in BY_RULE.items():
        rule = rules[name]
        if rule.needs.met_by(signals) and (found := rule.check(signals)) is not None:
            yield HackingClause.model_validate({"clause": clause, "risk": risk, "what": found.what})


def highest(fired: Sequence[HackingClause]) -> Risk:
    """Return the highest risk of the clauses that fired; low where none did."""
    return LEVELS[max((LEVELS.index(each.risk) for each in fired), default=0)]
