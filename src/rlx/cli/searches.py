"""What `rlx sweep` does for a search: try, confirm, tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.cli.common import have_warm_process, print_grid, print_json, print_lines, say, tell

if TYPE_CHECKING:
    from rlx.experiments import Pool, Search
    from rlx.report import SearchResult
    from rlx.studies import Confirmation, SearchCourse, Told


def make_search(root: Path, search: Search, pool: Pool, *, restart: bool, as_json: bool) -> None:
    """Make a search, confirm what it found, and tell how it ended.

    Args:
        root: The project.
        search: The search.
        pool: How experiments are made, and how many seeds train at once.
        restart: Begin anew.
        as_json: Print a document instead.
    """
    from rlx.errors import TrainingFailed
    from rlx.records import conclude
    from rlx.report import judged_search, search_lines, searched, study_verdicts, trials_grid, unfinished
    from rlx.studies import confirm, run_search

    have_warm_process()
    course = run_search(root, search, pool.jobs, _told(search), restart=restart)
    confirmation = confirm(root, search, course, pool, say)
    result = judged_search(root, result_of(root, search, course, confirmation))
    finished = [point.name for point in confirmation.points if point.name and point.state == "finished"]
    conclude(root, {**{name: {} for name in finished}, **study_verdicts(result.study)}, say, is_heard=False)
    if as_json:
        print_json(searched(result))
    else:
        say("")
        print_grid(trials_grid(result))
        print_lines(search_lines(result))
    trials = course.trials.trials()
    if trials and all(trial.state == "failed" for trial in trials):
        cure = f"mend what they say; `rlx sweep {search.name} --restart` begins anew"
        raise TrainingFailed(f"{search.name}: all {len(trials)} trials failed, the config itself among them; {cure}")
    if failed := unfinished(result):
        head = f"{search.name}: {len(failed)} of {len(result.points)} experiments of the confirmation failed:"
        raise TrainingFailed("\n".join([head, *failed, f"`rlx sweep {search.name}` makes these again"]))


def show_search_plan(root: Path, search: Search) -> None:
    """Say what a search would try and cost; nothing is made."""
    from rlx.experiments import plan, shown_cost
    from rlx.report import plan_lines

    steps = plan(root, search.config, []).snapshot.config.algo.total_timesteps
    bounds = [search.budget.steps, None if search.trials is None else shown_cost(search, steps, search.trials)]
    known = [bound for bound in bounds if bound is not None]
    cost = min(known) if known else None
    print_lines(plan_lines(search.name, search.rungs, search.trials, cost))
    for key, domain in search.space.items():
        tell(f"  {key}: {domain}")


def result_of(root: Path, search: Search, course: SearchCourse, confirmation: Confirmation) -> SearchResult:
    """Return a search and its confirmation, with how much it flattered what it found."""
    from rlx.experiments import find_run
    from rlx.report import Optimism, SearchResult
    from rlx.studies import same_measure

    optimism = []
    for trial, point in zip(confirmation.winners, confirmation.points[1:], strict=False):
        if point.name is None or point.state not in ("kept", "finished"):
            continue
        folder = find_run(root, point.name)
        measured = same_measure(folder, point.plan.snapshot)
        optimism.append(
            Optimism(trial.number, point.name, trial.score, trial.seeds, measured, point.plan.snapshot.config.num_seeds)
        )
    return SearchResult(
        name=search.name,
        trials=replace(course.trials, is_made=False),
        winners=confirmation.winners,
        points=confirmation.points,
        optimism=tuple(optimism),
        confirms=search.confirm.top > 0,
    )


def _told(search: Search) -> Told:
    from rlx.report import trial_line
    from rlx.studies import Told

    return Told(say, lambda trial: say(trial_line(trial, len(search.rungs))))
