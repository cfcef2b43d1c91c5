"""What runs took: environment steps, gradient steps, time; and what they score at equal environment steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rlx import stats
from rlx.comparison.runs import RunScores

EQUAL = 0.05
"""Budgets that differ by no more than this share of the larger are equal: each is rounded up to whole iterations."""


@dataclass(frozen=True)
class Effort:
    """What a seed of a run took, and what it scores in training where every run has as many steps.

    Attributes:
        run: Its name.
        algorithm: What trained it; None where that is not known.
        family: The algorithm's kind: on-policy, off-policy or evolution; None where that is not known.
        environment_steps: Training budget of a seed.
        gradient_steps: Steps of its optimiser, mean over seeds; None where the algorithm does not tell.
        at_steps: The smallest budget of the runs on its task.
        return_there: Mean return of its training episodes about there, by its learning curves; None where there are none.
        seconds: Seconds of training of a seed, mean over seeds; None where that is not known.
        processor: What it was trained on.
    """

    run: str
    algorithm: str | None
    family: str | None
    environment_steps: int | None
    gradient_steps: int | None
    at_steps: int | None
    return_there: stats.Estimate | None
    seconds: float | None = field(default=None, metadata={"document": False})
    processor: str | None = field(default=None, metadata={"document": False})


def efforts_of(runs: Sequence[RunScores]) -> tuple[Effort, ...]:
    """Return what each run took; nothing where runs have one algorithm and one budget, so that there is nothing to hold together."""
    if not differ_in_effort(runs):
        return ()
    budgets = [run.environment_steps for run in runs if run.environment_steps]
    least = min(budgets, default=None)
    return tuple(
        Effort(
            run.run, run.algorithm, run.family, run.environment_steps, run.gradient_steps, least, _return_at(run, least), run.seconds,
            run.processor,
        )
        for run in runs
    )  # fmt: skip


def differ_in_effort(runs: Sequence[RunScores]) -> bool:
    """Tell whether runs differ in their algorithm or in their budget."""
    return len({run.algorithm for run in runs}) > 1 or any(budgets_differ(runs[0], run) for run in runs)


def budgets_differ(one: RunScores, other: RunScores) -> bool:
    """Tell whether two runs were trained for different numbers of environment steps, beyond what whole iterations round up."""
    budgets = [run.environment_steps for run in (one, other) if run.environment_steps]
    return len(budgets) == 2 and max(budgets) - min(budgets) > EQUAL * max(budgets)


def _return_at(run: RunScores, steps: int | None) -> stats.Estimate | None:
    """Return the mean over seeds of the training return over the tenth of the steps before ``steps``."""
    found = []
    for curve in run.curves.values():
        near = (curve.x_T > 0.9 * (steps or 0)) & (curve.x_T <= (1 + EQUAL) * (steps or 0))
        values = np.asarray(curve.values_T)[near & np.isfinite(curve.values_T)]
        found += [float(values.mean())] if len(values) else []
    return stats.mean_with_interval(np.array(found)) if steps and found else None
