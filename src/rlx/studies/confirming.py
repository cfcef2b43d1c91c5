"""What a search found, confirmed: its best trials and the config itself, trained on fresh seeds as experiments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import Snapshot, Timetable
from rlx.errors import DataDamaged
from rlx.experiments import Point, Pool, Search, Sweep, Trial, TrialsFile, family_of, make_points
from rlx.records import RunFolder
from rlx.studies.objective import objectives
from rlx.studies.searching import SearchCourse


@dataclass(frozen=True)
class Confirmation:
    """How a search ended.

    Attributes:
        winners: The trials that were confirmed, the best first; none where none scored above the config itself.
        points: The experiments, the config itself first, then those of the winners in their order.
    """

    winners: tuple[Trial, ...]
    points: tuple[Point, ...]


def winners_of(search: Search, course: SearchCourse) -> tuple[Trial, ...]:
    """Return the trials to confirm: the best of those trained to the last rung that scored above the config itself."""
    ranked = [trial for trial in course.trials.ranked() if trial.state == "complete"]
    ahead: list[Trial] = []
    for trial in ranked:
        if trial.number == 0:
            break
        if all(trial.settings != other.settings for other in ahead):  # proposed twice
            ahead.append(trial)
    return tuple(ahead[: search.confirm.top])


def confirmation_of(root: Path, search: Search, course: SearchCourse) -> Confirmation:
    """Return what is to be made to confirm a search; nothing is made.

    Raises:
        ConfigError: A winner's settings are refused by the project as it is now.
    """
    winners = winners_of(search, course)
    seed, count = search.fresh_seed(course.trials.header.start), search.confirm.seeds or course.start.config.num_seeds
    fresh = {"seed": seed, "num_seeds": count}
    settings = [fresh, *({**trial.settings, **fresh} for trial in winners)]
    if not winners:
        return Confirmation((), ())
    sweep = _sweep(search, settings)
    points = {tuple(sorted(map(str, point.settings.items()))): point for point in family_of(root, sweep).points}
    found = [points[tuple(sorted(map(str, each.items())))] for each in settings]
    return Confirmation(winners, tuple(found))


def _sweep(search: Search, settings: Sequence[Mapping[str, Any]] = ()) -> Sweep:
    """Return a search's confirmation as a grid of experiments of its name."""
    return Sweep(search.name, search.config, None, tuple(map(dict, settings)))


def confirm(root: Path, search: Search, course: SearchCourse, pool: Pool, say: Callable[[str], None]) -> Confirmation:
    """Train what won, and the config itself, on fresh seeds; what is kept already is taken.

    Args:
        root: The project.
        search: The search.
        course: What it found.
        pool: How experiments are made.
        say: Takes in lines for people.

    Returns:
        The experiments as they were made: ``kept``, ``finished`` or ``failed``.
    """
    planned = confirmation_of(root, search, course)
    if not planned.points:
        return planned
    if planned.points[0].plan.snapshot.training_part() != course.start.training_part():
        say(f"{search.config} or the project's code has changed since the search began: confirmed is what there is now")
    jobs = min(pool.jobs, len(planned.points))
    made = make_points(root, _sweep(search), planned.points, replace(pool, jobs=jobs))
    file = TrialsFile(root / "sweeps" / search.name)
    numbers = [0, *(trial.number for trial in planned.winners)]
    file.confirm(course.trials, {n: point.name for n, point in zip(numbers, made, strict=True) if point.name})
    return Confirmation(planned.winners, tuple(made))


def same_measure(folder: RunFolder, snapshot: Snapshot) -> float | None:
    """Return what a search would have scored a run, from its own validations: the mean over its seeds; None without any."""
    total = Timetable.of(snapshot.config, None).whole_steps
    try:
        means = list(objectives(folder.path / "metrics.jsonl", total).values())
    except (OSError, DataDamaged):
        return None
    return math.fsum(means) / len(means) if means else None
