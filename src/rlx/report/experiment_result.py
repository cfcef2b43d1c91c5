"""What came of an experiment, in lines: its score, its diagnosis, what it changed, the verdict, the next command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlx.comparison import Comparison
from rlx.config import Parameters
from rlx.records import RunFolder
from rlx.report.comparison_words import changed_settings, settling, unlearned, verdict_headline
from rlx.report.diagnosis_words import diagnosis_headline
from rlx.report.run_files import read_analysis
from rlx.report.study_comparison import compare_folders
from rlx.report.text import Line
from rlx.stats import interval, number


def experiment_lines(root: Path, folder: RunFolder, parameters: Parameters) -> Iterator[Line]:
    """Yield what came of a finished experiment, judged against the study's baseline on its environment.

    Args:
        root: The project.
        folder: The experiment's folder.
        parameters: How to judge, and which run is the baseline.

    Raises:
        Missing: It has no scores.
        DataDamaged: A file of the two runs cannot be read.
    """
    score = folder.evaluation.scores["latest"]
    n, found = score.estimate.n, score.estimate.interval
    shown = f", 95 % interval {interval(found)} over {n} seeds" if found else " (one seed: no interval)"
    random_return = number(folder.evaluation.random_return)
    yield Line("", aside=True)
    yield Line(
        f"{folder.name}: mean return {number(score.estimate.mean)}{shown}; random actions: {random_return}", "bold"
    )
    analysis = read_analysis(folder)
    if analysis and any(finding.severity != "info" for finding in analysis.findings):
        yield Line(f"Diagnosis: {diagnosis_headline(analysis)} `rlx diagnose {folder.name}` tells more.")
    baseline, why = _baseline(root, folder, parameters)
    if baseline is None:
        yield Line(why)
        yield Line(f"Next: `rlx info {folder.name}`")
    else:
        yield from _verdict(baseline, folder, parameters)


def _baseline(root: Path, folder: RunFolder, parameters: Parameters) -> tuple[RunFolder | None, str]:
    """Return the study's baseline on the experiment's environment, or None and why there is nothing to compare with."""
    members = parameters.study.methods.get(parameters.baseline, [parameters.baseline])
    finished = [base for base in (RunFolder(root / "runs" / run) for run in members) if base.state == "finished"]
    if not finished:
        return None, f"The study's baseline, {parameters.baseline}, has no results here yet: `dvc repro` makes them."
    environment = folder.snapshot.config.env.id
    baseline = next((base for base in finished if base.snapshot.config.env.id == environment), None)
    others = ", ".join(dict.fromkeys(base.snapshot.config.env.id for base in finished))
    why = f"The study's baseline is on {others}, not on {environment}: there is nothing to compare it with."
    return baseline, why


def _verdict(baseline: RunFolder, folder: RunFolder, parameters: Parameters) -> Iterator[Line]:
    study = compare_folders([baseline, folder], baseline.name, parameters.compare)
    for comparison in study.comparisons:
        yield from _against(baseline.name, comparison)
    for line in [*unlearned(study), *(verdict_headline(study, comparison) for comparison in study.comparisons)]:
        yield Line(line, "bold")
    comparable = any(comparison.difference is not None for comparison in study.comparisons)
    compared = f"Next: `rlx compare {baseline.name} {folder.name}`"
    yield Line(compared if comparable else f"Next: `rlx info {folder.name}`")


def _against(baseline: str, comparison: Comparison) -> Iterator[Line]:
    changed = changed_settings(comparison)
    yield Line(f"against {baseline}: {'; '.join(changed) if changed else 'no setting differs'}")
    for warning in comparison.warnings:
        yield Line(f"Beware: {warning}.")
    if (settled_by := settling(comparison)) is not None:
        yield Line(f"To settle it: {settled_by}")
