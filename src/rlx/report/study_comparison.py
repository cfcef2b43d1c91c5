"""Run folders judged together: their scores are read, what would settle an open comparison is said as commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rlx.comparison import Bars, Choice, RunScores, StudyComparison, choice_of, differ_in_effort, judge
from rlx.config import CompareConfig
from rlx.errors import UsageError
from rlx.records import content_of
from rlx.report.run_effort import with_effort
from rlx.report.run_files import evidence_of
from rlx.report.train_commands import seeds_command

if TYPE_CHECKING:
    from rlx.records import RunFolder


def compare_folders(  # noqa: PLR0913
    folders: Sequence[RunFolder],
    baseline: str,
    settings: CompareConfig,
    methods: Mapping[str, Sequence[str]] | None = None,
    *,
    sequential: bool = False,
    effect: float | None = None,
    known: Mapping[str, RunScores] = {},
) -> StudyComparison:
    """Judge run folders against a baseline, each by what its ``judging.yaml`` says.

    Args:
        folders: All runs, the baseline's among them.
        baseline: Its name; with ``methods``, a method's.
        settings: How to judge; its minimum effect and threshold are for runs without a ``judging.yaml``.
        methods: For several environments, the runs of each method.
        sequential: Judge look by look.
        effect: A minimum effect for all of them instead.
        known: Scores that have been read already, by run.

    Raises:
        UsageError: The baseline is not among the runs, or two runs have one name.
        ConfigError: A ``judging.yaml`` cannot be read.
        Missing: A run has no results.
        DataDamaged: A file of a run cannot be read.
    """
    _check_names(folders)
    runs = [known.get(folder.name) or evidence_of(folder, settings.checkpoint) for folder in folders]
    if differ_in_effort(runs):
        runs = [with_effort(run, folder) for run, folder in zip(runs, folders, strict=True)]
    choices = {folder.name: found for folder in folders if (found := _choice(folder))}
    judgings = {folder.name: judging for folder in folders if (judging := folder.judging)}
    judged = judge(runs, baseline, Bars(settings, judgings, effect), methods or {}, sequential=sequential)
    study = with_settling_commands(judged, folders)
    return study if settings.checkpoint == "best" else replace(study, choices=choices)


def _check_names(folders: Sequence[RunFolder]) -> None:
    names = [folder.name for folder in folders]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two different runs are called {twice!r}; rename one of the folders to compare them")


def with_settling_commands(study: StudyComparison, folders: Sequence[RunFolder]) -> StudyComparison:
    """Return the study with the commands that would settle what is open, where the project can make both runs again."""
    by_name, told = {folder.name: folder for folder in folders}, []
    for judged in study.comparisons:
        found = judged
        commands = [
            seeds_command(by_name[run], found.more_seeds) for run in (found.baseline, found.run) if found.more_seeds
        ]
        known = [command for command in commands if command]
        if len(known) == 2:
            both = [by_name[run] for run in (found.baseline, found.run)]
            found = replace(found, command=" && ".join(known), minutes=_minutes(both, found.more_seeds))
        told.append(found)
    return replace(study, comparisons=tuple(told))


def _minutes(folders: Sequence[RunFolder], seeds: Mapping[str, int]) -> float | None:
    """Return how long more seeds of runs would take where they were trained; None where nothing says how long one took.

    It goes by what ``metadata.json`` says of time and cores, so that a comparison is the same wherever it is made.
    """
    total = 0.0
    for folder in folders:
        metadata = content_of(folder.path / "metadata.json") or {}
        rows = [row for row in metadata.get("seeds") or [] if row["status"] == "finished" and row.get("seconds")]
        cores = int((metadata.get("host") or {}).get("cores") or 1)
        if not rows:
            return None
        fresh = seeds["num_seeds"] - (0 if "seed" in seeds else len(rows))
        total += max(0, fresh) * float(np.mean([row["seconds"] for row in rows])) / max(1, min(fresh, cores))
    return total / 60


def compare_metric(
    folders: Sequence[RunFolder], baseline: str, settings: CompareConfig, metric: str, *, sequential: bool = False
) -> StudyComparison:
    """Judge run folders by another number of their held-out episodes than the return.

    The minimum effect and the threshold, which are returns, do not apply; more counts as better.

    Args:
        folders: All runs, the baseline's among them.
        baseline: Its name.
        settings: How to judge.
        metric: A key of :data:`rlx.comparison.UNITS`.
        sequential: Judge look by look.

    Raises:
        UsageError: As :func:`compare_folders`.
        Missing: A run has no results, or its environment does not report success.
        DataDamaged: A file of a run cannot be read.
    """
    _check_names(folders)
    runs = []
    for folder in folders:
        scores = folder.episode_means(settings.checkpoint, metric)
        runs.append(replace(folder.evidence(settings.checkpoint), scores=scores, curves={}, random_return=None))
    plain = settings.model_copy(update={"minimum_effect": 0.0, "threshold": None})
    judged = judge(runs, baseline, Bars(plain), {}, sequential=sequential)
    return replace(with_settling_commands(judged, folders), metric=metric)


def _choice(folder: RunFolder) -> Choice | None:
    """Return what choosing brought; None where a seed has no choice, or its final policy was not validated."""
    summary = folder.evaluation
    best, latest = summary.scores.get("best"), summary.scores.get("latest")
    if best is None or latest is None or set(best.validation) != set(best.seeds) or not best.seeds:
        return None
    return choice_of(best.seeds, best.validation, latest.seeds, folder.final_validation())
