"""Which runs can be judged, against which baseline, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlx.comparison import Comparison, RunScores, StudyComparison
from rlx.config import Parameters, check_unchanged, compose_run
from rlx.errors import ConfigError, Missing, RlxError
from rlx.experiments import Row, find_run, folder_row
from rlx.records import RunFolder
from rlx.report.comparison_words import headlines
from rlx.report.run_files import evidence_of
from rlx.report.study_comparison import compare_folders

STATES = {
    "running": "is still running",
    "evaluating": "is being evaluated",
    "filming": "is being filmed",
    "analysing": "is being analysed",
    "stopped": "was stopped",
    "failed": "failed",
    "resolved": "is not trained yet",
    "unreadable": "cannot be read",
    "elsewhere": "has its results elsewhere",
}


AFTER_SCORES = ("filming", "analysing")
"""What is made of a run when it has its scores already."""


@dataclass(frozen=True)
class JudgedRuns:
    """Runs that were asked for: those with results, judged, and the others.

    Attributes:
        study: Those with results; without comparisons where their baseline has none. None where no run has any.
        headlines: The verdicts in sentences, or why there are none.
        folders: The runs with results.
        without: Why each other run has none, as the end of a sentence that begins with its name, with the cure.
        others: The folders of those other runs that have one.
    """

    study: StudyComparison | None
    headlines: list[str]
    folders: Mapping[str, RunFolder]
    without: Mapping[str, str]
    others: Mapping[str, RunFolder] = field(default_factory=dict)

    def comparison(self, run: str) -> Comparison | None:
        """Return the verdict on a run; None where there is none."""
        found = self.study.comparisons if self.study else ()
        return next((comparison for comparison in found if comparison.run == run), None)


def chosen_runs(
    root: Path, parameters: Parameters, names: Sequence[str], baseline: str | None
) -> tuple[list[RunFolder], str]:
    """Return the runs that a person named, and the one among them that the others are compared with.

    Args:
        root: The project.
        parameters: Its ``params.yaml``.
        names: What was typed; one run alone is joined by the study's baseline.
        baseline: The run to compare with, where that was said; by default the study's if it is among them, else the
            first.

    Raises:
        Missing: There is no such run.
        UsageError: A name means several.
    """
    folders = [find_run(root, name) for name in dict.fromkeys(names)]
    chosen = find_run(root, baseline) if baseline else None
    if len(folders) == 1 and baseline is None and parameters.baseline in parameters.study.runs:
        chosen = _baseline_for(root, folders[0], parameters.baseline)
    if chosen is None:
        chosen = next((folder for folder in folders if folder.name == parameters.baseline), folders[0])
    if chosen.path not in [folder.path for folder in folders]:
        folders.insert(0, chosen)
    return folders, chosen.name


def _baseline_for(root: Path, folder: RunFolder, baseline: str) -> RunFolder:
    """Return the study's baseline, which nobody named, for a run that was named alone."""
    try:
        return find_run(root, baseline)
    except Missing:
        raise Missing(
            f"{folder.name} alone is compared with {baseline}, the study's baseline (params.yaml), which has no results here: "
            "`dvc repro` makes them; or name another run to compare with"
        ) from None


def judge_study(root: Path, parameters: Parameters) -> JudgedRuns:
    """Judge the runs of the study that have results; what is wrong with the others hides none of them."""
    folders, without = [], {}
    for name in parameters.study.runs:
        try:
            folders.append(find_run(root, name))
        except Missing:
            without[name] = "has not been made yet; `dvc repro` makes it"
    judged = judge_runs(folders, parameters.baseline, parameters, parameters.study.methods)
    return replace(judged, without={**without, **judged.without})


