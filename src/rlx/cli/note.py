"""`rlx note`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN


@click.command("note")
@click.argument("run", type=RUN)
@click.argument("text", required=False)
@click.option("--remove", is_flag=True, help="Take this note away; without TEXT, all of them.")
def command(run: str, text: str | None, *, remove: bool) -> None:
    """Add a line of prose about RUN; without TEXT, show what there is.

    It is kept in runs/RUN.yaml, a file for Git, a line per note: those of two people merge.

    \b
    Example:
      rlx note cartpole_001 "learns faster, forgets later"
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.experiments import find_run
    from rlx.records import change_labels, read_labels, with_note, without_note
    from rlx.stats import visible

    root = find_root()
    name = find_run(root, run).name
    if text is not None and not text.strip():
        raise UsageError("TEXT must not be empty; leave it out to show what there is")
    if text is None and not remove:
        click.echo(visible(read_labels(root, name).note, cell=True) or f"{name} has no note")
        return
    if remove and text is not None and " ".join(text.split()) not in read_labels(root, name).notes:
        raise UsageError(f"{name} has no such note; `rlx note {run}` shows what there is")
    labels = change_labels(
        root, name, lambda labels: without_note(labels, text) if remove or text is None else with_note(labels, text)
    )
    click.echo(f"{name}: {visible(labels.note, cell=True) or 'no note'}")
