"""`rlx sweep`."""

from __future__ import annotations

import time
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import (
    AS_JSON,
    BY_EXECUTOR,
    SWEEP,
    have_warm_process,
    print_grid,
    print_json,
    print_lines,
    say,
    tell,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rlx.experiments import Point, Pool, Sweep
    from rlx.report import SweepResult


@click.command("sweep")
@click.argument("sweep", type=SWEEP)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUES]...")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="How many points, or seeds of a search, at once [default: one per core]. It changes no result.",
)
@click.option("--seeds", type=click.IntRange(1, 1000), metavar="N", help="Seeds of each point, with KEY=VALUES.")
@click.option("--dry-run", is_flag=True, help="Show the points and what they cost; train nothing.")
@click.option(
    "--restart", is_flag=True, help="Begin a search anew; the trials that there are stay beside the new ones."
)
@BY_EXECUTOR
@AS_JSON
def command(  # noqa: PLR0913
    sweep: str,
    settings: tuple[str, ...],
    *,
    jobs: int | None,
    seeds: int | None,
    dry_run: bool,
    restart: bool,
    as_json: bool,
) -> None:
    """Try many settings of a config, over several seeds each.

    SWEEP is a file such as sweeps/rates.yaml, or, with KEY=VALUES, a config. A grid tries every combination, each a DVC
    experiment (rates_001, …), and judges all of them against the config itself, corrected for their number:

    \b
      config: cartpole
      num_seeds: 5
      grid:
        algo.learning_rate: [0.0003, 0.001]

    A search draws from ranges and compares trials by validation; the better half goes on to more seeds. What wins is
    trained again beside the config, on fresh seeds, and judged by held-out episodes:

    \b
      config: cartpole
      search:
        algo.learning_rate: {low: 1e-5, high: 1e-2, log: true}
      trials: 40
      seeds: [1, 2, 4]

    What is kept already is not trained again; after Ctrl-C, a kill or a failure the same command goes on.

    \b
    Example:
      rlx sweep cartpole algo.gamma=0.98,0.99 --seeds 5
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.experiments import Pool, Search, read_sweep, typed_sweep
    from rlx.launch import usable_cores
    from rlx.training import ready_executor

    root = find_root()
    ready_executor(root)  # one that is broken is refused before anything begins
    if seeds is not None and not settings:
        raise UsageError(
            "--seeds goes with KEY=VALUES; a sweep's file says it itself (num_seeds, or seeds of a search)"
        )
    wanted = typed_sweep(root, sweep, settings, seeds) if settings else read_sweep(root, sweep)
    pool = Pool(jobs or usable_cores(), _teller(as_json=as_json), _begin)
    if isinstance(wanted, Search):
        from rlx.cli.searches import make_search, show_search_plan

        if dry_run:
            show_search_plan(root, wanted)
        else:
            make_search(root, wanted, pool, restart=restart, as_json=as_json)
        return
    if restart:
        raise UsageError("--restart is for searches; the points of a grid are experiments, which `rlx rm` deletes")
    again = " ".join(["rlx sweep", sweep, *map(quote, settings), *(["--seeds", str(seeds)] if seeds else [])])
    _make_grid(root, wanted, pool, again, dry_run=dry_run, as_json=as_json)


def _make_grid(root: Path, wanted: Sweep, pool: Pool, again: str, *, dry_run: bool, as_json: bool) -> None:  # noqa: PLR0913
    from rlx.errors import TrainingFailed
    from rlx.experiments import Elsewhere, family_of, make_points
    from rlx.records import conclude
    from rlx.report import (
        SweepResult,
        failure_lines,
        judge_points,
        result_grid,
        result_lines,
        study_verdicts,
        swept,
        unjudged_line,
    )
    from rlx.training import executor_elsewhere

    family = family_of(root, wanted)
    points = family.to_make
    if told := unjudged_line(family):
        say(told)
    if dry_run:
        _show_plan(SweepResult(wanted.name, points), as_json=as_json)
        return
    have_warm_process()
    todo = sum(point.state != "kept" for point in points)
    say(f"{wanted.name}: {len(points)} points, {len(points) - todo} of them kept already")
    starts = executor_elsewhere(root, wanted.name, say)
    pool = replace(
        pool, jobs=min(pool.jobs, max(1, todo)), again=again, elsewhere=Elsewhere(starts, say) if starts else None
    )
    made = make_points(root, wanted, points, pool)
    result = judge_points(root, family, wanted.name, made)
    finished = [point.name for point in made if point.name and point.state == "finished"]
    conclude(root, {**{name: {} for name in finished}, **study_verdicts(result.study)}, say, is_heard=False)
    if as_json:
        print_json(swept(result))
    elif result.study is not None:
        say("")
        print_grid(result_grid(result, result.study))
        print_lines(result_lines(result, result.study))
    if failed := failure_lines(result):
        raise TrainingFailed("\n".join([*failed, f"`{again}` makes these again"]))


def _show_plan(planned: SweepResult, *, as_json: bool) -> None:
    from rlx.report import plan_cost, plan_grid, swept

    if as_json:
        print_json(swept(planned))
        return
    print_grid(plan_grid(planned))
    tell(plan_cost(planned))


def _begin(point: Point) -> None:
    from rlx.report import point_settings

    say(f"{point.name} ({point_settings(point)}): {'goes on' if point.state == 'stopped' else 'begins'}")


def _teller(*, as_json: bool) -> Any:
    started, made = time.monotonic(), [0]

    def told(point: Point, done: int, total: int) -> None:
        from rlx.launch import shown_duration
        from rlx.report import point_settings

        if as_json:
            return
        left = total - done
        made[0] += 1
        rest = f", about {shown_duration((time.monotonic() - started) / made[0] * left)} left" if left else ""
        outcome = f"failed: {point.error}" if point.state == "failed" else "finished"
        say(f"{point.name} ({point_settings(point)}): {outcome} ({done} of {total}{rest})")

    return told
