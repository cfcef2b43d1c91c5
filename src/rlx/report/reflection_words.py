"""A reflection as a table and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rlx.report.text import Line
from rlx.stats import MISSING, Grid, number

if TYPE_CHECKING:
    from rlx.studies import ComponentReflection, Reflection

CLAUSES = {
    "held-out-falls": "the validation return falls",
    "success-falls": "success falls",
    "component-falls": "a part of the reward was given up",
    "length-without-return": "episodes change in length, not in return",
}
"""What each clause of hacking risk says, in a few words."""


def reflection_grid(found: Reflection) -> Grid:
    """Return the parts of the reward, a row each, in 80 columns."""
    head = ["component", "early", "late", "share", "per 1,000", "trend", "rank", "remarks"]
    rows = [_row(part) for part in found.components]
    note = (
        "early, late: mean per episode in the first and last quarter of training, median over seeds. share: of all parts' "
        "sizes, late. per 1,000: Theil–Sen slope per 1,000 steps, median over seeds. rank: Spearman's correlation with the "
        "validation return over windows."
    )
    return Grid(f"The parts of {found.run}'s reward", head, rows, note if rows else "")


def reflection_lines(found: Reflection) -> Iterator[Line]:
    """Yield what a reflection says, most important first."""
    risk = f"Risk that the return is raised by something else than the task: {found.hacking_risk}"
    if found.fired:
        yield Line(f"{risk} ({'; '.join(CLAUSES[each.clause] for each in found.fired)}).", "bold")
    else:
        yield Line(f"{risk}; no clause fired.", "bold")
    for each in found.fired:
        yield Line(f"{each.clause} ({each.risk}): {each.what}")
    yield Line(_course(found))
    for part in found.components:
        if part.dominates:
            yield Line(f"{part.name} is {_percent(part.share)} of the reward's size; the others hardly count.")
        if part.ignored:
            yield Line(f"{part.name} is {_percent(part.share)} of the reward's size; it has no say in what is learned.")
        if part.saturated:
            yield Line(f"{part.name} stopped changing in the first half of training; it no longer teaches.")
        if part.traded == "lost":
            gained = next((other.name for other in found.components if other.traded == "gained"), "another part")
            yield Line(f"{part.name} was given up for {gained}.")
    for sentence in found.not_looked_at:
        yield Line(sentence, "dim")


def _course(found: Reflection) -> str:
    """Return how the returns went, in a sentence."""
    words = {"rising": "rose", "falling": "fell", "none": "had no common trend over seeds", None: "is not known"}
    told = f"The return of training episodes {words[found.return_trend]}; the validation return {words[found.validation_trend]}"
    if found.success_trend is not None:
        told += f"; success {words[found.success_trend]}"
    if found.held_out:
        mean = sum(found.held_out.values()) / len(found.held_out)
        seeds = f"{len(found.held_out)} seed{'s' * (len(found.held_out) > 1)}"
        told += f". Held out it is {number(mean)} over {seeds}"
        if found.random_return is not None:
            told += f" (random actions {number(found.random_return)})"
    return f"{told}."


def _row(part: ComponentReflection) -> list[str]:
    quarter = max(1, round(len(part.windows) / 4))
    remarks = [name for name in ("dominates", "ignored", "saturated") if getattr(part, name)]
    remarks += [part.traded] if part.traded else []
    slope = sorted(part.slopes.values())[len(part.slopes) // 2] if part.slopes else None
    over = part.with_validation_over_windows
    return [
        part.name.removeprefix("reward/"),
        number(_mean(part.windows[:quarter])),
        number(_mean(part.windows[-quarter:])),
        _percent(part.share),
        MISSING if slope is None else number(slope, sign=True),
        MISSING if part.trend == "none" else part.trend,
        MISSING if over is None else f"{over:+.2f}",
        ", ".join(remarks) or MISSING,
    ]


def _mean(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"
