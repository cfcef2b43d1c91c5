"""From what is known of a run to what is said of it: apply every rule, tell causes from consequences, order."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from rlx.diagnosis.finding import SEVERITIES, Detection, Diagnosis, Finding, Severity
from rlx.diagnosis.record import RunRecord
from rlx.diagnosis.rules import RULES
from rlx.diagnosis.rules.rule import Rule
from rlx.diagnosis.signals import FEWEST_UPDATES, Signals
from rlx.diagnosis.suggestions import in_order

Found = dict[str, tuple[Rule, Detection]]
FLOOR = "never-left-the-floor"
COURSE = ("plateau", "still-improving")
"""Findings that are no fault by themselves."""


def diagnose(record: RunRecord, more: Sequence[Rule] = ()) -> Diagnosis:
    """Return what is found in a run; of one without training, what its configuration alone shows.

    Args:
        record: What is known of the run.
        more: Rules beside :data:`rlx.diagnosis.RULES`, with names of their own; they are believed after those.

    A finding that another one explains is listed as its consequence, and makes it as serious as itself. So two findings
    that contradict one another, or tell the same twice, never stand side by side.
    """
    signals, rules = Signals(record), (*RULES, *more)
    found: Found = {}
    broken: list[str] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # means over windows without a value are NaN, and looked at
        for rule in rules:
            if (rule.needs_training and not signals.seeds) or not rule.needs.met_by(signals):
                continue
            try:
                detection = _sound(rule.check(signals))
            except (Exception, SystemExit) as error:  # noqa: BLE001 — a fault of one rule must not cost the run its analysis
                broken.append(
                    f"The rule {rule.id} could not be applied ({type(error).__name__}: {error}); please tell its author."
                )
                continue
            if detection is not None:
                found[rule.id] = rule, detection
    causes = _causes(found)
    order = {rule.id: place for place, rule in enumerate(rules)}
    findings = sorted(
        (_finding(record, found, name, explained) for name, explained in causes.items()),
        key=lambda finding: (SEVERITIES.index(finding.severity), order[finding.id]),
    )
    consequences = [
        _finding(record, found, name, ())
        for name in sorted({i for each in causes.values() for i in each}, key=order.__getitem__)
    ]
    by_id = {each.id: each for each in consequences}
    offered = [
        suggestion
        for each in findings
        if each.suggestions or not each.advice  # what only people can mend is not tinkered with
        for source in (each, *(by_id[name] for name in each.consequences if by_id[name].severity != "info"))
        for suggestion in source.suggestions
    ]
    return Diagnosis(tuple(findings), tuple(consequences), in_order(offered), (*_unchecked(signals), *broken))


def _sound(detection: Detection | None) -> Detection | None:
    """Return what a rule found; rules of other people may return anything.

    Raises:
        TypeError: It is no detection.
    """
    if detection is None or (isinstance(detection, Detection) and detection.severity in SEVERITIES):
        return detection
    raise TypeError(f"its check returned {detection!r:.60}, no Detection")


def _causes(found: Found) -> dict[str, tuple[str, ...]]:
    """Return the findings that follow from no other, each with those that follow from it.

    What follows from having learned nothing follows from the cause of that, too; otherwise explanations are not chained. That
    a return is flat needs no cause where nothing is wrong with the run, so a remark does not explain it.
    """
    causes: dict[str, tuple[str, ...]] = {}
    explained: set[str] = set()
    for name, (rule, detection) in found.items():
        if name in explained:
            continue
        reach = set(rule.explains)
        if FLOOR in reach and FLOOR in found:
            reach |= found[FLOOR][0].explains
        follows = [
            other for other in found if other in reach - {name} and other not in causes and other not in explained
        ]
        severities = {detection.severity, *(found[other][1].severity for other in follows)}
        if severities == {"info"}:
            follows = [other for other in follows if other not in COURSE]
        causes[name] = tuple(follows)
        explained |= set(follows)
    return causes


def _finding(record: RunRecord, found: Found, name: str, explained: Sequence[str]) -> Finding:
    rule, detection = found[name]
    severities: list[Severity] = [detection.severity, *(found[other][1].severity for other in explained)]
    return Finding(
        id=rule.id,
        title=rule.title,
        severity=min(severities, key=SEVERITIES.index),
        confidence=detection.confidence,
        what=detection.what,
        why=rule.why,
        source=rule.source,
        evidence=detection.evidence,
        suggestions=detection.suggestions,
        advice=detection.advice.replace(" RUN", f" {shlex.quote(record.run)}") or None,
        consequences=tuple(explained),
    )


def _unchecked(signals: Signals) -> Iterator[str]:
    """Yield what could not be looked at, and why."""
    record = signals.record
    if not record.seeds:
        yield "Nothing was trained yet, so only the configuration was looked at."
        return
    if len(signals.seeds) < len(record.seeds):
        short = [str(seed.seed) for seed in record.seeds if len(seed.steps_U) < FEWEST_UPDATES]
        yield f"Seed{'s' * (len(short) > 1)} {', '.join(short)} made fewer than {FEWEST_UPDATES} iterations: too few to say anything of their course."
    if record.random is None and signals.seeds:
        yield "Random actions were not measured (there is no held-out evaluation yet), so the first training episodes stand in for them where they can."
    if signals.seeds and signals.scale is None:
        yield "No training episode ended, so the course of the return was not looked at."
    if all(seed.held_out is None for seed in signals.seeds) and signals.seeds:
        yield "There are no held-out episodes yet, so evaluation was not held against training."
    if all(seed.seconds_U is None for seed in signals.seeds) and signals.seeds:
        yield "There are no logs here, so the speed of training was not looked at."
    if record.task is None:
        yield "There is no task.json here (runs made by older versions have none), so the environment's spaces and episode limit are not known."
