"""`rlx train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import BY_EXECUTOR, CONFIG, have_warm_process, is_quiet, is_verbose, print_lines, say, tell

if TYPE_CHECKING:
    from rlx.config import Parameters
    from rlx.experiments import Verbosity


def _say_how_long(_: click.Context, __: click.Parameter, value: str | None) -> None:
    """Refuse an option that `rlx resume` has, with what says that here.

    Raises:
        UsageError: It was given.
    """
    if value is not None:
        raise click.UsageError(
            f"there is no --timesteps here; `-S algo.total_timesteps={value}` says how long to train, and "
            f"`rlx resume RUN --timesteps {value}` trains a finished run further"
        )


@click.command("train")
@click.argument("config", type=CONFIG)
@click.option(
    "-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, for this experiment only."
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="How many seeds to train.")
@click.option("--name", metavar="NAME", help="What to call the experiment [default: CONFIG_001, _002, …].")
@click.option("--timesteps", hidden=True, expose_value=False, callback=_say_how_long)
@BY_EXECUTOR
def command(config: str, overrides: tuple[str, ...], seeds: int | None, name: str | None) -> None:
    """Train CONFIG (a file of configs/) as one DVC experiment.

    All stages of that run are made in a copy of the project as it is now, uncommitted changes included; the workspace
    stays untouched. The result is kept as an experiment (`dvc exp show`) and as the folder runs/NAME/, which shows the
    training while it goes on. What was trained before with the same configuration, code and seeds is not trained again,
    and what was stopped goes on.

    A KEY names a setting of params.yaml (algo.gamma=0.9), or of a config that sets it itself
    (configs/NAME.yaml:algo.gamma=0.9).

    \b
    Example:
      rlx train cartpole -S algo.gamma=0.9 --seeds 3
    """
    from rlx.config import find_root, told_briefly
    from rlx.experiments import check_name, plan, start_once
    from rlx.training import ready_executor

    root = find_root()
    have_warm_process()
    ready_executor(root)  # one that is broken is refused before anything begins
    if name is not None:
        check_name(name)
    run = config.removeprefix("configs/").removesuffix(".yaml")
    settings = [*overrides, *([f"num_seeds={seeds}"] if seeds is not None else [])]
    planned = plan(root, run, settings)
    started = start_once(root, planned, name=name)
    name = started.name
    if started.how == "there":
        tell(f"{name} is that already: the same configuration, code and seeds. Nothing was trained.")
        tell(f"Its facts: `rlx info {name}`")
        return
    if started.how == "in the making":
        tell(f"{name} is just being made with the same configuration, code and seeds; nothing else was started.")
        tell("How far it is: `rlx ls`")
        return
    if started.how == "stopped":
        say(f"{name} was stopped, with the same configuration, code and seeds: it goes on")
        make_and_show(root, name, planned.parameters)
        return
    say(f"{name}: {run}{''.join(f' -S {setting}' for setting in settings)}")
    for line in [*included(root), told_briefly(planned.sources)]:
        say(line)
    make_and_show(root, name, planned.parameters)


def make_and_show(root: Path, name: str, parameters: Parameters | None = None) -> None:
    """Make a reserved experiment, and show what came of it and where the seconds went.

    Args:
        root: The project.
        name: The experiment.
        parameters: By what it is judged; None: by what the project says now.
    """
    from rlx.config import read_parameters
    from rlx.experiments import make
    from rlx.launch import process_identity

    finished = make(root, name, verbosity(), again=f"rlx resume {name}", since=process_identity()[1])
    from rlx.records import conclude
    from rlx.report import experiment_lines, judged_experiment, study_verdicts, time_line  # not needed to begin

    if finished.is_evaluated:
        judged = judged_experiment(root, finished, parameters or read_parameters(root))
        print_lines(experiment_lines(judged))
        conclude(root, {finished.name: {}, **study_verdicts(judged.study)}, say)
    say(time_line(root, finished))


def verbosity() -> Verbosity:
    """Return how much the stages may say."""
    from rlx.experiments import Verbosity

    return Verbosity(is_quiet(), is_verbose())


def included(root: Path) -> list[str]:
    """Return what an experiment has beside the commit, and what it lacks, a line each."""
    from rlx.experiments import git_state, untracked_others, untracked_sources
    from rlx.stats import listed

    new, others = untracked_sources(root), untracked_others(root)
    edits = [name for name in git_state(root).dirty if name not in new and name not in others]
    lines = [f"with uncommitted edits of {listed(edits, 6)}"] * bool(edits)
    lines += [f"with new files: {listed(new, 6)}"] * bool(new)
    return lines + [f"without {listed(others, 6)}: Git does not know them (`git add`)"] * bool(others)
