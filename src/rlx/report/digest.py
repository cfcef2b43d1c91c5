"""A digest: one paragraph and one table on a run, a sweep or the project, as a person would tell a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlx import stats
from rlx.report.comparison_files import plain
from rlx.report.grid import Grid
from rlx.stats import interval, number

FORMAT = 1


@dataclass(frozen=True)
class Digest:
    """One paragraph and one table.

    Attributes:
        kind: ``run``, ``sweep`` or ``project``.
        name: What it is about.
        paragraph: The paragraph.
        grid: The table.
        facts: What ``--json`` prints beside the paragraph.
    """

    kind: str
    name: str
    paragraph: str
    grid: Grid
    facts: Mapping[str, Any]

    def to_markdown(self) -> str:
        """Return the digest as Markdown."""
        return f"# {self.name}\n\n{self.paragraph}\n\n{self.grid.to_markdown()}\n"

    def to_data(self) -> dict[str, Any]:
        """Return the digest as plain values, as ``docs/files.md`` describes them."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "name": self.name,
            "summary": self.paragraph,
            **plain(self.facts),
        }


def scored(estimate: stats.Estimate) -> str:
    """Return a mean with its interval and seeds in words: ``203.1, 95 % interval [180.2, 226.0] over 5 seeds``."""
    found, n = estimate.interval, estimate.n
    if found is None:
        return f"{number(estimate.mean)} with one seed, which has no interval"
    if found.method == stats.NO_SPREAD:
        return f"{number(estimate.mean)} with every one of {n} seeds, which leaves no spread to judge by"
    return f"{number(estimate.mean)}, {100 * found.level:g} % interval {interval(found)} over {n} seeds"


def listed(names: list[str], most: int = 6) -> str:
    """Return names as words; past ``most`` their number is told."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def as_one(sentences: list[str]) -> str:
    """Return sentences as a paragraph, each on one line and with its full stop."""
    found = [" ".join(sentence.split()) for sentence in sentences]
    return " ".join(
        sentence if sentence.endswith((".", "!", "?")) else f"{sentence}." for sentence in found if sentence
    )
