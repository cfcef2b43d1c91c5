"""`rlx promote`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN, say, tell


@click.command("promote")
@click.argument("run", type=RUN)
@click.option("--no-commit", is_flag=True, help="Change the files, and leave the commit to you.")
def command(run: str, *, no_commit: bool) -> None:
    """Make what the experiment RUN changed the committed configuration.

    What it changed of the commit it started from, in params.yaml, configs/ and code, is merged into the files of the
    workspace and committed; a call that was interrupted is finished by the next. Its results come from DVC's cache: `dvc repro` then trains nothing for this run.

    \b
    Example:
      rlx promote cartpole_001
    """
    from rlx.errors import Missing
    from rlx.experiments.kept import experiment_named
    from rlx.experiments.promoting import check_ready, promote
    from rlx.project import find_root
    from rlx.references import nearest_experiment

    root = find_root()
    experiment = experiment_named(root, run)
    if experiment is None:
        raise Missing(f"there is no kept experiment {run!r}; {nearest_experiment(root, run)}")
    check_ready(root)
    changed = promote(root, experiment, commit=not no_commit)
    if not changed:
        tell(f"{run}: the workspace has all of it already")
        return
    tell(f"{run}: {'changed' if no_commit else 'changed and committed'}: {', '.join(changed)}")
    say("Next: `dvc repro` takes its results from the cache, and judges the study")
