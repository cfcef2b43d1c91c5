"""A run's metrics explained: what each means, what is usual, what it does here, and which findings rest on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.algorithms import vocabulary
from rlx.config import COMPONENT, Metric, metric_of
from rlx.diagnosis import Behaviour, Finding, Rule, RunRecord, Signals, behaviour_of, diagnose, logged_metrics, notes
from rlx.errors import Missing
from rlx.experiments import more_rules, read_metrics
from rlx.records import RunFolder
from rlx.report.metric_choice import metric_named
from rlx.report.run_records import gather

GROUPS = ("rollout", "train", "validation", "reward")
"""In the order in which they are told."""


@dataclass(frozen=True)
class MetricNote:
    """One metric of one run.

    Attributes:
        metric: What it is.
        behaviour: What it does here.
        findings: What the diagnosis found that rests on it.
    """

    metric: Metric
    behaviour: Behaviour
    findings: tuple[Finding, ...]

    @property
    def here(self) -> str:
        """What it does here, as one text."""
        return " ".join(self.behaviour.sentences)


@dataclass(frozen=True)
class ExplainedRun:
    """Metrics of one run.

    Attributes:
        run: Its name.
        environment: Its environment's id.
        status: How it stands.
        seeds: The seeds that were looked at.
        notes: What holds of all metrics.
        metrics: Them, grouped.
    """

    run: str
    environment: str
    status: str
    seeds: tuple[int, ...]
    notes: tuple[str, ...]
    metrics: tuple[MetricNote, ...]


def explain_run(root: Path, folder: RunFolder, metric: str | None = None) -> ExplainedRun:
    """Explain one metric of a run, or all that it logged.

    Args:
        root: The project.
        folder: Any run that :func:`rlx.experiments.references.find_run` gives.
        metric: As people type it; None for all.

    Raises:
        UsageError: There is no such metric; the message names the nearest.
    """
    record = gather(root, folder)
    explained = explain_record(record, metric, more_rules(root))
    if any(len(seed.steps_U) for seed in record.seeds):
        return explained
    return ExplainedRun(**{**vars(explained), "notes": (*_why_nothing(root, folder), *explained.notes)})


def explain_record(record: RunRecord, metric: str | None = None, more: Sequence[Rule] = ()) -> ExplainedRun:
    """Explain one metric, or all that were logged, from what is known of a run; see :func:`explain_run`."""
    signals = Signals(record)
    logged = logged_metrics(signals)
    components = [name for name in logged if name.startswith(COMPONENT)]
    known = {**(record.metrics or {}), **vocabulary(record.config.algo.name)}
    wanted = in_groups(logged) if metric is None else [metric_named(metric, [*known, *components])]
    diagnosis = diagnose(record, more)
    found = (*diagnosis.findings, *diagnosis.consequences)
    explained = [each for name in wanted if (each := metric_of(name, known)) is not None]
    return ExplainedRun(
        run=record.run,
        environment=record.config.env.id,
        status=record.status,
        seeds=tuple(signals.numbers),
        notes=tuple(notes(signals)),
        metrics=tuple(MetricNote(each, behaviour_of(signals, each), _resting(found, each)) for each in explained),
    )


def in_groups(metrics: Sequence[str]) -> list[str]:
    """Return metrics in the order of their groups."""
    order = {group: place for place, group in enumerate(GROUPS)}
    return sorted(metrics, key=lambda name: order.get(name.partition("/")[0], len(order)))


def explanation_data(explained: ExplainedRun) -> dict[str, Any]:
    """Return the document of ``rlx explain-metrics --json``."""
    return {
        "format": 1,
        "run": explained.run,
        "environment": explained.environment,
        "status": explained.status,
        "seeds": list(explained.seeds),
        "notes": list(explained.notes),
        "metrics": [_metric_data(note) for note in explained.metrics],
    }


def explanation_markdown(explained: ExplainedRun, *, full: bool) -> str:
    """Return the explanations as Markdown, of one metric with all that is known of it."""
    lines = [f"# {explained.run}: {'a metric' if full else 'its metrics'} explained", ""]
    lines += [part for note in explained.notes for part in (note, "")]
    group = None
    for note in explained.metrics:
        if note.metric.group != group and not full:
            group = note.metric.group
            lines += [f"## {group}", ""]
        lines += [f"{'##' if full else '###'} `{note.metric.name}`", ""]
        lines += [f"- **{name}**: {text}" for name, text in facts(note, full=full, code="`")]
        lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def facts(note: MetricNote, *, full: bool, code: str = "") -> Iterator[tuple[str, str]]:
    """Yield what to show of a metric: a name and a text each.

    Args:
        note: The metric.
        full: All, not only meaning, usual range and behaviour.
        code: What to put around the formula.
    """
    metric = note.metric
    yield "meaning", metric.meaning or metric.summary
    if full:
        yield "formula", f"{code}{metric.formula}{code}"
        yield "unit", metric.unit
    yield "usual", metric.usual.text
    if full:
        source = metric.usual.source
        yield "source", f"{source[0].upper()}{source[1:]}."
        yield "high", metric.higher
        yield "low", metric.lower
    yield "here", note.here
    for finding in note.findings:
        yield "finding", f"{finding.title} ({finding.id}, {finding.severity})" + (f": {finding.what}" if full else ".")


def _metric_data(note: MetricNote) -> dict[str, Any]:
    metric, usual, course = note.metric, note.metric.usual, note.behaviour.course
    return {
        "metric": metric.name,
        "group": metric.group,
        "meaning": metric.meaning or metric.summary,
        "formula": metric.formula,
        "unit": metric.unit,
        "usual": {"text": usual.text, "source": usual.source, "low": usual.low, "high": usual.high},
        "higher": metric.higher,
        "lower": metric.lower,
        "logged": note.behaviour.logged,
        "sentences": list(note.behaviour.sentences),
        "course": None
        if course is None
        else {
            "trend": course.trend,
            "early": course.early,
            "middle": course.middle,
            "late": course.late,
            "lowest": course.lowest,
            "highest": course.highest,
            "turn": course.turn,
            "settled": course.settled,
            "first_step": course.first,
            "last_step": course.last,
            "seeds": {str(seed): level for seed, level in zip(course.seeds, course.final_S, strict=True)},
            "alike": course.alike,
            "agreeing": list(course.agreeing),
            "below_usual": list(course.below),
            "above_usual": list(course.above),
            "share_outside": course.share,
        },
        "findings": [finding.id for finding in note.findings],
    }


def _resting(found: Sequence[Finding], metric: Metric) -> tuple[Finding, ...]:
    """Return the findings whose evidence names a metric."""
    name = re.compile(rf"(?<![\w/]){re.escape(metric.name)}(?![\w/])")
    if metric.is_counter:  # "seed" and "step" are words of other evidence too
        return ()
    return tuple(finding for finding in found if any(name.search(each.metric) for each in finding.evidence))


def _why_nothing(root: Path, folder: RunFolder) -> Iterator[str]:
    """Yield why a run has no metrics here, where something can be done about it."""
    try:
        read_metrics(root, folder)
    except Missing as error:
        yield f"{error}."
