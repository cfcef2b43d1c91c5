"""`rlx tag`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN


@click.command("tag")
@click.argument("run", type=RUN)
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.option("--remove", is_flag=True, help="Take these tags away instead.")
def command(run: str, tags: tuple[str, ...], *, remove: bool) -> None:
    """Give RUN tags, for `rlx ls --tag`.

    They are kept in runs/RUN.yaml, a file for Git.

    \b
    Example:
      rlx tag cartpole_001 paper figure-2
    """
    from rlx.config import find_root
    from rlx.experiments import find_run
    from rlx.records import change_labels, check_tag, with_tags, without_tags

    root = find_root()
    name = find_run(root, run).name
    words = tuple(check_tag(tag) for tag in tags)
    labels = change_labels(root, name, lambda labels: (without_tags if remove else with_tags)(labels, words))
    click.echo(f"{name}: {' '.join(labels.tags) or 'no tags'}")
