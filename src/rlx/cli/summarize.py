"""`rlx summarize`."""

from __future__ import annotations

import click

from rlx.cli.common import AS_JSON, RUN, print_grid, print_json, tell


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
    from rlx.report import summarize

    found = summarize(what)
    if as_json:
        print_json(found.content)
    elif as_markdown:
        click.echo(found.to_markdown(), nl=False)
    else:
        tell(found.content.summary)
        click.echo()
        print_grid(found.grid)
