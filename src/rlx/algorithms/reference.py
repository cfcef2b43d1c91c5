"""The page ``docs/metrics.md``: every number that a training may log, and what each algorithm means by it."""

from __future__ import annotations

from rlx.algorithms.registry import algorithms
from rlx.config import BUILT_IN, COMMON, COMPONENT, NO_SOURCE, Metric, metric_of

HEAD = """# Metrics

<!-- Made by `python -m rlx.algorithms.reference > docs/metrics.md`. -->

Every number that a row of `metrics.jsonl` may hold: what it is, its unit, what is usual and who says so. A usual value without a
source is said to have none. `rlx explain-metrics RUN` tells the same of a run, with what its curves do;
a project's or a package's own algorithms bring metrics of their own, which `metadata.json` of each run keeps.
"""


def meanings() -> dict[str, dict[Metric, list[str]]]:
    """Return by name what is meant by a metric, each meaning with the algorithms of rlx that mean it; none: all of them do."""
    found: dict[str, dict[Metric, list[str]]] = {name: {metric: []} for name, metric in COMMON.items()}
    component = metric_of(f"{COMPONENT}name", {})
    if component is not None:
        found[f"{COMPONENT}<name>"] = {component: []}
    for algorithm in algorithms().values():
        if algorithm.name in BUILT_IN:
            for name, metric in algorithm.metrics.items():
                found.setdefault(name, {}).setdefault(metric, []).append(algorithm.name)
    return found


def render_metrics() -> str:
    """Return the page."""
    named = sorted(meanings().items(), key=lambda item: ("/" in item[0], item[0]))
    lines = [HEAD, "| metric | what it is | unit |", "| --- | --- | --- |"]
    for name, told in named:
        first = next(iter(told))
        lines.append(f"| [`{name}`](#{_anchor(name)}) | {_cell(first.summary)} | {_cell(first.unit) or '—'} |")
    lines.append("")
    for name, told in named:
        lines += [f"## {_heading(name)}", ""]
        for metric, owners in told.items():
            lines += [*_section(metric, owners, alone=len(told) == 1), ""]
    return "\n".join(lines)


def _section(metric: Metric, owners: list[str], *, alone: bool) -> list[str]:
    """Return what is said of one meaning of a metric."""
    if owners:
        whose = f"Of {', '.join(f'`{name}`' for name in owners)}"
    else:
        whose = "Of every algorithm" if alone else "Of every other algorithm"
    usual = metric.usual
    whence = usual.source if usual.source.startswith(NO_SOURCE) else f"source: {usual.source}"
    facts = (
        ("Unit", metric.unit),
        ("Computed", metric.formula),
        ("Usual", f"{usual.text} {whence[:1].upper()}{whence[1:]}." if usual.text else ""),
        ("High", metric.higher),
        ("Low", metric.lower),
        ("Stable-Baselines3 calls it", f"`{metric.sb3_name}`" if metric.sb3_name else ""),
    )
    meaning = metric.meaning or f"{metric.summary[:1].upper()}{metric.summary[1:]}."
    return [f"{whose}: {_text(meaning)}", "", *(f"- {name}: {_text(told)}" for name, told in facts if told)]


def _heading(name: str) -> str:
    return name.replace("<name>", "NAME")


def _anchor(name: str) -> str:
    """Return the anchor that GitHub and the site give the heading of a metric."""
    return name.replace("/", "").replace("<", "").replace(">", "")


def _text(text: str) -> str:
    """Return text in which Markdown sees no markup but code."""
    return "".join(
        f"`{part}`" if inside % 2 else part.replace("<", r"\<").replace("*", r"\*")
        for inside, part in enumerate(text.split("`"))
    )


def _cell(text: str) -> str:
    return _text(text).replace("|", r"\|")


if __name__ == "__main__":
    import sys

    sys.stdout.write(render_metrics())
