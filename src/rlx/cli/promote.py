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
    workspace and committed. Its results come from DVC's cache: `dvc repro` then trains nothing for this run.

    \b
    Example:
      rlx promote cartpole_001
    """
    from rlx.config.composition import compose_run, read_parameters
    from rlx.errors import CommandFailed, Missing
    from rlx.experiments import sync_roster
    from rlx.experiments.kept import experiment_named
    from rlx.experiments.promoting import merge, write_and_commit
    from rlx.project import find_root
    from rlx.references import nearest_experiment

    root = find_root()
    experiment = experiment_named(root, run)
    if experiment is None:
        raise Missing(f"there is no kept experiment {run!r}; {nearest_experiment(root, run)}")
    found = merge(root, experiment)
    if found.conflicts:
        raise CommandFailed(
            f"{run}: the workspace has changed the same lines of {', '.join(found.conflicts)} otherwise; nothing was written. "
            f"Compare: `git diff {experiment.baseline[:10]} {experiment.commit[:10]} -- {' '.join(found.conflicts)}`"
        )
    if not found.files:
        tell(f"{run}: the workspace has all of it already")
        return
    write_and_commit(root, found.files, f"Promote experiment {run}", commit=False)
    parameters = read_parameters(root)
    for name in parameters.study.runs:
        compose_run(root, name)
    changed = {**found.files, **({"dvc.yaml": b""} if sync_roster(root, parameters.study.runs) else {})}
    if not no_commit:
        write_and_commit(
            root, {name: (root / name).read_bytes() for name in changed}, f"Promote experiment {run}", commit=True
        )
    tell(f"{run}: {'changed' if no_commit else 'changed and committed'}: {', '.join(changed)}")
    say("Next: `dvc repro` takes its results from the cache, and judges the study")
