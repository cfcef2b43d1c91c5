"""`rlx summarize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, RUN, print_grid, print_json, tell

if TYPE_CHECKING:
    from rlx.report import Digest


@click.command("summarize")
@click.argument("what", metavar="[PATH_OR_EXPERIMENT]", default=".", type=RUN)
@click.option("--md", "as_markdown", is_flag=True, help="Print it as Markdown.")
@AS_JSON
def command(what: str, *, as_markdown: bool, as_json: bool) -> None:
    """Sum up a run, a sweep or the project: one paragraph, one table.

    PATH_OR_EXPERIMENT is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), a run folder, or the name of a sweep, whose experiments NAME_001, NAME_002, … are told together.
    Without it, the project.

    \b
    Example:
      rlx summarize cartpole_001
    """
    found = _digest(what)
    if as_json:
        print_json(found.content)
    elif as_markdown:
        click.echo(found.to_markdown(), nl=False)
    else:
        tell(found.content.summary)
        click.echo()
        print_grid(found.grid)


def _digest(what: str) -> Digest:
    from rlx.config import find_root, read_parameters
    from rlx.errors import Missing
    from rlx.experiments import find_run
    from rlx.report import digest_project, digest_run, digest_sweep, members_of

    path = Path(what)
    root = find_root(path if path.is_dir() else None)
    parameters = read_parameters(root)
    is_run = (path / "config_snapshot.yaml").exists()
    if path.is_dir() and not is_run and (path.resolve() == root or not what.strip("/.")):
        return digest_project(root, parameters)
    try:
        return digest_run(root, parameters, find_run(root, str(path.resolve()) if is_run else what))
    except Missing:
        sweep = path.stem if path.suffix == ".yaml" else what
        members = members_of(root, sweep)
        if not members:
            raise
        return digest_sweep(root, parameters, sweep, members)
