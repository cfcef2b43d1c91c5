"""One paragraph and one table on a run, a sweep or the project, as a person would tell a colleague."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlx import stats
from rlx.stats import Grid, interval, number


@dataclass(frozen=True, kw_only=True)
class Summed:
    """What is summed up, in a paragraph.

    Attributes:
        format: Version of this schema.
        kind: ``run``, ``sweep`` or ``project``.
        name: Its name.
        summary: The paragraph.
    """

    format: Literal[1] = 1
    kind: str
    name: str
    summary: str


@dataclass(frozen=True)
class Summarized:
    """One paragraph and one table.

    Attributes:
        content: The paragraph, and the facts that ``--json`` prints beside it.
        grid: The table.
    """

    content: Summed
    grid: Grid

    def to_markdown(self) -> str:
        """Return it as Markdown."""
        return f"# {self.content.name}\n\n{self.content.summary}\n\n{self.grid.to_markdown()}\n"


def scored(estimate: stats.Estimate) -> str:
    """Return a mean with its interval and seeds in words: ``203.1, 95 % interval [180.2, 226.0] over 5 seeds``."""
    found, n = estimate.interval, estimate.n
    if found is None:
        return f"{number(estimate.mean)} with one seed, which has no interval"
    if found.method == stats.NO_SPREAD:
        return f"{number(estimate.mean)} with every one of {n} seeds, which leaves no spread to judge by"
    return f"{number(estimate.mean)}, {100 * found.level:g} % interval {interval(found)} over {n} seeds"


def as_one(sentences: list[str]) -> str:
    """Return sentences as a paragraph, each on one line and with its full stop."""
    found = [" ".join(sentence.split()) for sentence in sentences]
    return " ".join(
        sentence if sentence.endswith((".", "!", "?")) else f"{sentence}." for sentence in found if sentence
    )
