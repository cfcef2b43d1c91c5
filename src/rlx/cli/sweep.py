"""`rlx sweep`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, SWEEP, print_grid, print_json, say, tell

if TYPE_CHECKING:
    from rlx.experiments import Family, Point
    from rlx.records import RunFolder
    from rlx.report import StudyComparison


@click.command("sweep")
@click.argument("sweep", type=SWEEP)
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="How many points at once [default: one per core]."
)
@click.option("--dry-run", is_flag=True, help="Show the points and what they cost; train nothing.")
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
    from rlx.experiments import Pool, family_of, make_points, read_sweep
    from rlx.launch import usable_cores

    root = find_root()
    wanted = read_sweep(root, sweep)
    family = family_of(root, wanted)
    points = family.to_make
    if any(key.startswith(("env.id", "env.kwargs", "env.wrappers")) for key in wanted.points[0]):
        say("Beware: the points differ in what they are scored on, so they get scores, but no verdicts")
    if dry_run:
        _show_plan(wanted.name, points, as_json=as_json)
        return
    todo = sum(point.state != "kept" for point in points)
    say(f"{wanted.name}: {len(points)} points, {len(points) - todo} of them kept already")
    pool = Pool(min(jobs or usable_cores(), max(1, todo)), _teller(len(points), as_json=as_json), _begin)
    made = make_points(root, wanted, points, pool)
    folders, study = _judged(root, family, made)
    if as_json:
        from rlx.report import swept

        print_json(swept(wanted.name, made, study))
    elif study is not None:
        _show(wanted.name, made, folders, study)
    failed = [point for point in made if point.state == "failed"]
    if failed:
        lines = [f"{wanted.name}: {len(failed)} of {len(made)} points failed; the others are kept:"]
        lines += [f"  {point.name or 'a point'} ({_settings(point)}): {point.error}" for point in failed]
        raise TrainingFailed("\n".join([*lines, f"`rlx sweep {sweep}` makes these again"]))


def _begin(point: Point) -> None:
    say(f"{point.name} ({_settings(point)}): {'goes on' if point.state == 'stopped' else 'begins'}")


def _teller(total: int, *, as_json: bool) -> Any:
    started, made = time.monotonic(), [0]

    def told(point: Point, left: int) -> None:
        from rlx.launch import shown_duration

        if as_json:
            return
        done = total - left
        made[0] += 1
        rest = f", about {shown_duration((time.monotonic() - started) / made[0] * left)} left" if left else ""
        outcome = f"failed: {point.error}" if point.state == "failed" else "finished"
        say(f"{point.name} ({_settings(point)}): {outcome} ({done} of {total}{rest})")

    return told


def _settings(point: Point) -> str:
    return ", ".join(f"{key} {value}" for key, value in point.settings.items()) or "the config itself"


def _show_plan(name: str, points: list[Point], *, as_json: bool) -> None:
    from rlx.report import Grid, swept

    if as_json:
        print_json(swept(name, points, None))
        return
    keys = list(points[-1].settings) if points else []
    rows = [
        [
            point.name or ("(new)" if point.settings else "(the config itself)"),
            point.state,
            *(str(point.settings.get(key, "—")) for key in keys),
        ]
        for point in points
    ]
    print_grid(Grid(f"{name}: {len(points)} points", ["experiment", "state", *keys], rows, left=2))
    todo = [point.plan.snapshot.config for point in points if point.state != "kept"]
    steps = sum(config.algo.total_timesteps * config.num_seeds for config in todo)
    tell(f"{len(todo)} to train: {steps:,} environment steps in all")


def _judged(root: Path, family: Family, points: list[Point]) -> tuple[dict[str, RunFolder], StudyComparison | None]:
    """Judge every point that is there against the config itself, all of them together."""
    from rlx.config import read_parameters
    from rlx.report import compare_folders, looked_at_once

    baseline, others = family.judged(root, points)
    if baseline is None:
        return {folder.name: folder for folder in others}, None
    judged = {folder.name: folder for folder in [baseline, *others]}
    study = compare_folders(list(judged.values()), baseline.name, looked_at_once(read_parameters(root)).compare)
    return judged, study


def _show(name: str, points: list[Point], folders: dict[str, RunFolder], study: StudyComparison) -> None:
    from rlx import stats
    from rlx.report import Grid, task_name, unlearned, verdict_headline, verdicts as verdict_lines
    from rlx.stats import MISSING, interval, number

    verdicts = {comparison.run: comparison for comparison in study.comparisons}
    settings = {point.name: _settings(point) for point in points}
    rows = []
    for run in study.scores:
        found = verdicts.get(run.run)
        difference = found.difference if found else None
        mean = stats.mean_with_interval(run.scores_S).mean
        shown = (
            MISSING
            if difference is None
            else f"{number(difference.mean, sign=True)} {interval(difference.interval, sign=True)}"
        )
        label = f"{run.run} *" if run.run == study.baseline else run.run
        rows.append(
            [
                label,
                settings.get(run.run, "the config itself"),
                number(mean),
                shown,
                found.verdict if found else "baseline",
            ]
        )
    say("")
    comparable = [comparison.run for comparison in study.comparisons if comparison.difference is not None]
    many = len(comparable)
    note = f"* the baseline, the config itself. Intervals and verdicts are corrected for {many} points judged together."
    order = "best first" if len({task_name(run) for run in study.scores}) == 1 else "best first on each environment"
    print_grid(
        Grid(f"{name}, {order}", ["experiment", "settings", "return", "difference", "verdict"], rows, note, left=2)
    )
    best = next((run.run for run in study.scores if run.run in folders and run.run in comparable), None)
    for line in [
        *unlearned(study),
        *verdict_lines(study)[: int(many > 2)],
        *([verdict_headline(study, verdicts[best])] if best else []),
    ]:
        tell(line, "bold")
    if best and verdicts[best].verdict == "improved":
        say(f"Next: `rlx promote {best}` makes it the configuration; `rlx compare {study.baseline} {best}` shows more")
        say("The best of many points flatters itself: confirm it on fresh seeds before you rely on its score")
    elif best:
        say(f"Next: `rlx compare {study.baseline} {best}`")