def judge_runs(
    folders: Sequence[RunFolder],
    baseline: str,
    parameters: Parameters,
    methods: Mapping[str, Sequence[str]] | None = None,
) -> JudgedRuns:
    """Judge the runs that have results against a baseline, corrected together.

    Args:
        folders: The runs, the baseline's among them.
        baseline: Its name; with ``methods``, a method's.
        parameters: How to judge.
        methods: For several environments, the runs of each method.
    """
    read = {folder.name: scores_or_why_not(folder, parameters) for folder in folders}
    without = {name: found for name, found in read.items() if isinstance(found, str)}
    scores = {name: found for name, found in read.items() if not isinstance(found, str)}
    sound = {folder.name: folder for folder in folders if folder.name not in without}
    others = {folder.name: folder for folder in folders if folder.name in without}
    groups = {name: here for name, runs in (methods or {}).items() if (here := [run for run in runs if run in sound])}
    if not sound:
        return JudgedRuns(None, ["No run has held-out scores yet."], {}, without, others)
    if baseline in (groups or sound):
        study = compare_folders(list(sound.values()), baseline, parameters.compare, groups, known=scores)
        study = with_outdated(study, list(sound.values()))
        return JudgedRuns(study, headlines(study), sound, without, others)
    study = compare_folders(list(sound.values()), next(iter(sound)), parameters.compare, known=scores)
    line = f"There is no verdict: the baseline {baseline} {without.get(baseline, 'has no held-out scores here')}."
    return JudgedRuns(study.without_verdicts(baseline), [line], sound, without, others)


def with_outdated(study: StudyComparison, folders: Sequence[RunFolder]) -> StudyComparison:
    """Return a study in which every comparison of a run whose results are out of date says so."""
    return study.warned({folder.name: told for folder in folders if (told := outdated(folder))})


def outdated(folder: RunFolder) -> str | None:
    """Return that a run of the workspace is of another configuration or code than there is now; None where it is not."""
    root, run = folder.path.parent.parent, folder.path.name
    if (
        folder.origin is not None
        or folder.path.parent.name != "runs"
        or not (root / "configs" / f"{run}.yaml").is_file()
    ):
        return None
    why = "params.yaml or its config says otherwise now"
    try:
        snapshot = folder.snapshot
        if replace(snapshot, config=compose_run(root, run).config) == snapshot:
            why = "code that it was made with has changed"
            check_unchanged(root, snapshot.code.files)
            return None
    except ConfigError:
        pass  # what cannot be composed is not what the run was made from
    except RlxError:
        return None
    return f"{folder.name} is out of date: {why} (`dvc repro` makes it anew)"


def scores_or_why_not(folder: RunFolder, parameters: Parameters) -> RunScores | str:
    """Return the scores by which a run is judged; where it has none, why, with the cure, as the end of a sentence.

    Scores in the folder of a run that is not finished are those of an earlier training: evaluation comes after.
    """
    row = folder_row(folder.path) if folder.origin is None else None
    scored = row is None or row.status == "finished" or (row.status in AFTER_SCORES and row.return_mean is not None)
    if row is not None and not scored:
        return state(replace(row, id=folder.name), parameters)
    try:
        return evidence_of(folder, parameters.compare.checkpoint)
    except RlxError as error:
        return f"has no scores: {error}" if folder.is_evaluated else "is trained, but not evaluated yet"


def state(row: Row, parameters: Parameters) -> str:
    """Return how an unfinished run is, as the end of a sentence that begins with its name, with the cure."""
    untrained = row.status == "resolved" and row.id in parameters.study.runs
    cure = row.problem or ("`dvc repro` trains it" if untrained else "")
    return STATES.get(row.status, f"is {row.status}") + (f"; {cure}" if cure else "")


def baseline_of(root: Path, parameters: Parameters, folder: RunFolder) -> RunFolder | None:
    """Return the study's baseline on a run's environment; None where it has no scores on it."""
    members = parameters.study.methods.get(parameters.baseline, [parameters.baseline])
    environment = folder.snapshot.config.env.id
    for base in (RunFolder(root / "runs" / run) for run in members):
        if _environment(base) == environment and not isinstance(scores_or_why_not(base, parameters), str):
            return base
    return None


def _environment(folder: RunFolder) -> str | None:
    try:
        return folder.snapshot.config.env.id
    except RlxError:
        return None
