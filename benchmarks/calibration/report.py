"""The tables of ``docs/statistics.md``, from the results."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.pages import between
from rlx.stats import markdown_table
from rlx.stats.wording import MISSING

TITLES = {
    "one candidate": "Nothing differs: how often one candidate is called improved or regressed",
    "six candidates": "Nothing differs: how often any of six candidates is",
    "sequential": "Nothing differs: `--sequential`, looking after 5, 10, 15 and 20 seeds",
    "naive adding of seeds": "The same looks, each judged as if it were the only one",
    "published scores": "Published scores of 192 and 193 trainings (HalfCheetah, Colas et al. 2019): how often samples of them are called different",
    "rare failures, equal means": "A run that sometimes fails, against a narrow one of the same mean: how often they are called different",
    "same mean, other shape": "Means are equal, but spreads or shapes are not",
    "at the minimum effect": "The true difference is the minimum effect (0.5 sd): how often `improved` is said all the same",
    "power at d = 1.5": "A true difference of 1.5 standard deviations: how often it is seen",
    "power in a family": "The sixth of six candidates is better by 1.5 standard deviations, 10 seeds each: how often it is seen",
    "coverage: family": "Six candidates, three of them better: how often all intervals together are right",
    "power, fragility demanded": "A difference of 1.5 standard deviations with `compare.fragility: 1` and a minimum effect of 0.2",
    "equivalent, wrongly: shifted by the minimum effect": "`equivalent` where the true difference is the minimum effect (0.5 sd)",
    "equivalent, wrongly: unseen failures": "`equivalent` where one run never fails and the other sometimes does",
    "equivalent, rightly": "`equivalent` where nothing differs",
    "coverage: repeated interval": "Coverage of the repeated intervals of `--sequential`, at all looks together",
    "coverage: three tasks": "Three tasks (normal, bimodal, bounded) together, 95 % intervals",
}


START, END = "<!-- tables: python -m benchmarks.calibration --write -->", "<!-- end of tables -->"


def with_tables(page: str, results: Mapping[str, Any]) -> str:
    """Return a page with the tables between its two marks made anew."""
    return between(page, START, END, markdown(results))


def markdown(results: Mapping[str, Any]) -> str:
    """Return all tables."""
    parts = [
        f"### Coverage of 95 % intervals of a mean ({results['repeats']:,} simulations, 4 times as many of rlx's own; in brackets the median width in standard deviations)",
        _coverage(results["means"]),
        "### Coverage of 95 % intervals of a difference of two runs",
        _coverage(results["differences"]),
    ]
    parts += ["### The worst cases found, of scores of two or three values", _worst(results["worst"])]
    for name, rows in itertools.groupby(_in_order(results["verdicts"]), lambda row: row["table"]):
        parts += [f"### {TITLES[name]}", _shares(list(rows))]
    return "\n\n".join(parts)


def _in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    order = list(TITLES)
    return sorted(rows, key=lambda row: order.index(row["table"]))


def _coverage(rows: Sequence[Mapping[str, Any]]) -> str:
    sizes = list(dict.fromkeys(row["n"] for row in rows))
    pairs = dict.fromkeys((row["distribution"], row["method"]) for row in rows)
    cells = {(row["distribution"], row["method"], row["n"]): row for row in rows}
    lines = [[*pair, *(_covered(cells[(*pair, n)]) for n in sizes)] for pair in pairs]
    return markdown_table(["scores", "method", *(f"n = {n}" for n in sizes)], lines, left=2)


def _covered(row: Mapping[str, Any]) -> str:
    width = MISSING if row["width"] is None else f"{row['width']:.2f}"
    return f"{row['coverage']:.3f} ({width})"


def _worst(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [[row["situation"], row["seeds"], row["what"], f"{row['rate']:.3f}", row["where"]] for row in rows]
    return markdown_table(["situation", "seeds", "what", "worst", "where"], lines, left=3)


def _shares(rows: Sequence[Mapping[str, Any]]) -> str:
    sizes = list(dict.fromkeys(row["seeds"] for row in rows))
    cells = {(row["situation"], row["seeds"]): row for row in rows}
    lines = []
    for name in dict.fromkeys(row["situation"] for row in rows):
        found = [cells.get((name, size)) for size in sizes]
        lines.append([name, *(MISSING if row is None else _share(row) for row in found)])
    return markdown_table(["", *(f"{size} seeds" if size[:1].isdigit() else size for size in sizes)], lines)


def _share(row: Mapping[str, Any]) -> str:
    welch = f" ({row['goal']})" if row["goal"].startswith("Welch") else ""
    return f"{row['share']:.3f} ± {row['error']:.3f}{welch}"
