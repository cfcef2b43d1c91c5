"""A run's metrics explained: what each means, what is usual, what it does here, and which findings rest on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rlx.algorithms import vocabulary
from rlx.config import COMPONENT, Metric, Usual, metric_of
from rlx.diagnosis import Behaviour, Finding, Rule, RunRecord, Signals, behaviour_of, diagnose, logged_metrics, notes
from rlx.errors import Missing
from rlx.experiments import more_rules, read_metrics, record_of
from rlx.records import RunFolder
from rlx.report.metric_choice import metric_named

GROUPS = ("rollout", "train", "validation", "reward")
"""In the order in which they are told."""


@dataclass(frozen=True)
class ExplainedMetric:
    """What a metric is, as its vocabulary has it.

    Attributes:
        metric: Its name in the vocabulary.
        group: What stands before the slash of its name; empty for counters.
        meaning: What it tells, in a sentence or two.
        formula: How it is computed.
        unit: What it is measured in.
        usual: Which values are usual.
        higher: What a high value means.
        lower: What a low value means.
    """

    metric: str
    group: str
    meaning: str
    formula: str
    unit: str
    usual: Usual
    higher: str
    lower: str


@dataclass(frozen=True)
class MetricNote(Behaviour, ExplainedMetric):
    """One metric of one run: what it is, and what it does here.

    Attributes:
        findings: Ids of the diagnosis's findings that rest on it.
        resting: Those findings.
    """

    findings: tuple[str, ...] = ()
    resting: tuple[Finding, ...] = field(default=(), metadata={"document": False})

    @property
    def here(self) -> str:
        """What it does here, as one text."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class ExplainedRun:
    """`rlx explain-metrics RUN [METRIC] --json`.

    Attributes:
        format: Version of this schema.
        run: Its name.
        environment: Its environment's id.
        status: As in `rlx ls`.
        seeds: The seeds that were looked at: those with enough updates.
        notes: What holds of all metrics.
        metrics: All that were logged, grouped, or the one asked for.
    """

    format: Literal[1]
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
    record = record_of(root, folder)
    explained = explain_record(record, metric, more_rules(root))
    if any(len(seed.steps_U) for seed in record.seeds):
        return explained
    return replace(explained, notes=(*_why_nothing(root, folder), *explained.notes))


def explain_record(record: RunRecord, metric: str | None = None, more: Sequence[Rule] = ()) -> ExplainedRun:
    """Explain one metric, or all that were logged, from what is known of a run; see :func:`explain_run`."""
    signals = Signals(record)
    logged = logged_metrics(signals)
    components = [name for name in logged if name.startswith(COMPONENT)]
    known = vocabulary(record.config.algo.name, record.metrics or {})
    wanted = (
        in_groups(logged) if metric is None else [metric_named(metric, [*known, *components], own=record.metrics or {})]
    )
    diagnosis = diagnose(record, more)
    found = (*diagnosis.findings, *diagnosis.consequences)
    explained = [each for name in wanted if (each := metric_of(name, known)) is not None]
    return ExplainedRun(
        format=1,
        run=record.run,
        environment=record.config.env.id,
        status=record.status,
        seeds=tuple(signals.numbers),
        notes=tuple(notes(signals)),
        metrics=tuple(_note(each, behaviour_of(signals, each), _resting(found, each)) for each in explained),
    )


def in_groups(metrics: Sequence[str]) -> list[str]:
    """Return metrics in the order of their groups, those of an algorithm's own groups last."""
    groups = [*GROUPS, *dict.fromkeys(name.partition("/")[0] for name in metrics)]
    return sorted(metrics, key=lambda name: groups.index(name.partition("/")[0]))


def _note(explained: Metric, behaviour: Behaviour, resting: tuple[Finding, ...]) -> MetricNote:
    return MetricNote(
        group=explained.group,
        meaning=explained.meaning or explained.summary,
        formula=explained.formula,
        unit=explained.unit,
        usual=explained.usual,
        higher=explained.higher,
        lower=explained.lower,
        **vars(behaviour),
        findings=tuple(finding.id for finding in resting),
        resting=resting,
    )


def explanation_markdown(explained: ExplainedRun, *, full: bool) -> str:
    """Return the explanations as Markdown, of one metric with all that is known of it."""
    lines = [f"# {explained.run}: {'a metric' if full else 'its metrics'} explained", ""]
    lines += [part for note in explained.notes for part in (note, "")]
    group = None
    for note in explained.metrics:
        if note.group != group and not full:
            group = note.group
            lines += [f"## {group}", ""]
        lines += [f"{'##' if full else '###'} `{note.metric}`", ""]
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
    yield "meaning", note.meaning
    if full:
        yield "formula", f"{code}{note.formula}{code}"
        yield "unit", note.unit
    if note.usual.text:
        yield "usual", note.usual.text
    if full:
        source = note.usual.source
        yield "source", f"{source[0].upper()}{source[1:]}."
        yield "high", note.higher
        yield "low", note.lower
    yield "here", note.here
    for finding in note.resting:
        yield "finding", f"{finding.title} ({finding.id}, {finding.severity})" + (f": {finding.what}" if full else ".")


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
