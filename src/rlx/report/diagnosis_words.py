"""A diagnosis as plain values, as Markdown, and as lines for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlx.config import as_setting
from rlx.diagnosis import Diagnosis, Evidence, Finding, Suggestion
from rlx.report.train_commands import Remaking
from rlx.stats import number

MARKS = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}
NOTHING_FOUND = "Nothing was found that would need attention."


def diagnosis_data(diagnosis: Diagnosis, again: Remaking | None) -> dict[str, Any]:
    """Return a diagnosis as plain values: ``findings``, ``consequences``, ``suggestions``, ``unchecked``.

    Args:
        diagnosis: The diagnosis.
        again: How the run is made again; None where the project around it is not the person's own (in a stage), so that
            suggestions have settings but no command.
    """
    return {
        "findings": [_finding_data(finding, again) for finding in diagnosis.findings],
        "consequences": [_finding_data(finding, again) for finding in diagnosis.consequences],
        "suggestions": [_suggestion_data(each, again) for each in diagnosis.suggestions],
        "unchecked": list(diagnosis.unchecked),
    }


def _finding_data(finding: Finding, again: Remaking | None) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "title": finding.title,
        "what": finding.what,
        "why": finding.why,
        "source": finding.source,
        "confidence": finding.confidence,
        "evidence": [_evidence_data(each) for each in finding.evidence],
        "suggestions": [_suggestion_data(each, again) for each in finding.suggestions],
        "advice": finding.advice or None,
        "consequences": list(finding.explains),
    }


def _evidence_data(evidence: Evidence) -> dict[str, Any]:
    return {
        "metric": evidence.metric,
        "value": _finite(evidence.value),
        "relation": evidence.relation,
        "threshold": _finite(evidence.threshold),
        "window": None if evidence.window is None else list(evidence.window),
        "seeds": list(evidence.seeds),
        "seeds_in_all": evidence.seeds_in_all,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _suggestion_data(suggestion: Suggestion, again: Remaking | None) -> dict[str, Any]:
    return {
        "overrides": dict(suggestion.overrides),
        "command": again.command(suggestion.overrides) if again else None,
        "reason": suggestion.reason,
        "effect": suggestion.effect,
        "steps": suggestion.steps,
        "cost": f"{suggestion.steps:,} environment steps",
    }


def proof(evidence: dict[str, Any]) -> str:
    """Return a fact behind a finding in a line: metric, value, threshold, window of steps, seeds."""
    threshold = evidence["threshold"]
    text = f"{evidence['metric']}: {number(evidence['value'])}"
    if threshold is not None:
        text += f" ({evidence['relation']} {number(threshold) if threshold else '0'})"
    if evidence["window"]:
        first, last = evidence["window"]
        text += f", steps {first:,} to {last:,}" if first != last else f", step {first:,}"
    if evidence["seeds"]:
        text += f", {seeds(evidence['seeds'], evidence['seeds_in_all'])}"
    return text


def seeds(shown: Sequence[int], in_all: int, most: int = 8) -> str:
    """Return which seeds, in words: ``all 5 seeds``, ``seeds 3, 4 of 5``, ``seed 3 of 5``."""
    if len(shown) == in_all:
        return (
            ("both seeds" if in_all == 2 else f"all {in_all} seeds") if in_all > 1 else f"seed {shown[0]}, the only one"
        )
    listed = ", ".join(map(str, shown[:most])) + (f" and {len(shown) - most} more" if len(shown) > most else "")
    return f"seed{'s' * (len(shown) > 1)} {listed} of {in_all}"


def diagnosis_headline(content: Mapping[str, Any]) -> str:
    """Return the outcome of a diagnosis in a sentence; ``content`` as :func:`diagnosis_data` gives it."""
    found = content["findings"]
    grave = [finding for finding in found if finding["severity"] != "info"]
    if grave:
        counts = [
            f"{count} {name}{'s' * (count > 1)}"
            for name in ("error", "warning")
            if (count := sum(finding["severity"] == name for finding in grave))
        ]
        return f"{' and '.join(counts)}, first: {grave[0]['title'][0].lower()}{grave[0]['title'][1:]}."
    if found:
        return f"{NOTHING_FOUND} {len(found)} remark{'s' * (len(found) > 1)} below."
    return NOTHING_FOUND


def diagnosis_markdown(content: Mapping[str, Any], pictures: Mapping[str, str], level: int = 2) -> list[str]:
    """Return the findings and what to try as lines of Markdown.

    Args:
        content: As :func:`diagnosis_data` gives it.
        pictures: By finding, the path of its picture.
        level: Of the headings.
    """
    mark = "#" * level
    lines = [f"{mark} Findings", "", diagnosis_headline(content), ""]
    titles = {finding["id"]: finding["title"] for finding in (*content["findings"], *content["consequences"])}
    for finding in content["findings"]:
        lines += [
            f"{mark}# {MARKS[finding['severity']]}: {finding['title']}",
            "",
            finding["what"],
            "",
            finding["why"],
            "",
        ]
        lines += ["Evidence:", "", *(f"- {proof(each)}" for each in finding["evidence"]), ""]
        if finding["consequences"]:
            lines += ["It most likely explains, too:", ""]
            for name in finding["consequences"]:
                other = next(each for each in content["consequences"] if each["id"] == name)
                lines.append(f"- {titles[name]}. {other['what']}")
            lines.append("")
        if finding["id"] in pictures:
            lines += [f"![{finding['title']}]({pictures[finding['id']]})", ""]
        if finding["suggestions"]:
            first = finding["suggestions"][0]
            lines += [f"Try `{asked(first)}`. {first['reason']} {first['effect']}", ""]
        if finding["advice"]:
            lines += [finding["advice"], ""]
        lines += [f"*Confidence: {finding['confidence']}. Source: {finding['source']}. Rule: `{finding['id']}`.*", ""]
    lines += [f"{mark} What to try", ""]
    lines += tries(content)
    if content["unchecked"]:
        lines += [f"{mark} What was not looked at", "", *(f"- {each}" for each in content["unchecked"]), ""]
    return lines


def asked(suggestion: dict[str, Any]) -> str:
    """Return the command of a suggestion, or its settings as ``-S`` where it has none."""
    found = suggestion["command"]
    return found or " ".join(f"-S {as_setting(key, value)}" for key, value in suggestion["overrides"].items())


def tries(content: Mapping[str, Any]) -> list[str]:
    """Return what to try as lines of Markdown."""
    if not content["suggestions"]:
        return ["No change of settings follows from the findings.", ""]
    lines = ["One at a time, so that you learn which one helped; `rlx compare` judges each against this run."]
    if any(each["command"] is None for each in content["suggestions"]):
        lines[0] += " `rlx suggest RUN` gives them as complete commands."
    lines.append("")
    for index, each in enumerate(content["suggestions"], 1):
        lines += [
            f"{index}. `{asked(each)}`",
            f"   {each['reason']} Expected: {each['effect']} Cost: {each['cost']}.",
        ]
    return [*lines, ""]


def finding_lines(finding: dict[str, Any], consequences: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield a finding for the terminal: a label and a text each."""
    yield "", finding["what"]
    yield "why", finding["why"]
    for each in finding["evidence"]:
        yield "seen", proof(each)
    follows = [other for other in consequences if other["id"] in finding["consequences"]]
    for other in follows:
        yield "so also", f"{other['title']}: {other['what']}"
    for each in finding["suggestions"][:1]:
        yield "try", f"`{each['command']}`"
    if finding["advice"]:
        yield "do", finding["advice"]
    yield "source", f"{finding['source']} ({finding['id']}, confidence {finding['confidence']})"


headline = diagnosis_headline
"""As the stage files of projects made by rlx 0.1 import it."""
