"""``analysis/compare/``: a comparison as JSON, CSV, Markdown and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlx import stats
from rlx.comparison import (
    Choice,
    Comparison,
    Criteria,
    Effort,
    Learning,
    MethodComparison,
    RunScores,
    StudyComparison,
    task_name,
)
from rlx.config import write_json, write_text
from rlx.errors import Missing
from rlx.records import RunFolder
from rlx.report.analysis import SeedScore
from rlx.report.comparison_pictures import curves_of, pictures
from rlx.report.comparison_words import comparison_markdown, headlines
from rlx.report.document import to_json
from rlx.report.run_files import read_curves

if TYPE_CHECKING:  # takes a fifth of a second, and only the stage writes tables
    import pandas as pd

FORMAT: Literal[2] = 2


def write_comparison(target: Path, study: StudyComparison, folders: Sequence[RunFolder]) -> None:
    """Write everything a comparison consists of into ``target``.

    Raises:
        Missing: A run has no learning curve.
    """
    import pandas as pd

    from rlx.report import plots

    for folder in folders:
        if read_curves(folder) is None:
            path = folder.path / "analysis.json"
            raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    write_json(target / "summary.json", metrics_of(study))
    write_json(target / "comparison.json", to_json(compared(study)))
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
        plots.save_figure(figure, target / f"{name}.png")


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


@dataclass(frozen=True)
class Successes:
    """Episodes that succeeded.

    Attributes:
        successes: How many did.
        episodes: Of how many.
    """

    successes: int
    episodes: int


@dataclass(frozen=True)
class _Named:
    """Whose scores these are.

    Attributes:
        run: Its name.
        task: Its environment.
    """

    run: str
    task: str


@dataclass(frozen=True)
class ComparedRun(stats.Description, _Named):
    """A run's scores.

    Attributes:
        worst_seed: The worst seed.
        success: Successful episodes, where the environment reports success.
        random_return: Mean return of random actions.
        environment_steps: Per seed.
        seeds: Score of each seed.
    """

    worst_seed: SeedScore
    success: Successes | None
    random_return: float | None
    environment_steps: int | None
    seeds: Mapping[int, float]


@dataclass(frozen=True)
class SampleEfficiency:
    """How fast the runs learn.

    Attributes:
        threshold: The return that counts as solved.
        runs: Each of them.
    """

    threshold: float | None
    runs: Sequence[Learning]


@dataclass(frozen=True)
class ReferenceReturns:
    """The returns that normalised scores are made by.

    Attributes:
        low: What counts as 0.
        high: What counts as 1.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """`rlx compare --json`, and `analysis/compare/comparison.json`.

    Attributes:
        format: Version of this schema.
        headline: Sentences to repeat.
        baseline: The run, or method, that the others are compared with.
        checkpoint: Which policies; None for ``--scores``.
        metric: What is compared; left out where it is the return.
        criteria: How the runs are judged; the minimum effect is that of all verdicts, or else the baseline's own.
        runs: Best mean first.
        comparisons: One per candidate.
        learning: How fast each run learns.
        best_checkpoints: What ``best`` checkpoints promised on validation episodes, and hold, by run.
        methods: Over several environments: each method's verdict.
        efforts: What each run took; left out where algorithms and budgets do not differ.
        references: For these: the returns that count as 0 and 1 on each environment.
    """

    format: Literal[2]
    headline: Sequence[str]
    baseline: str
    checkpoint: str | None
    metric: str = field(kw_only=True, default="return", metadata={"unless": "return"})
    criteria: Criteria
    runs: Sequence[ComparedRun]
    comparisons: Sequence[Comparison]
    learning: SampleEfficiency
    best_checkpoints: Mapping[str, Choice]
    methods: Sequence[MethodComparison]
    efforts: Sequence[Effort] = field(kw_only=True, default=(), metadata={"unless": ()})
    references: Mapping[str, ReferenceReturns]


def compared(study: StudyComparison) -> Compared:
    """Return the whole comparison as its document.

    How long seeds took is left out: the same seeds, trained again, give the same ``comparison.json``.
    """
    untimed = replace(study, comparisons=tuple(replace(found, minutes=None) for found in study.comparisons))
    return Compared(
        format=FORMAT,
        headline=headlines(untimed),
        baseline=study.baseline,
        checkpoint=study.checkpoint,
        metric=study.metric,
        criteria=study.criteria,
        runs=[_compared_run(run, study.random_returns.get(run.run)) for run in study.scores],
        comparisons=study.comparisons,
        learning=SampleEfficiency(study.threshold, study.learning),
        best_checkpoints=study.choices,
        methods=study.methods,
        efforts=study.efforts,
        references={task: ReferenceReturns(low, high) for task, (low, high) in study.references.items()},
    )


def _compared_run(run: RunScores, random_return: float | None) -> ComparedRun:
    return ComparedRun(
        run=run.run,
        task=task_name(run),
        **vars(stats.describe(run.scores_S)),
        worst_seed=SeedScore(*run.worst),
        success=None if run.success is None else Successes(*run.success),
        random_return=random_return,
        environment_steps=run.environment_steps,
        seeds=run.scores,
    )
