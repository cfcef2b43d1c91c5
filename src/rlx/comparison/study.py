"""All runs of a study judged together: scores and settings in, verdicts out; where the scores come from is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rlx import stats
from rlx.comparison.bars import Bars, looks_of
from rlx.comparison.case import Comparison, Criteria
from rlx.comparison.effort import Effort, efforts_of
from rlx.comparison.learning import Learning, learning_of
from rlx.comparison.method_study import judge_methods
from rlx.comparison.methods import MethodComparison
from rlx.comparison.runs import RunScores, task_name
from rlx.comparison.verdicts import compare_pairs
from rlx.errors import Missing, UsageError

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
        efforts: What each run took, where their algorithms or budgets differ; empty otherwise, and of several environments.
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
    efforts: tuple[Effort, ...] = ()

    @property
    def random_returns(self) -> dict[str, float]:
        """Mean return of random actions on each run's task, where it is known."""
        return {run.run: run.random_return for run in self.scores if run.random_return is not None}

    @property
    def baselines(self) -> set[str]:
        """The runs that others are compared with."""
        return {comparison.baseline for comparison in self.comparisons} or {self.baseline}

    def warned(self, told: Mapping[str, str]) -> StudyComparison:
        """Return the study in which every comparison of these runs begins its warnings with what is told of them."""
        comparisons = []
        for found in self.comparisons:
            beware = [told[run] for run in (found.baseline, found.run) if run in told]
            comparisons.append(replace(found, warnings=(*beware, *found.warnings)))
        return replace(self, comparisons=tuple(comparisons))

    def without_verdicts(self, baseline: str) -> StudyComparison:
        """Return the scores alone, of a study whose baseline has none."""
        unjudged = tuple(replace(found, difference=None) for found in self.learning)
        return replace(self, baseline=baseline, comparisons=(), learning=unjudged)


def choice_of(
    held_out: Mapping[int, float],
    validation: Mapping[int, float],
    latest: Mapping[int, float],
    final: Mapping[int, float],
) -> Choice | None:
    """Return what choosing brought; None where a seed has no choice, or its final policy was not validated.

    Args:
        held_out: By seed, the mean held-out return of the policy that was chosen.
        validation: Its mean validation return, by which it was.
        latest: The mean held-out return of the final policy.
        final: Its mean validation return.
    """
    seeds = sorted(held_out)
    if not seeds or set(validation) != set(seeds) or not set(seeds) <= set(final) or not set(seeds) <= set(latest):
        return None
    promised_S = np.array([validation[seed] - final[seed] for seed in seeds])
    kept_S = np.array([held_out[seed] - latest[seed] for seed in seeds])
    chosen_S = np.array([validation[seed] for seed in seeds])
    optimism = stats.mean_of_differences(promised_S, kept_S)
    own = stats.mean_with_interval(np.array([held_out[seed] for seed in seeds]))
    return Choice(own, float(chosen_S.mean()), float(promised_S.mean()), optimism)


def judge(
    runs: Sequence[RunScores],
    baseline: str,
    bars: Bars,
    methods: Mapping[str, Sequence[str]],
    *,
    sequential: bool = False,
) -> StudyComparison:
    """Judge runs against a baseline, all of them corrected together.

    Args:
        runs: The scores of all runs, the baseline's among them.
        baseline: Its name; with ``methods``, a method's.
        bars: How to judge.
        methods: For several environments, the runs of each method.
        sequential: Judge look by look.

    Raises:
        UsageError: The baseline is not among the runs or methods.
        Missing: A run has no scores.
        ConfigError: As :func:`judge_methods`.
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
    judged_methods, references = judge_methods(groups, baseline, settings, Criteria(settings.alpha, looks=looks))
    return StudyComparison(
        baseline,
        settings.checkpoint,
        _common(comparisons, bars.criteria(bases[0], bases[0], looks)),
        tuple(ranked),
        tuple(comparisons),
        tuple(learning),
        threshold=solved[bases[0].run],
        efforts=efforts_of(ranked) if len(tasks) == 1 else (),
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


def _partner(run: RunScores, bases: Sequence[RunScores]) -> RunScores:
    """Return the baseline's run on the same task, or its first, with which it then cannot be compared."""
    return next((base for base in bases if task_name(base) == task_name(run)), bases[0])
