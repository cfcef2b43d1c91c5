"""The pictures of a comparison, drawn one by one: for ``analysis/compare/`` and for the page alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx import stats
from rlx.comparison import StudyComparison, task_name

if TYPE_CHECKING:
    import pandas as pd

PROFILE_POINTS = 81

PICTURES = ("learning_curves", "scores", "differences", "profiles")


def pictures(
    study: StudyComparison, runs: Sequence[str], wanted: Collection[str] = PICTURES
) -> Iterator[tuple[str, Any]]:
    """Yield the pictures of a comparison: a name and a matplotlib figure each, drawn when it is asked for.

    Args:
        study: The comparison.
        runs: Its runs, in the order that gives each its colour.
        wanted: Which of :data:`PICTURES`.
    """
    from rlx.report import plots

    colours = {name: plots.colour_of(index) for index, name in enumerate(runs)}
    tasks = {run.run: task_name(run) for run in study.scores}
    if "learning_curves" in wanted:
        yield "learning_curves", plots.learning_curves(curves_of(study, runs), tasks, study.random_returns, colours)
    if "scores" in wanted:
        scores = plots.final_scores(study.scores, tasks, study.random_returns, str(study.checkpoint), colours)
        yield "scores", scores
    if "differences" in wanted:
        yield "differences", plots.differences(study.comparisons, colours)
    if "profiles" in wanted:
        named = {method.method: plots.colour_of(index) for index, method in enumerate(study.methods)}
        score = "normalised score" if study.methods else f"held-out return of the {study.checkpoint} policy"
        yield "profiles", plots.profiles(_profiles(study), colours | named, score)


def curves_of(study: StudyComparison, runs: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the learning curves of each run as tables of step, seed and return."""
    import pandas as pd

    columns = ["step", "seed", "return_mean"]
    by_name = {run.run: run for run in study.scores}
    found = {}
    for name in runs:
        parts = [
            pd.DataFrame({"step": curve.x_T, "seed": seed, "return_mean": curve.values_T})
            for seed, curve in by_name[name].curves.items()
        ]
        found[name] = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return found


def _profiles(study: StudyComparison) -> dict[str, dict[str, stats.Profile]]:
    """Return performance profiles: of the methods over all tasks, or else of the runs on each task."""
    if study.methods and all(method.profile is not None for method in study.methods):
        over = f"over {len(study.references)} environments"
        return {over: {method.method: method.profile for method in study.methods if method.profile is not None}}
    found: dict[str, dict[str, stats.Profile]] = {}
    for task in dict.fromkeys(task_name(run) for run in study.scores):
        runs = [run for run in study.scores if task_name(run) == task]
        everything = np.concatenate([run.scores_S for run in runs])
        margin = 0.05 * (float(np.ptp(everything)) or 1.0)
        thresholds = np.linspace(everything.min() - margin, everything.max() + margin, PROFILE_POINTS)
        found[task] = {run.run: stats.performance_profile([run.scores_S], thresholds) for run in runs}
    return found
