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
    build on what it changes are named first. A call that was interrupted is finished by the next. Of a study's experiment its
    candidate's settings alone are taken, not its seeds and episodes, and only where the study accepted it.

    \b
    Example:
      rlx promote cartpole_001
    """
    from rlx.config import find_root
    from rlx.errors import Missing
    from rlx.experiments import (
        check_ready,
        experiment_named,
        git_state,
        kept_record,
        lacks_results,
        nearest_experiment,
        plan_overrides,
        plan_promotion,
        promote,
    )

    root = find_root()
    experiment = experiment_named(root, run)
    if experiment is None:
        raise Missing(f"there is no kept experiment {run!r}; {nearest_experiment(root, run)}")
    check_ready(root)
    record, of_study = kept_record(root, experiment.commit), None
    if record is not None and record.study and record.start:
        from rlx.studies import accepted_overrides

        of_study = accepted_overrides(root, record.study, record.candidate or "")
        planned = plan_overrides(root, record.run, of_study)
    else:
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
    if of_study is not None and git_state(root).dirty:
        tell("The study itself is not all committed: `git add studies` and a commit keep what speaks for this")
    say("Next: `dvc repro` judges the study")
