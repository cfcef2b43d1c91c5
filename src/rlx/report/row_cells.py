"""Cells of a table of runs, as `rlx ls` and the served page show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlx.experiments import Row


def seeds_cell(row: Row) -> str:
    """Return how many seeds are finished, and of how many where that differs."""
    from rlx.stats import MISSING

    if row.seeds is None:
        return MISSING
    return str(row.seeds) if row.seeds == row.seeds_wanted else f"{row.seeds}/{row.seeds_wanted}"


def score_cells(row: Row) -> tuple[str, str]:
    """Return the mean return and its interval."""
    from rlx.stats import MISSING, number

    if row.ci_low is None or row.ci_high is None:
        return number(row.return_mean), MISSING
    larger = max(abs(row.ci_low), abs(row.ci_high))
    return number(row.return_mean), f"[{number(row.ci_low, like=larger)}, {number(row.ci_high, like=larger)}]"
