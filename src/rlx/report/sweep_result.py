"""A sweep as its maker sees it: what it would try, and when it is made its points by rank, with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.comparison import Comparison, StudyComparison, task_name
from rlx.config import read_parameters
from rlx.experiments import Family, Plan, Point
from rlx.report.comparison_words import unlearned, verdict_headline, verdicts
from rlx.report.study_comparison import compare_folders
from rlx.report.sweep_summary import looked_at_once
from rlx.report.text import Line, brief_setting
from rlx.stats import MISSING, Grid, interval, listed, number


@dataclass(frozen=True)
class SweepResult:
    """The points of a sweep, judged together.

    Attributes:
        name: The sweep's name.
        points: All points, as they are.
        study: Those with results, judged against the config itself; None before they are made, or without a baseline.
    """

    name: str
    points: Sequence[Point]
    study: StudyComparison | None = None

    @property
    def verdicts(self) -> dict[str, Comparison]:
        """The comparison of each point that has one, by its run."""
        return {comparison.run: comparison for comparison in self.study.comparisons} if self.study else {}

    @property
    def comparable(self) -> list[str]:
        """The points that have a verdict by their scores."""
        return [run for run, comparison in self.verdicts.items() if comparison.difference is not None]


def judge_points(root: Path, family: Family, name: str, points: Sequence[Point]) -> SweepResult:
    """Judge every point that is there against the config itself, all of them together.

    Args:
        root: The project.
        family: The sweep as it is judged.
        name: Its name.
        points: The points as they were made.
    """
    baseline, others = family.judged(root, points)
    if baseline is None:
        return SweepResult(name, points)
    folders = list({folder.name: folder for folder in [baseline, *others]}.values())
    settings = looked_at_once(read_parameters(root)).compare
    return SweepResult(name, points, compare_folders(folders, baseline.name, settings))


def unjudged_line(family: Family) -> str | None:
    """Return how many points will have no verdict, since their scores measure something else than the config's; None where none."""
    task = _task(family.itself)
    plans = [point.plan for point in family.points]
    other = [plan for plan in plans if _task(plan) != task]
    if not other:
        return None
    names = sorted({plan.snapshot.config.env.id for plan in other})
    where = "an environment or protocol" if names == [task["environment"]] else listed(names)
    many = "its points are" if len(other) == len(plans) else f"{len(other)} of its {len(plans)} points are"
    return (
        f"Beware: {many} scored on something else than the config itself ({where}), so they get scores, but no verdicts"
    )


def _task(plan: Plan) -> dict[str, Any]:
    from rlx.training import task_of

    return task_of(plan.snapshot, plan.judging.final_eval)


def point_settings(point: Point) -> str:
    """Return what a point sets, in words."""
    told = [f"{key} {brief_setting(value)}" for key, value in point.settings.items()]
    return ", ".join(told) or "the config itself"


def plan_grid(sweep: SweepResult) -> Grid:
    """Return the points that a sweep has, and how each stands."""
    keys = list(dict.fromkeys(key for point in sweep.points for key in point.settings))
    rows = [
        [
            point.name or ("(new)" if point.settings else "(the config itself)"),
            point.state,
            *(brief_setting(point.settings.get(key)) for key in keys),
        ]
        for point in sweep.points
    ]
    return Grid(f"{sweep.name}: {len(sweep.points)} points", ["experiment", "state", *keys], rows, left=2, below=2)


def plan_cost(sweep: SweepResult) -> str:
    """Return what the points that are not kept will cost."""
    todo = [point.plan.snapshot.config for point in sweep.points if point.state != "kept"]
    steps = sum(config.algo.total_timesteps * config.num_seeds for config in todo)
    return f"{len(todo)} to train: {steps:,} environment steps in all"


def result_grid(sweep: SweepResult, study: StudyComparison) -> Grid:
    """Return the points by rank, with differences and verdicts."""
    settings = {point.name: point_settings(point) for point in sweep.points}
    rows = []
    for run in study.scores:
        found = sweep.verdicts.get(run.run)
        difference = found.difference if found else None
        shown = MISSING
        if difference is not None:
            shown = f"{number(difference.mean, sign=True)} {interval(difference.interval, sign=True)}"
        label = f"{run.run} *" if run.run == study.baseline else run.run
        told = settings.get(run.run, "the config itself")
        rows.append([label, told, number(float(run.scores_S.mean())), shown, found.verdict if found else "baseline"])
    many = len(sweep.comparable)
    corrected = f" Intervals and verdicts are corrected for {many} points judged together." if many > 1 else ""
    note = f"* the baseline, the config itself.{corrected}"
    order = "best first" if len({task_name(run) for run in study.scores}) == 1 else "best first on each environment"
    head = ["experiment", "settings", "return", "difference", "verdict"]
    return Grid(f"{sweep.name}, {order}", head, rows, note, left=2)


def result_lines(sweep: SweepResult, study: StudyComparison) -> Iterator[Line]:
    """Yield the verdicts in sentences, and the next command."""
    comparable, found = sweep.comparable, sweep.verdicts
    best = next((run.run for run in study.scores if run.run in comparable), None)
    for line in [*unlearned(study), *verdicts(study)[: int(len(comparable) > 2)]]:
        yield Line(line, "bold")
    if best is None:
        return
    yield Line(verdict_headline(study, found[best]), "bold")
    compared = f"`rlx compare {study.baseline} {best}`"
    if found[best].verdict == "improved":
        yield Line(f"Next: `rlx promote {best}` makes it the configuration; {compared} shows more", aside=True)
        told = "The best of many points flatters itself: confirm it on fresh seeds before you rely on its score"
        yield Line(told, aside=True)
    else:
        yield Line(f"Next: {compared}", aside=True)


def failure_lines(sweep: SweepResult) -> list[str]:
    """Return which points failed, and why; nothing where none did."""
    failed = [point for point in sweep.points if point.state == "failed"]
    if not failed:
        return []
    rest = "; the others are kept" if len(failed) < len(sweep.points) else ""
    head = f"{sweep.name}: {len(failed)} of {len(sweep.points)} points failed{rest}:"
    return [head, *(f"  {point.name or 'a point'} ({point_settings(point)}): {point.error}" for point in failed)]
