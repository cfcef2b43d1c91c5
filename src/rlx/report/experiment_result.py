"""What came of an experiment, in lines: its score, its diagnosis, what it changed, the verdict, the next command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlx.comparison import Comparison, StudyComparison
from rlx.config import Parameters
from rlx.experiments import verdict_named
from rlx.records import RunFolder
from rlx.report.comparison_words import changed_settings, settling, unlearned, verdict_headline
from rlx.report.diagnosis_words import diagnosis_headline
from rlx.report.run_files import read_analysis
from rlx.report.study_comparison import compare_folders
from rlx.report.text import Line
from rlx.stats import leveled, number


@dataclass(frozen=True)
class Judged:
    """A finished experiment, judged against the study's baseline on its environment.

    Attributes:
        folder: The experiment's folder.
        study: The two runs, compared; None where there is nothing to compare it with.
        why: Why that is.
    """

    folder: RunFolder
    study: StudyComparison | None
    why: str


def judged_experiment(root: Path, folder: RunFolder, parameters: Parameters) -> Judged:
    """Judge a finished experiment.

    Args:
        root: The project.
        folder: The experiment's folder.
        parameters: How to judge, and which run is the baseline.

    Raises:
        Missing: It has no scores.
        DataDamaged: A file of the two runs cannot be read.
    """
    baseline, why = _baseline(root, folder, parameters)
    if baseline is None:
        return Judged(folder, None, why)
    return Judged(folder, compare_folders([baseline, folder], baseline.name, parameters.compare), "")


def study_verdicts(study: StudyComparison | None) -> dict[str, dict[str, str]]:
    """Return, by run, the verdict of a comparison as sinks get it."""
    compared = study.comparisons if study else ()
    return {each.run: verdict_named(each.verdict, each.baseline) for each in compared}


def experiment_lines(judged: Judged) -> Iterator[Line]:
    """Yield what came of an experiment: its score, its diagnosis, what it changed, the verdict, the next command.

    Raises:
        Missing, DataDamaged: A file of it cannot be read.
    """
    folder = judged.folder
    score = folder.evaluation.scores["latest"]
    n, found = score.estimate.n, score.estimate.interval
    shown = f", {leveled(found)} over {n} seeds" if found else " (one seed: no interval)"
    random_return = number(folder.evaluation.random_return)
    yield Line("", aside=True)
    yield Line(
        f"{folder.name}: mean return {number(score.estimate.mean)}{shown}; random actions: {random_return}", "bold"
    )
    analysis = read_analysis(folder)
    if analysis and any(finding.severity != "info" for finding in analysis.findings):
        yield Line(f"Diagnosis: {diagnosis_headline(analysis)} `rlx diagnose {folder.name}` tells more.")
    if judged.study is None:
        yield Line(judged.why)
        yield Line(f"Next: `rlx info {folder.name}`")
    else:
        yield from _verdict(judged.study, folder)


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


def _verdict(study: StudyComparison, folder: RunFolder) -> Iterator[Line]:
    for comparison in study.comparisons:
        yield from _against(study.baseline, comparison)
    for line in [*unlearned(study), *(verdict_headline(study, comparison) for comparison in study.comparisons)]:
        yield Line(line, "bold")
    comparable = any(comparison.difference is not None for comparison in study.comparisons)
    compared = f"Next: `rlx compare {study.baseline} {folder.name}`"
    yield Line(compared if comparable else f"Next: `rlx info {folder.name}`")


def _against(baseline: str, comparison: Comparison) -> Iterator[Line]:
    changed = changed_settings(comparison)
    yield Line(f"against {baseline}: {'; '.join(changed) if changed else 'no setting differs'}")
    for warning in comparison.warnings:
        yield Line(f"Beware: {warning}.")
    if (settled_by := settling(comparison)) is not None:
        yield Line(f"To settle it: {settled_by}")
