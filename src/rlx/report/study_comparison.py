"""All runs of a study judged together: gathered from run folders, or from a plain table of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rlx import stats
from rlx.comparison import (
    DEFAULT_LOOKS,
    Comparison,
    Criteria,
    Learning,
    Method,
    MethodComparison,
    RunScores,
    compare_methods,
    compare_pairs,
    learning_of,
)
from rlx.config import SHARE, CompareConfig, Judging
from rlx.errors import ConfigError, Missing, UsageError
from rlx.records import content_of
from rlx.report.run_files import evidence_of
from rlx.report.train_commands import seeds_command

if TYPE_CHECKING:
    from rlx.records import RunFolder


UNITS = {"return": "return", "length": "steps per episode", "success": "success rate"}
"""Numbers of a held-out episode that runs can be compared by, and how a difference in them is told."""


@dataclass(frozen=True)
class Choice:
    """What choosing a checkpoint on validation episodes brought.

    Attributes:
        held_out: Mean held-out return of the chosen policies.
        validation: Mean validation return by which they were chosen.
        promised: What they gain on the final policies in validation episodes.
        optimism: What of that gain is not there in held-out episodes, seed by seed, with its interval: how much the choice
            flatters itself. Each gain is measured on one list of episodes, so that one list being easier than the other does
            not enter.
    """

    held_out: stats.Estimate
    validation: float
    promised: float
    optimism: stats.Estimate


@dataclass(frozen=True)
class StudyComparison:
    """Runs judged together.

    Attributes:
        baseline: The run, or method, that the others are compared with.
        checkpoint: Which policies are judged; None for scores from elsewhere.
        criteria: How they are.
        scores: Every run's scores, best mean first (of several environments: environment by environment).
        comparisons: One per candidate, in the order given.
        learning: How fast each run learns, where its curves are known or a threshold is given.
        choices: What ``best`` checkpoints score, where ``latest`` ones are judged.
        threshold: The return that counts as solved on the baseline's environment.
        methods: Over several environments: the methods, best first; empty otherwise.
        groups: For these, the runs of each.
        references: The returns that count as 0 and 1 on environments where they are given.
        left_out: Environments that some method has no run on.
        metric: What is compared: a key of :data:`UNITS`.
    """

    baseline: str
    checkpoint: str | None
    criteria: Criteria
    scores: tuple[RunScores, ...]
    comparisons: tuple[Comparison, ...]
    learning: tuple[Learning, ...] = ()
    choices: Mapping[str, Choice] = field(default_factory=dict)
    threshold: float | None = None
    methods: tuple[MethodComparison, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    metric: str = "return"

    @property
    def random_returns(self) -> dict[str, float]:
        """Mean return of random actions on each run's task, where it is known."""
        return {run.run: run.random_return for run in self.scores if run.random_return is not None}

    @property
    def baselines(self) -> set[str]:
        """The runs that others are compared with."""
        return {comparison.baseline for comparison in self.comparisons} or {self.baseline}


@dataclass(frozen=True)
class Bars:
    """Which differences matter and which return counts as solved, run by run.

    Attributes:
        settings: ``params.yaml``'s, for runs that do not know.
        runs: By what each run is judged, where that is known.
        asked: The minimum effect that was asked for at the command, for all.
    """

    settings: CompareConfig
    runs: Mapping[str, Judging] = field(default_factory=dict)
    asked: float | None = None

    def threshold(self, baseline: RunScores, run: RunScores) -> float | None:
        """Return the return that counts as solved."""
        found = self._judging(baseline, run, "compare.threshold")
        return found.threshold if found else self.settings.threshold

    def criteria(self, baseline: RunScores, run: RunScores, looks: tuple[int, ...] | None) -> Criteria:
        """Return how a run is judged against its baseline.

        Where nobody says which differences matter, those below 2 % of the way from random actions to the threshold (or
        to the baseline's mean) do not; two digits of that are enough.
        """
        found = self._judging(baseline, run, "compare.minimum_effect")
        effect = self.settings.minimum_effect if found is None else found.minimum_effect
        effect = effect if self.asked is None else self.asked
        if effect is not None:
            return Criteria(self.settings.alpha, effect, looks, fragility=self.settings.fragility)
        threshold, random_return = self.threshold(baseline, run), baseline.random_return
        if random_return is None or not baseline.scores:
            return Criteria(self.settings.alpha, 0.0, looks, fragility=self.settings.fragility)
        goal = float(baseline.scores_S.mean()) if threshold is None else threshold
        effect, fragility = float(f"{SHARE * abs(goal - random_return):.2g}"), self.settings.fragility
        return Criteria(self.settings.alpha, effect, looks, derived=True, fragility=fragility)

    def _judging(self, baseline: RunScores, run: RunScores, key: str) -> Judging | None:
        """Return whose word counts: the run's own files', else its baseline's, else that of either on ``params.yaml``."""
        both = [found for one in (run, baseline) if (found := self.runs.get(one.run))]
        return next((found for found in both if key in found.own), both[0] if both else None)


