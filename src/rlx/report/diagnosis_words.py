"""A diagnosis as Markdown, and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rlx.config import as_setting
from rlx.diagnosis import Diagnosis, Evidence, Finding, Suggestion
from rlx.report.train_commands import Remaking
from rlx.stats import number

NOTHING_FOUND = "Nothing was found that would need attention."


def suggests(diagnosis: Diagnosis) -> bool:
    """Tell whether a diagnosis suggests anything, and so needs commands."""
    return bool(diagnosis.suggestions) or any(
        finding.suggestions for finding in (*diagnosis.findings, *diagnosis.consequences)
    )


def with_suggested_commands(diagnosis: Diagnosis, again: Remaking | None) -> Diagnosis:
    """Return a diagnosis whose suggestions have the commands that try them.

    Args:
        diagnosis: The diagnosis.
        again: How the run is made again; None where the project around it is not the person's own (in a stage), so that
            suggestions have settings but no command.
    """
    if again is None:
        return diagnosis

    def told(suggestions: tuple[Suggestion, ...]) -> tuple[Suggestion, ...]:
        return tuple(replace(each, command=again.command(each.overrides)) for each in suggestions)

    def found(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(replace(each, suggestions=told(each.suggestions)) for each in findings)

    return replace(
        diagnosis,
        findings=found(diagnosis.findings),
        consequences=found(diagnosis.consequences),
        suggestions=told(diagnosis.suggestions),
    )


def proof(evidence: Evidence) -> str:
    """Return a fact behind a finding in a line: metric, value, threshold, window of steps, seeds."""
    threshold = evidence.threshold
    text = f"{evidence.metric}: {number(evidence.value)}"
    if threshold is not None:
        text += f" ({evidence.relation} {number(threshold) if threshold else '0'})"
    if evidence.window:
        first, last = evidence.window
        text += f", steps {first:,} to {last:,}" if first != last else f", step {first:,}"
    if evidence.seeds:
        text += f", {seeds(evidence.seeds, evidence.seeds_in_all)}"
    return text


def seeds(shown: Sequence[int], in_all: int, most: int = 8) -> str:
    """Return which seeds, in words: ``all 5 seeds``, ``seeds 3, 4 of 5``, ``seed 3 of 5``."""
    if len(shown) == in_all:
        return (
            ("both seeds" if in_all == 2 else f"all {in_all} seeds") if in_all > 1 else f"seed {shown[0]}, the only one"
        )
    listed = ", ".join(map(str, shown[:most])) + (f" and {len(shown) - most} more" if len(shown) > most else "")
    return f"seed{'s' * (len(shown) > 1)} {listed} of {in_all}"


def diagnosis_headline(diagnosis: Diagnosis) -> str:
    """Return the outcome of a diagnosis in a sentence."""
    found = diagnosis.findings
    grave = [finding for finding in found if finding.severity != "info"]
    if grave:
        counts = [
            f"{count} {name}{'s' * (count > 1)}"
            for name in ("error", "warning")
            if (count := sum(finding.severity == name for finding in grave))
        ]
        return f"{' and '.join(counts)}, first: {grave[0].title[0].lower()}{grave[0].title[1:]}."
    if found:
        return f"{NOTHING_FOUND} {len(found)} remark{'s' * (len(found) > 1)} below."
    return NOTHING_FOUND


def diagnosis_markdown(diagnosis: Diagnosis, pictures: Mapping[str, str], level: int = 2) -> list[str]:
    """Return the findings and what to try as lines of Markdown.

    Args:
        diagnosis: What was found.
        pictures: By finding, the path of its picture.
        level: Of the headings.
    """
    mark = "#" * level
    lines = [f"{mark} Findings", "", diagnosis_headline(diagnosis), ""]
    titles = {finding.id: finding.title for finding in (*diagnosis.findings, *diagnosis.consequences)}
    for finding in diagnosis.findings:
        lines += [
            f"{mark}# {finding.severity.upper()}: {finding.title}",
            "",
            finding.what,
            "",
            finding.why,
            "",
        ]
        lines += ["Evidence:", "", *(f"- {proof(each)}" for each in finding.evidence), ""]
        if finding.consequences:
            lines += ["It most likely explains, too:", ""]
            for name in finding.consequences:
                other = next(each for each in diagnosis.consequences if each.id == name)
                lines.append(f"- {titles[name]}. {other.what}")
            lines.append("")
        if finding.id in pictures:
            lines += [f"![{finding.title}]({pictures[finding.id]})", ""]
        if finding.suggestions:
            first = finding.suggestions[0]
            lines += [f"Try `{invocation(first)}`. {first.reason} {first.effect}", ""]
        if finding.advice:
            lines += [finding.advice, ""]
        lines += [f"*Confidence: {finding.confidence}. Source: {finding.source}. Rule: `{finding.id}`.*", ""]
    lines += [f"{mark} What to try", ""]
    lines += tries(diagnosis)
    if diagnosis.unchecked:
        lines += [f"{mark} What was not looked at", "", *(f"- {each}" for each in diagnosis.unchecked), ""]
    return lines


def invocation(suggestion: Suggestion) -> str:
    """Return the command of a suggestion, or its settings as ``-S`` where it has none."""
    found = suggestion.command
    return found or " ".join(f"-S {as_setting(key, value)}" for key, value in suggestion.overrides.items())


def tries(diagnosis: Diagnosis) -> list[str]:
    """Return what to try as lines of Markdown."""
    if not diagnosis.suggestions:
        return ["No change of settings follows from the findings.", ""]
    lines = ["One at a time, so that you learn which one helped; `rlx compare` judges each against this run."]
    if any(each.command is None for each in diagnosis.suggestions):
        lines[0] += " `rlx suggest RUN` gives them as complete commands."
    lines.append("")
    for index, each in enumerate(diagnosis.suggestions, 1):
        lines += [
            f"{index}. `{invocation(each)}`",
            f"   {each.reason} Expected: {each.effect} Cost: {each.cost}.",
        ]
    return [*lines, ""]


def finding_lines(finding: Finding, consequences: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield a finding for the terminal: a label and a text each."""
    yield "", finding.what
    yield "why", finding.why
    for each in finding.evidence:
        yield "seen", proof(each)
    follows = [other for other in consequences if other.id in finding.consequences]
    for other in follows:
        yield "so also", f"{other.title}: {other.what}"
    if finding.suggestions:
        yield "try", f"`{finding.suggestions[0].command}`"
    if finding.advice:
        yield "do", finding.advice
    yield "source", f"{finding.source} ({finding.id}, confidence {finding.confidence})"


headline = diagnosis_headline
"""As the stage files of older projects import it."""
