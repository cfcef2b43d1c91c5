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
    workspace and committed, with its results: nothing that is there trains again, also where a colleague made it. Runs that
    build on what it changes are named first. A call that was interrupted is finished by the next.

    \b
    Example:
      rlx promote cartpole_001
    """
    from rlx.config import find_root
    from rlx.errors import Missing
    from rlx.experiments import (
        check_ready,
        experiment_named,
        lacks_results,
        nearest_experiment,
        plan_promotion,
        promote,
    )

    root = find_root()
    experiment = experiment_named(root, run)
    if experiment is None:
        raise Missing(f"there is no kept experiment {run!r}; {nearest_experiment(root, run)}")
    check_ready(root)
    planned = plan_promotion(root, experiment)
    if planned.retrained:
        many = len(planned.retrained) > 1
        tell(
            f"Beware: {', '.join(planned.retrained)} build{'' if many else 's'} on what {run} changes, and `dvc repro` will "
            f"train {'them' if many else 'it'} anew"
        )
    changed = promote(root, experiment, planned, commit=not no_commit)
    if not changed:
        tell(f"{run}: the workspace has all of it already")
        return
    tell(f"{run}: {'changed' if no_commit else 'changed and committed'}: {', '.join(changed)}")
    if cure := lacks_results(root, experiment, planned.runs):
        tell(f"Its results are not all in this clone: {cure}")
    say("Next: `dvc repro` judges the study")
