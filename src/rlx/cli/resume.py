"""`rlx resume`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import BY_EXECUTOR, RUN, have_warm_process, is_verbose, say, tell

if TYPE_CHECKING:
    from rlx.records import RunFolder


@click.command("resume")
@click.argument("run", type=RUN)
@click.option(
    "--timesteps",
    type=click.IntRange(1, 10**12),
    metavar="N",
    help="Train a finished run further, to N steps per seed.",
)
@click.option(
    "-S",
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="With --timesteps: change a setting from here on.",
)
@click.option("--name", metavar="NAME", help="With --timesteps: what to call the new experiment.")
@BY_EXECUTOR
def command(run: str, timesteps: int | None, overrides: tuple[str, ...], name: str | None) -> None:
    """Go on with RUN where it was stopped.

    A stopped training ends with the same bits as if it had never been stopped: it goes on from its newest checkpoints,
    with the configuration and code it began with. One that failed goes on with configuration and code as they are now,
    mended; seeds to which a change matters begin anew.

    With --timesteps, a finished run is trained further as a new experiment, from its final policies; learning-rate
    schedules stretch over the new total. Everything counts environment steps, so -S may change how they are taken
    (env.num_envs, algo.rollout_steps) as well as how fast is learned; the network and its scaling stay.

    \b
    Example:
      rlx resume cartpole_001
      rlx resume cartpole --timesteps 100000 -S algo.learning_rate=0.0001
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.experiments import find_run, read_record
    from rlx.training import ready_executor

    root = find_root()
    have_warm_process()
    ready_executor(root)  # one that is broken is refused before anything begins
    folder = find_run(root, run)
    if timesteps is not None:
        _further(root, folder, timesteps, overrides, name)
        return
    if name is not None or overrides:
        which = "--name" if name is not None else "-S"
        raise UsageError(f"{which} goes with --timesteps: only training further makes a new experiment")
    if read_record(folder.path) is not None:
        _experiment(root, folder)
    else:
        _of_the_study(root, folder)


def _experiment(root: Path, folder: RunFolder) -> None:
    from rlx.cli.train import make_and_show
    from rlx.experiments import begun_again, read_record

    name, record = folder.name, read_record(folder.path)
    assert record is not None
    if (told := begun_again(root, folder, record)) is not None:
        say(told)
    make_and_show(root, name)


def _of_the_study(root: Path, folder: RunFolder) -> None:
    """Go on with a run of the workspace; a kept experiment has nothing to go on with."""
    from rlx.errors import Interrupted, TrainingFailed
    from rlx.experiments import check_goes_on, check_lock, whole_run
    from rlx.launch import dvc_in_terminal

    status = folder.state
    if status == "finished" or folder.origin is not None:
        tell(f"{folder.name} is finished; there is nothing to go on with.")
        tell(f"`rlx resume {shlex.quote(folder.name)} --timesteps N` trains it further, to N steps per seed.")
        return
    run = folder.path.name
    check_goes_on(root, folder)
    if status == "failed":
        say(f"{run}: goes on with the code and configs as they are now")
    check_lock(root)
    quiet = [] if is_verbose() else ["--quiet"]
    code = dvc_in_terminal(root, "--wait-for-lock", "repro", *quiet, "--", *whole_run(run))
    if code == Interrupted.exit_code:
        raise Interrupted(f"{run}: interrupted; `rlx resume {run}` goes on from its newest checkpoints")
    if code:
        raise TrainingFailed(f"{run}: did not finish (see above)")
    tell(f"{run} is finished. Next: `dvc repro` judges the study")


def _stem(name: str) -> str:
    """Return what an experiment that goes on from another is called by, before its number: ``wide`` of ``wide`` and ``wide_001``."""
    return re.sub(r"_\d{3,}$", "", name)


def _further(root: Path, folder: RunFolder, timesteps: int, overrides: tuple[str, ...], name: str | None) -> None:
    from rlx.cli.train import make_and_show
    from rlx.experiments import continuation, same_as, start, whole_run

    planned = continuation(root, folder, timesteps, overrides)
    same = same_as(root, planned.run, planned.snapshot.to_yaml(), planned.judged, planned.judging)
    if same is not None:
        tell(f"{same} is that already: {folder.name} trained to {timesteps:,} steps. Nothing was trained.")
        return
    record = planned.record(whole_run(planned.run), parent=folder.name)
    made = start(root, planned, record, name=name, stem=_stem(folder.name)).name
    say(
        f"{made}: {folder.name}, trained further to {timesteps:,} steps per seed"
        + "".join(f" -S {setting}" for setting in overrides)
    )
    make_and_show(root, made, planned.parameters)
