"""The comparison of a study's runs: ``analysis/compare/`` with tables, pictures and the verdicts in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rlx import stats
from rlx.atomic import write_json, write_text
from rlx.comparison import Comparison, Criteria, RunScores, compare
from rlx.config.schema import CompareConfig
from rlx.errors import Missing, UsageError
from rlx.report.text import MISSING, interval, number, setting, table
from rlx.runs import RunFolder

FORMAT = 1


@dataclass(frozen=True)
class StudyComparison:
    """Runs judged together.

    Attributes:
        baseline: The run that the others are compared with.
        checkpoint: Which policies are judged.
        criteria: Error rate and minimum effect.
        scores: Every run's scores, best mean first.
        comparisons: One per candidate, in the order given.
        random_return: Mean return of random actions on the baseline's task.
    """

    baseline: str
    checkpoint: str
    criteria: Criteria
    scores: tuple[RunScores, ...]
    comparisons: tuple[Comparison, ...]
    random_return: float


def compare_folders(folders: Sequence[RunFolder], baseline: str, settings: CompareConfig) -> StudyComparison:
    """Judge runs against a baseline run.

    Args:
        folders: All runs, the baseline among them.
        baseline: Its name.
        settings: How to judge.

    Raises:
        UsageError: The baseline is not among the runs.
        Missing: A run has no results.
    """
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two different runs are called {twice!r}; rename one of the folders to compare them")
    scores = {folder.name: folder.scores(settings.checkpoint) for folder in folders}
    if baseline not in scores:
        raise UsageError(f"baseline {baseline!r} is not among the runs: {', '.join(scores)}")
    criteria = Criteria(settings.alpha, settings.minimum_effect)
    candidates = [run for name, run in scores.items() if name != baseline]
    found = compare(scores[baseline], candidates, criteria)
    ranked = sorted(scores.values(), key=lambda run: -float(run.scores_S.mean()))
    random_return = next(folder for folder in folders if folder.name == baseline).evaluation.random_return
    return StudyComparison(baseline, settings.checkpoint, criteria, tuple(ranked), tuple(found), random_return)


def write_comparison(target: Path, study: StudyComparison, folders: Sequence[RunFolder]) -> None:
    """Write everything a comparison consists of into ``target``."""
    from rlx import plots

    write_json(target / "summary.json", metrics_of(study))
    write_json(target / "comparison.json", to_data(study))
    curves = {
        folder.name: _curve(folder) for folder in sorted(folders, key=lambda folder: folder.name != study.baseline)
    }
    together = pd.concat([curve.assign(run=run) for run, curve in curves.items()], ignore_index=True)
    write_text(
        target / "learning_curves.csv",
        together[["run", "step", "seed", "return_mean"]].to_csv(index=False, lineterminator="\n"),
    )
    rows = [
        {"run": run.run, "seed": seed, "return_mean": score}
        for run in study.scores
        for seed, score in run.scores.items()
    ]
    write_text(target / "scores.csv", pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    shown = {run: curve for run, curve in curves.items() if len(curve)}
    figure = plots.learning_curve(
        shown, "return of training episodes; bands: 95 % t intervals over seeds", study.random_return
    )
    plots.save(figure, target / "learning_curves.png")
    colours = {run: plots.colour_of(index) for index, run in enumerate(curves)}
    plots.save(plots.final_scores(study.scores, study.random_return, study.checkpoint, colours), target / "scores.png")
    plots.save(
        plots.differences(study.baseline, study.comparisons, study.criteria.minimum_effect), target / "differences.png"
    )
    write_text(target / "comparison.md", to_markdown(study))


def metrics_of(study: StudyComparison) -> dict[str, dict[str, Any]]:
    """Return the numbers that ``dvc exp show`` shows, by run."""
    verdicts = {comparison.run: comparison.verdict for comparison in study.comparisons}
    content: dict[str, dict[str, Any]] = {}
    for run in sorted(study.scores, key=lambda run: run.run):
        estimate = stats.mean_with_interval(run.scores_S)
        content[run.run] = {"return_mean": round(estimate.mean, 6)}
        if estimate.interval:
            content[run.run] |= {"ci_low": round(estimate.interval.low, 6), "ci_high": round(estimate.interval.high, 6)}
        if run.run in verdicts:
            content[run.run]["verdict"] = verdicts[run.run]
    return content


def to_data(study: StudyComparison) -> dict[str, Any]:
    """Return the whole comparison as plain values."""
    runs = []
    for run in study.scores:
        estimate = stats.mean_with_interval(run.scores_S)
        worst, score = run.worst
        runs.append(
            {
                "run": run.run,
                "return_mean": estimate.mean,
                "interval": asdict(estimate.interval) if estimate.interval else None,
                "iqm": stats.interquartile_mean(run.scores_S),
                "worst_seed": {"seed": worst, "return_mean": score},
                "success": None if run.success is None else {"successes": run.success[0], "episodes": run.success[1]},
                "seeds": {str(seed): value for seed, value in run.scores.items()},
            }
        )
    return {
        "format": FORMAT,
        "headline": headlines(study),
        "baseline": study.baseline,
        "checkpoint": study.checkpoint,
        "criteria": asdict(study.criteria),
        "random_return": study.random_return,
        "runs": runs,
        "comparisons": [
            {**asdict(comparison), "changes": {key: list(pair) for key, pair in comparison.changes.items()}}
            for comparison in study.comparisons
        ],
    }


def headlines(study: StudyComparison) -> list[str]:
    """Return one sentence per candidate that a person can repeat to a colleague."""
    if not study.comparisons:
        return [f"{study.baseline} stands alone: there is nothing to compare it with."]
    return [_headline(study, comparison) for comparison in study.comparisons]


def _headline(study: StudyComparison, comparison: Comparison) -> str:
    run, baseline, difference = comparison.run, study.baseline, comparison.difference
    if difference is None:
        return f"{run} cannot be compared with {baseline}: {comparison.reason}."
    shown = f"{number(difference.mean, sign=True)} return {interval(difference.interval, sign=True)}"
    words = {
        "improved": f"{run} improved on {baseline}: {shown}.",
        "regressed": f"{run} is worse than {baseline}: {shown}.",
        "equivalent": f"{run} is as good as {baseline}, to within {study.criteria.minimum_effect:g}: {shown}.",
        "inconclusive": f"{run} against {baseline} is inconclusive: {shown}.",
        "identical": f"{run} is identical to {baseline}: {comparison.reason}.",
    }
    return words[comparison.verdict]


def to_markdown(study: StudyComparison) -> str:
    """Return ``comparison.md``."""
    lines = ["# Comparison", "", *headlines(study), ""]
    rows = []
    for run in study.scores:
        estimate = stats.mean_with_interval(run.scores_S)
        worst, score = run.worst
        name = f"{run.run} (baseline)" if run.run == study.baseline else run.run
        rows.append(
            [
                name,
                number(estimate.mean),
                interval(estimate.interval),
                f"{number(score)} (seed {worst})",
                str(estimate.n),
            ]
        )
    rows.append(["random policy", number(study.random_return), MISSING, MISSING, MISSING])
    lines += [table(["run", "mean return", "95 % interval", "worst seed", "seeds"], rows), ""]
    lines += [
        f"Scores: mean return of the {study.checkpoint} policy of each training seed over the held-out episodes; intervals over seeds (Student's t).",
        "",
        "![scores](scores.png)",
        "",
        "![learning curves](learning_curves.png)",
        "",
    ]
    judged = sum(comparison.test is not None for comparison in study.comparisons)
    for comparison in study.comparisons:
        lines += [f"## {comparison.run} against {study.baseline}: {comparison.verdict}", ""]
        lines += [f"Because {comparison.reason}.", ""]
        if comparison.difference is not None and comparison.test is not None:
            found = comparison.difference.interval
            relative = "" if comparison.relative is None else f" ({100 * comparison.relative:+.1f} % of the baseline)"
            method = f", {100 * found.level:g} % {found.method}, n = {found.n}" if found else ""
            lines += [
                f"- difference: {number(comparison.difference.mean, sign=True)}{relative}, interval {interval(found, sign=True)}{method}",
                f"- p = {comparison.p_value:.3g} ({comparison.test.method}, two-sided; adjusted for {judged} candidate(s), Holm)",
                f"- P(a seed of {comparison.run} beats one of {study.baseline}) = {comparison.probability_of_improvement:.2f}",
            ]
        if comparison.next_step:
            lines += [f"- what would settle it: {comparison.next_step}"]
        lines += [""]
        if comparison.changes:
            changes = [[key, setting(old), setting(new)] for key, (old, new) in comparison.changes.items()]
            lines += ["What differs:", "", table(["setting", study.baseline, comparison.run], changes, left=3), ""]
        else:
            lines += ["No setting differs.", ""]
    if study.comparisons:
        lines += ["![differences](differences.png)", ""]
    return "\n".join(lines)


def _curve(folder: RunFolder) -> pd.DataFrame:
    path = folder.path / "plots" / "learning_curve.csv"
    if not path.is_file():
        raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    return pd.read_csv(path)
