"""``analysis/compare/``: a comparison as JSON, CSV, Markdown and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rlx import stats
from rlx.comparison import MethodComparison, StudyComparison, task_name
from rlx.config import write_json, write_text
from rlx.errors import Missing
from rlx.records import RunFolder
from rlx.report.comparison_pictures import curves_of, pictures
from rlx.report.comparison_words import comparison_markdown, headlines

FORMAT = 2


def write_comparison(target: Path, study: StudyComparison, folders: Sequence[RunFolder]) -> None:
    """Write everything a comparison consists of into ``target``.

    Raises:
        Missing: A run has no learning curve.
    """
    from rlx.report import plots

    for folder in folders:
        if not (folder.path / "plots" / "learning_curve.csv").exists():
            path = folder.path / "plots" / "learning_curve.csv"
            raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    write_json(target / "summary.json", metrics_of(study))
    write_json(target / "comparison.json", comparison_data(study))
    write_text(target / "comparison.md", comparison_markdown(study))
    order = sorted((folder.name for folder in folders), key=lambda name: name not in study.baselines)
    curves = curves_of(study, order)
    together = pd.concat([curve.assign(run=run) for run, curve in curves.items()], ignore_index=True)
    _write_csv(target / "learning_curves.csv", together[["run", "step", "seed", "return_mean"]])
    rows = [
        {"run": run.run, "seed": seed, "return_mean": score}
        for run in study.scores
        for seed, score in run.scores.items()
    ]
    _write_csv(target / "scores.csv", pd.DataFrame(rows))
    for name, figure in pictures(study, order):
        plots.save(figure, target / f"{name}.png")


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


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


def comparison_data(study: StudyComparison) -> dict[str, Any]:
    """Return the whole comparison as plain values, as ``docs/files.md`` describes them.

    How long seeds took is left out: the same seeds, trained again, give the same ``comparison.json``.
    """
    untimed = replace(study, comparisons=tuple(replace(found, minutes=None) for found in study.comparisons))
    runs = []
    for run in study.scores:
        worst, score = run.worst
        runs.append(
            {
                "run": run.run,
                "task": task_name(run),
                **plain(stats.describe(run.scores_S)),
                "worst_seed": {"seed": worst, "return_mean": score},
                "success": None if run.success is None else {"successes": run.success[0], "episodes": run.success[1]},
                "random_return": study.random_returns.get(run.run),
                "environment_steps": run.environment_steps,
                "seeds": {str(seed): value for seed, value in run.scores.items()},
            }
        )
    return {
        "format": FORMAT,
        "headline": headlines(untimed),
        "baseline": study.baseline,
        "checkpoint": study.checkpoint,
        **({} if study.metric == "return" else {"metric": study.metric}),
        "criteria": plain(study.criteria),
        "runs": runs,
        "comparisons": plain(study.comparisons),
        "learning": {"threshold": study.threshold, "runs": plain(study.learning)},
        "best_checkpoints": plain(study.choices),
        "methods": [_method(method) for method in study.methods],
        "references": {task: {"low": low, "high": high} for task, (low, high) in study.references.items()},
    }


def _method(method: MethodComparison) -> dict[str, Any]:
    """Return a method as plain values; its chance to improve is a number, and the estimate with the interval beside it."""
    chance = method.probability_of_improvement
    return {**plain(method), "probability_of_improvement": chance and chance.mean, "improvement": plain(chance)}


def plain(value: Any) -> Any:
    """Return dataclasses, arrays and mappings as what JSON holds; what is not a finite number becomes null.

    Fields of a dataclass that a clock decides are left out: no document depends on how fast a machine is.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value) if not each.metadata.get("clock")}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
