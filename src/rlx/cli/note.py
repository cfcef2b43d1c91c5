"""`rlx note`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN


@click.command("note")
@click.argument("run", type=RUN)
@click.argument("text", required=False)
@click.option("--remove", is_flag=True, help="Take the note away.")
def command(run: str, text: str | None, *, remove: bool) -> None:
    """Write a line of prose about RUN; without TEXT, show it.

    It is kept in runs/RUN.yaml, a file for Git.

    \b
    Example:
      rlx note cartpole_001 "learns faster, forgets later"
    """
    from dataclasses import replace

    from rlx.errors import UsageError
    from rlx.labels import change_labels, read_labels
    from rlx.project import find_root
    from rlx.references import find_run
    from rlx.wording import visible

    if remove and text is not None:
        raise UsageError("give a TEXT or --remove, not both")
    root = find_root()
    name = find_run(root, run).name
    if text is None and not remove:
        click.echo(visible(read_labels(root, name).note, cell=True) or f"{name} has no note")
        return
    labels = change_labels(root, name, lambda labels: replace(labels, note=" ".join((text or "").split())))
    click.echo(f"{name}: {visible(labels.note, cell=True) or 'no note'}")
