"""`rlx sweep`."""

from __future__ import annotations

import time
from dataclasses import replace
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
    from rlx.experiments import Point
    from rlx.report import SweepResult


@click.command("sweep")
@click.argument("sweep", type=SWEEP)
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="How many points at once [default: one per core]."
)
@click.option("--dry-run", is_flag=True, help="Show the points and what they cost; train nothing.")
@BY_EXECUTOR
@AS_JSON
def command(sweep: str, *, jobs: int | None, dry_run: bool, as_json: bool) -> None:
    """Try every combination of settings in a grid, over several seeds each.

    SWEEP is a file such as sweeps/rates.yaml:

    \b
      config: cartpole
      num_seeds: 5
      grid:
        algo.learning_rate: [0.0003, 0.001]
        algo.gamma: [0.98, 0.99]

    Every point is a DVC experiment (rates_001, …). Points that are kept already are not trained again; after Ctrl-C or a
    failure the same command goes on. In the end all points are judged against the config itself, corrected for their
    number.

    \b
    Example:
      rlx sweep rates --jobs 2
    """
    from rlx.config import find_root
    from rlx.errors import TrainingFailed
    from rlx.experiments import Elsewhere, Pool, family_of, make_points, read_sweep
    from rlx.launch import usable_cores
    from rlx.report import SweepResult, failure_lines, judge_points, result_grid, result_lines, swept
    from rlx.training import executor_elsewhere

    root = find_root()
    wanted = read_sweep(root, sweep)
    starts = executor_elsewhere(root, wanted.name, say)  # one that is broken is refused before anything begins
    family = family_of(root, wanted)
    points = family.to_make
    if any(key.startswith(("env.id", "env.kwargs", "env.wrappers")) for key in wanted.points[0]):
        say("Beware: the points differ in what they are scored on, so they get scores, but no verdicts")
    if dry_run:
        _show_plan(SweepResult(wanted.name, points), as_json=as_json)
        return
    have_warm_process()
    todo = sum(point.state != "kept" for point in points)
    say(f"{wanted.name}: {len(points)} points, {len(points) - todo} of them kept already")
    pool = Pool(min(jobs or usable_cores(), max(1, todo)), _teller(len(points), as_json=as_json), _begin)
    pool = replace(pool, elsewhere=Elsewhere(starts, say) if starts else None)
    made = make_points(root, wanted, points, pool)
    result = judge_points(root, family, wanted.name, made)
    if as_json:
        print_json(swept(result))
    elif result.study is not None:
        say("")
        print_grid(result_grid(result, result.study))
        print_lines(result_lines(result, result.study))
    if failed := failure_lines(result):
        raise TrainingFailed("\n".join([*failed, f"`rlx sweep {sweep}` makes these again"]))


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


def _teller(total: int, *, as_json: bool) -> Any:
    started, made = time.monotonic(), [0]

    def told(point: Point, left: int) -> None:
        from rlx.launch import shown_duration
        from rlx.report import point_settings

        if as_json:
            return
        done = total - left
        made[0] += 1
        rest = f", about {shown_duration((time.monotonic() - started) / made[0] * left)} left" if left else ""
        outcome = f"failed: {point.error}" if point.state == "failed" else "finished"
        say(f"{point.name} ({point_settings(point)}): {outcome} ({done} of {total}{rest})")

    return told
