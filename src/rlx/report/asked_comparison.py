"""The comparison that a person asks for: which runs, or which table of scores, against what, judged how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.comparison import Bars, RunScores, StudyComparison, judge
from rlx.config import CompareConfig, Parameters, ReferenceScore, find_root, read_parameters
from rlx.errors import Missing, RlxError, UsageError
from rlx.experiments import find_run
from rlx.report.judged_runs import JudgedRuns, chosen_runs, judge_runs, judge_study, with_outdated
from rlx.report.score_table import read_references, read_score_table
from rlx.report.study_comparison import compare_folders, compare_metric
from rlx.report.sweep_summary import judge_sweep, points_of


@dataclass(frozen=True)
class Asked:
    """What is asked for; None is what the project says.

    Attributes:
        runs: Names as typed; none: the study's, or all of a table.
        baseline: The run, or method, to compare with.
        checkpoint: Which policies: ``latest`` or ``best``.
        metric: A key of :data:`rlx.comparison.UNITS`.
        minimum_effect: Smaller differences in return do not matter.
        looks: Numbers of seeds each, at which is looked.
        sequential: Judge look by look.
        references: A CSV file of the scores that count as 0 and 1.
        normalized: The scores of a table are normalised already.
    """

    runs: Sequence[str] = ()
    baseline: str | None = None
    checkpoint: str | None = None
    metric: str | None = None
    minimum_effect: float | None = None
    looks: list[int] | None = None
    sequential: bool = False
    references: Path | None = None
    normalized: bool = False

    def settings(self, settings: CompareConfig, **changes: Any) -> CompareConfig:
        """Return how to judge, with what is asked for put in."""
        own = {"checkpoint": self.checkpoint, "looks": self.looks}
        return settings.model_copy(update={key: value for key, value in own.items() if value is not None} | changes)


def settings_here() -> tuple[CompareConfig, str]:
    """Return the ``compare`` section of the project that this is called in, and whose it is, in words."""
    try:
        root = find_root()
    except RlxError:
        return CompareConfig(), "the defaults, since this is no project"
    return read_parameters(root).compare, f"compare.* of {root / 'params.yaml'}"


def compare_table(path: Path, asked: Asked, settings: CompareConfig) -> StudyComparison:
    """Judge the runs of a table of scores.

    Args:
        path: A CSV file with columns run, seed, score and, for several tasks, task.
        asked: What is asked for.
        settings: How to judge otherwise; its threshold is a return, and does not apply.

    Raises:
        UsageError: What is asked for does not apply to a table, or it has no such run.
        DataDamaged: The table is none.
    """
    return compare_scores(read_score_table(path), str(path), asked, settings)


def compare_scores(
    table: tuple[Mapping[str, Sequence[str]], Sequence[RunScores]], where: str, asked: Asked, settings: CompareConfig
) -> StudyComparison:
    """Judge the runs of a table of scores that has been read.

    Args:
        table: Methods and runs, as :func:`rlx.report.score_table.scores_in` gives them.
        where: What to call the table in a message.
        asked: As :func:`compare_table`, which raises the same.
        settings: Likewise.
    """
    if asked.references and asked.normalized:
        raise UsageError("--normalized says that the scores need no --references; keep one of the two")
    if asked.checkpoint is not None:
        raise UsageError("--checkpoint does not apply to --scores: the file says which scores")
    if asked.metric not in (None, "return"):
        raise UsageError("--metric does not apply to --scores: the file says which scores")
    methods, found = table
    names = list(methods) or [run.run for run in found]
    chosen = [*asked.runs, *([asked.baseline] if asked.baseline else [])]
    if unknown := next((name for name in chosen if name not in names), None):
        raise UsageError(f"{where}: has no run {unknown!r}; there are: {', '.join(names)}")
    if asked.runs:
        names = chosen
        methods = {name: members for name, members in methods.items() if name in names}
        found = [run for run in found if run.run in names or any(run.run in members for members in methods.values())]
    changes = {} if asked.minimum_effect is None else {"minimum_effect": asked.minimum_effect}
    references = _references(asked, settings, found)
    judged = asked.settings(settings, threshold=None, reference_scores=references, **changes)
    baseline = names[0] if asked.baseline is None else asked.baseline
    return replace(judge(found, baseline, Bars(judged), methods, sequential=asked.sequential), checkpoint=None)


def _references(asked: Asked, settings: CompareConfig, runs: Sequence[RunScores]) -> dict[str, ReferenceScore]:
    """Return the scores that count as 0 and 1 on a table's tasks: those asked for, else the project's, where it has them."""
    tasks = list(dict.fromkeys(str(run.task["environment"]) for run in runs))
    if asked.normalized:
        return {task: ReferenceScore(low=0.0, high=1.0) for task in tasks}
    if asked.references:
        return read_references(asked.references, tasks)
    return {task: found for task, found in settings.reference_scores.items() if task in tasks}


def compare_runs(root: Path, asked: Asked) -> StudyComparison:
    """Judge runs of a project.

    Raises:
        UsageError: What is asked for does not apply to runs.
        Missing: There is no such run or sweep, or it has no results.
    """
    parameters = read_parameters(root)
    if asked.normalized:
        raise UsageError("--normalized is for --scores: returns of a project's runs are not normalised")
    changes = {}
    if asked.references:
        folders = [find_run(root, name) for name in parameters.study.runs]
        known = list(dict.fromkeys(folder.snapshot.config.env.id for folder in folders))
        changes["reference_scores"] = read_references(asked.references, known)
    settings = asked.settings(parameters.compare, **changes)
    if asked.metric not in (None, "return"):
        if asked.minimum_effect is not None:
            raise UsageError("--minimum-effect is in units of return; it does not apply to another --metric")
        folders, against = chosen_runs(root, parameters, asked.runs or parameters.study.runs, asked.baseline)
        return compare_metric(folders, against, settings, str(asked.metric), sequential=asked.sequential)
    how: dict[str, Any] = {"sequential": asked.sequential, "effect": asked.minimum_effect}
    if not asked.runs and (asked.baseline is None or asked.baseline in parameters.study.methods):
        folders = [find_run(root, name) for name in parameters.study.runs]
        against = asked.baseline or parameters.baseline
        return with_outdated(compare_folders(folders, against, settings, parameters.study.methods, **how), folders)
    try:
        folders, against = chosen_runs(root, parameters, asked.runs or parameters.study.runs, asked.baseline)
    except Missing:
        if len(asked.runs) != 1 or not (members := points_of(root, asked.runs[0])):
            raise
        judged = judge_sweep(root, parameters, asked.runs[0], members)
        if judged.study is None:
            raise Missing(f"{asked.runs[0]}: none of its experiments has held-out scores") from None
        folders, against = list(judged.folders.values()), asked.baseline or judged.study.baseline
        settings = settings.model_copy(update={"looks": asked.looks})  # the study's are not a sweep's
    return with_outdated(compare_folders(folders, against, settings, **how), folders)


def judge_asked(root: Path, parameters: Parameters, names: Sequence[str]) -> JudgedRuns:
    """Judge the runs that a person named, those of a sweep, or without a name those of the study.

    Raises:
        Missing: There is no such run or sweep.
        UsageError: A name means several.
    """
    if not names:
        return judge_study(root, parameters)
    try:
        folders, baseline = chosen_runs(root, parameters, names, None)
    except Missing:
        members = points_of(root, names[0]) if len(names) == 1 else []
        if not members:
            raise
        return judge_sweep(root, parameters, names[0], members)
    return judge_runs(folders, baseline, parameters)