def looks_of(settings: CompareConfig, *, sequential: bool = False) -> tuple[int, ...] | None:
    """Return when ``params.yaml`` wants runs to be looked at; ``sequential`` asks for looks where it plans none."""
    return tuple(settings.looks) if settings.looks else DEFAULT_LOOKS if sequential else None


def compare_folders(  # noqa: PLR0913
    folders: Sequence[RunFolder],
    baseline: str,
    settings: CompareConfig,
    methods: Mapping[str, Sequence[str]] | None = None,
    *,
    sequential: bool = False,
    effect: float | None = None,
) -> StudyComparison:
    """Judge run folders against a baseline, each by what its ``judging.yaml`` says.

    Args:
        folders: All runs, the baseline's among them.
        baseline: Its name; with ``methods``, a method's.
        settings: How to judge; its minimum effect and threshold are for runs without a ``judging.yaml``.
        methods: For several environments, the runs of each method.
        sequential: Judge look by look.
        effect: A minimum effect for all of them instead.

    Raises:
        UsageError: The baseline is not among the runs, or two runs have one name.
        ConfigError: A ``judging.yaml`` cannot be read.
        Missing: A run has no results.
        DataDamaged: A file of a run cannot be read.
    """
    _check_names(folders)
    runs = [evidence_of(folder, settings.checkpoint) for folder in folders]
    choices = {folder.name: found for folder in folders if (found := _choice(folder))}
    judgings = {folder.name: judging for folder in folders if (judging := folder.judging)}
    judged = judge(runs, baseline, Bars(settings, judgings, effect), methods or {}, sequential=sequential)
    study = with_commands(judged, folders)
    return study if settings.checkpoint == "best" else replace(study, choices=choices)


def _check_names(folders: Sequence[RunFolder]) -> None:
    names = [folder.name for folder in folders]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two different runs are called {twice!r}; rename one of the folders to compare them")


def with_commands(study: StudyComparison, folders: Sequence[RunFolder]) -> StudyComparison:
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
        metric: A key of :data:`UNITS`.
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
    return replace(with_commands(judged, folders), metric=metric)


def judge(
    runs: Sequence[RunScores],
    baseline: str,
    bars: Bars,
    methods: Mapping[str, Sequence[str]],
    *,
    sequential: bool = False,
) -> StudyComparison:
    """Judge runs that were gathered already; see :func:`compare_folders`.

    Raises:
        UsageError: The baseline is not among the runs or methods.
    """
    by_name, settings = {run.run: run for run in runs}, bars.settings
    looks = looks_of(settings, sequential=sequential)
    groups = {name: [by_name[run] for run in members if run in by_name] for name, members in methods.items()}
    known = groups or by_name
    if baseline not in known:
        raise UsageError(
            f"baseline {baseline!r} is not among the {'methods' if groups else 'runs'}: {', '.join(known)}"
        )
    if any(not run.scores for run in runs):
        raise Missing(f"{next(run.run for run in runs if not run.scores)} has no scores")
    bases = groups[baseline] if groups else [by_name[baseline]]
    partners = {run.run: _partner(run, bases) for run in runs if run not in bases}
    families = list(groups.values()) if groups else [list(runs)]
    comparisons = []
    for family in families:  # a method's verdicts do not depend on which other methods there are
        pairs = [(partners[run.run], run) for run in family if run.run in partners]
        comparisons += compare_pairs(pairs, [bars.criteria(*pair, looks) for pair in pairs])
    comparable = {comparison.run for comparison in comparisons if comparison.difference is not None}
    solved = {run.run: bars.threshold(_base_on(run, bases), run) for run in runs}
    learning = [
        learning_of(run, partners[run.run] if run.run in comparable else None, solved[run.run])
        for run in runs
        if run.curves or solved[run.run] is not None
    ]
    tasks = list(dict.fromkeys(task_name(run) for run in runs))
    ranked = sorted(runs, key=lambda run: (tasks.index(task_name(run)), -float(run.scores_S.mean())))
    judged_methods, references = _methods(groups, baseline, settings, Criteria(settings.alpha, looks=looks))
    return StudyComparison(
        baseline,
        settings.checkpoint,
        _common(comparisons, bars.criteria(bases[0], bases[0], looks)),
        tuple(ranked),
        tuple(comparisons),
        tuple(learning),
        threshold=solved[bases[0].run],
        methods=judged_methods,
        groups={name: tuple(run.run for run in members) for name, members in groups.items()},
        references=references,
        left_out=tuple(
            task for task in tasks if any(task not in map(task_name, members) for members in groups.values())
        ),
    )


