"""The tables of ``docs/diagnosis.md``, from the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from benchmarks.pages import between
from rlx import stats
from rlx.stats import markdown_table
from rlx.stats.wording import MISSING, number

START, END = "<!-- tables: python -m benchmarks.diagnosis --write -->", "<!-- end of tables -->"


def with_tables(page: str, results: Mapping[str, Any]) -> str:
    """Return a page with the tables between its two marks made anew."""
    return between(page, START, END, markdown(results))


def markdown(results: Mapping[str, Any]) -> str:
    """Return all tables."""
    healthy = [case for case in results["cases"] if not case["expected"]]
    broken = [case for case in results["cases"] if case["expected"]]
    parts = []
    if healthy:
        parts += ["### Healthy runs", _healthy(healthy)]
    if broken:
        parts += ["### Broken runs", _broken(broken), "### What the first suggestion is worth", _suggestions(broken)]
    parts += ["### Rule by rule", _rules(healthy, broken)]
    return "\n\n".join(parts)


def _share(count: int, total: int) -> str:
    found = stats.success_interval(count, total)
    return f"{100 * count / total:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def _healthy(cases: list[Any]) -> str:
    rows = [
        [case["case"], str(case["runs"]), str(case["above_info"]), _share(case["above_info"], case["runs"]), _named(case["alarms"])]
        for case in cases
    ]  # fmt: skip
    runs, alarms = sum(case["runs"] for case in cases), sum(case["above_info"] for case in cases)
    rows.append(["all", str(runs), str(alarms), _share(alarms, runs), ""])
    return markdown_table(["healthy run", "runs", "with an alarm", "share [95 %]", "which"], rows)


def _named(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or MISSING


def _broken(cases: list[Any]) -> str:
    rows = [
        [case["case"], " or ".join(case["expected"]), str(case["runs"]), _share(case["detected"], case["runs"]),
         _named({name: count for name, count in case["first"].items() if name not in case["expected"]})]
        for case in cases
    ]  # fmt: skip
    return markdown_table(["fault", "expected first", "runs", "found first [95 %]", "else first"], rows, left=2)


def _suggestions(cases: list[Any]) -> str:
    rows = []
    for case in cases:
        tried = case["suggestion"]
        settings = ", ".join(f"{key}={value}" for key, value in (tried["overrides"] or {}).items())
        if tried["verdict"] is None:
            shown = settings if tried["why"] == "not tried" else MISSING
            rows.append([case["case"], shown or MISSING, MISSING, MISSING, MISSING, tried["why"]])
            continue
        between = f"[{number(tried['low'], sign=True)}, {number(tried['high'], sign=True)}]"
        mark = "" if tried["same_task"] else " (*)"
        rows.append(
            [case["case"], settings, number(tried["before"]), number(tried["after"]), between, tried["verdict"] + mark]
        )
    improved = sum(case["suggestion"]["verdict"] == "improved" for case in cases)
    tried_on = sum(case["suggestion"]["verdict"] is not None for case in cases)
    head = ["fault", "first suggestion", "before", "after", "difference, 95 %", "verdict"]
    note = (
        f"`improved` for {improved} of the {tried_on} faults that it was tried on. (*) `rlx compare` itself calls these two not comparable, because "
        "the wrappers differ; here their returns are compared all the same."
    )
    return f"{markdown_table(head, rows, left=2)}\n\n{note}"


def _rules(healthy: list[Any], broken: list[Any]) -> str:
    """Return for each rule how often it was rightly first, missed, and raised in a healthy run."""
    hits, misses, wanted, alarms = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for case in broken:
        for name in case["expected"]:
            wanted[name] += case["runs"]
            hits[name] += case["first"].get(name, 0)
            misses[name] += case["runs"] - case["first"].get(name, 0)
    for case in healthy:
        alarms.update(case["alarms"])
    runs = sum(case["runs"] for case in healthy)
    rows = [
        [name, str(hits[name]) if wanted[name] else MISSING, str(misses[name]) if wanted[name] else MISSING, f"{alarms[name]} of {runs}"]
        for name in sorted({*wanted, *alarms})
    ]  # fmt: skip
    return markdown_table(["rule", "detected", "missed", "false alarms in healthy runs"], rows)
