"""The table of what runs took, where their algorithms or budgets differ."""

from __future__ import annotations

from collections.abc import Iterator

from rlx.comparison import StudyComparison
from rlx.launch import shown_duration
from rlx.stats import MISSING, Grid, interval, number


def efforts_grids(study: StudyComparison, *, timed: bool) -> Iterator[Grid]:
    """Yield the table of what runs took, where their algorithms or budgets differ.

    Args:
        study: Of the runs.
        timed: With what a clock and a machine decide.
    """
    if not study.efforts:
        return
    least = study.efforts[0].at_steps
    head = ["run", "algorithm", "steps", "gradient steps", *(["time"] if timed else [])]
    head += ["training return" if least is None else f"return at {least:,}", "95 % interval"]
    rows = []
    for found in study.efforts:
        there = found.return_there
        texts = [found.run, found.algorithm or MISSING, _count(found.environment_steps), _count(found.gradient_steps)]
        if timed:
            texts.append(MISSING if found.seconds is None else shown_duration(found.seconds))
        rows.append([*texts, number(there.mean if there else None), interval(there.interval if there else None)])  # fmt: skip
    note = (
        "Of each seed, on average: environment steps, and steps of the optimiser (of off-policy algorithms the critics'). The return is "
        "that of training episodes, which explore, over the tenth of training before so many environment steps."
    )
    if timed:
        processors = {found.run: found.processor or "not recorded" for found in study.efforts}
        same = len(set(processors.values())) == 1
        told = (
            next(iter(processors.values())) if same else ", ".join(f"{run} {name}" for run, name in processors.items())
        )
        note += f" Trained on: {told}."
    yield Grid("What each run took", head, rows, note, 2)


def _count(steps: int | None) -> str:
    return MISSING if steps is None else f"{steps:,}"