def _common(comparisons: Sequence[Comparison], own: Criteria) -> Criteria:
    """Return how all were judged: with the minimum effect that they share, or else the baseline's own."""
    bars = {(found.minimum_effect, found.derived) for found in comparisons if found.difference is not None}
    effect, derived = bars.pop() if len(bars) == 1 else (own.minimum_effect, own.derived)
    return replace(own, minimum_effect=effect, derived=derived)


def _base_on(run: RunScores, bases: Sequence[RunScores]) -> RunScores:
    """Return the baseline's run on the same task; where there is none the run itself, judged on its own environment."""
    return next((base for base in bases if task_name(base) == task_name(run)), run)


def task_name(run: RunScores) -> str:
    """Return what to call a run's task: its environment, with arguments where there are some."""
    name, arguments = str(run.task.get("environment", "scores")), run.task.get("environment_kwargs") or {}
    return f"{name} {arguments}" if arguments else name


def _partner(run: RunScores, bases: Sequence[RunScores]) -> RunScores:
    """Return the baseline's run on the same task, or its first, with which it then cannot be compared."""
    return next((base for base in bases if task_name(base) == task_name(run)), bases[0])


def _methods(
    groups: Mapping[str, Sequence[RunScores]],
    baseline: str,
    settings: CompareConfig,
    criteria: Criteria,
) -> tuple[tuple[MethodComparison, ...], dict[str, tuple[float, float]]]:
    """Judge methods over the tasks that every one of them has a run on; nothing with fewer than two such tasks."""
    methods = []
    for name, runs in groups.items():
        tasks = [task_name(run) for run in runs]
        if twice := next((task for task in tasks if tasks.count(task) > 1), None):
            raise ConfigError(f"study.methods.{name} has two runs on {twice}; keep one")
        methods.append(Method(name, dict(zip(tasks, runs, strict=True))))
    if len(methods) < 2:
        return (), {}
    base = next(method for method in methods if method.name == baseline)
    shared = [task for task in base.runs if any(task in method.runs for method in methods if method is not base)]
    if len(shared) < 2:
        return (), {}
    environments = {str(run.task.get("environment")) for run in base.runs.values()}
    if unknown := sorted(set(settings.reference_scores) - environments):
        known = ", ".join(sorted(environments))
        raise ConfigError(f"compare.reference_scores: no run is on {unknown[0]!r}; there are: {known}")
    given = ((task, _reference(base.runs[task], settings)) for task in shared)
    references = {task: scale for task, scale in given if scale is not None}
    found = compare_methods(methods, baseline, references, criteria)
    if all(method.verdict in (None, "not comparable") for method in found):
        return (), {}
    return tuple(found), references


def _reference(baseline: RunScores, settings: CompareConfig) -> tuple[float, float] | None:
    """Return the returns that count as 0 and 1 on a task, where both are given; random actions count as 0 where only 1 is.

    Raises:
        ConfigError: They are not in order.
    """
    given = settings.reference_scores.get(str(baseline.task.get("environment")))
    if given is None or given.high is None:
        return None
    low = baseline.random_return if given.low is None else given.low
    if low is None:
        return None
    if not given.high > low:
        raise ConfigError(
            f"compare.reference_scores.{task_name(baseline)}: high ({given.high:g}) is not above low ({low:g}); give both"
        )
    return float(low), float(given.high)


def _choice(folder: RunFolder) -> Choice | None:
    """Return what choosing brought; None where a seed has no choice, or its final policy was not validated."""
    summary = folder.evaluation
    best, latest = summary.scores.get("best"), summary.scores.get("latest")
    if best is None or latest is None or set(best.validation) != set(best.seeds) or not best.seeds:
        return None
    final = folder.final_validation()
    seeds = sorted(best.seeds)
    if not set(seeds) <= set(final) or not set(seeds) <= set(latest.seeds):
        return None
    chosen = np.array([best.validation[seed] for seed in seeds])
    held_out = np.array([best.seeds[seed] for seed in seeds])
    promised = chosen - np.array([final[seed] for seed in seeds])
    kept = held_out - np.array([latest.seeds[seed] for seed in seeds])
    optimism = stats.mean_of_differences(promised, kept)
    return Choice(stats.mean_with_interval(held_out), float(chosen.mean()), float(promised.mean()), optimism)
