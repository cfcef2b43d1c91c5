"""`rlx sync`."""

from __future__ import annotations

import click

from rlx.cli.common import tell


@click.command("sync")
def command() -> None:
    """Bring dvc.yaml in step with the study.

    The compare stage lists the results of every run in study.runs (params.yaml). After adding or removing a run there,
    this rewrites that list; the rest of dvc.yaml stays as it is. A dvc.yaml of an older rlx is brought up to date, with
    the stages beside it as far as you have not changed them; comments and stages of your own stay. The resolve stage
    lists the data files of the project that environments read, so that a change of them is noticed.

    \b
    Example:
      rlx sync
    """
    from rlx.config.composition import read_parameters
    from rlx.experiments import sync_roster, upgrade_pipeline
    from rlx.experiments.data import sync_data
    from rlx.project import find_root

    root = find_root()
    runs = read_parameters(root).study.runs
    for line in upgrade_pipeline(root):
        tell(line)
    changed = sync_roster(root, runs)
    click.echo(f"dvc.yaml {'now compares' if changed else 'compares'} {', '.join(runs)}")
    if added := sync_data(root):
        click.echo(f"dvc.yaml now watches data that environments read: {', '.join(added)}")
