"""`rlx analyze`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, RUN, print_grid, print_json, tell

if TYPE_CHECKING:
    from rlx.report import Analyzed


@click.command("analyze")
@click.argument("run", type=RUN)
@AS_MARKDOWN
@AS_JSON
def command(run: str, *, as_markdown: bool, as_json: bool) -> None:
    """Show the whole picture of RUN: outcome, learning, seeds, findings.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), or a run folder; it may be in training, stopped or failed. A finished run of the study has the same
    in runs/RUN/analysis.md, with pictures.

    \b
    Example:
      rlx analyze cartpole
    """
    from rlx.cli.diagnose import analysis_of
    from rlx.report import analysis_markdown

    content = analysis_of(run).content
    if as_json:
        print_json(content)
    elif as_markdown:
        click.echo(analysis_markdown(content, {}, None))
    else:
        _tell(content, run)


def _tell(content: Analyzed, typed: str) -> None:
    import shlex

    from rlx.cli.diagnose import STYLES, tell_suggestions
    from rlx.report import analysis_grids, analysis_headline, diagnosis_headline

    tell(f"{content.run} on {content.environment}", "bold")
    tell(analysis_headline(content))
    tell(diagnosis_headline(content))
    for grid in analysis_grids(content):
        click.echo()
        print_grid(grid)
    if content.findings:
        click.echo()
        tell("Findings", "bold")
    for finding in content.findings:
        tell(f"{finding.severity.upper()}  {finding.title}", STYLES[finding.severity])
        tell(finding.what, indent="  ")
    if content.findings:
        tell(f"Evidence and sources: `rlx diagnose {shlex.quote(typed)}`", "dim")
    if content.suggestions:
        click.echo()
        tell("What to try", "bold")
        tell_suggestions(content.suggestions)
    for line in content.unchecked:
        tell(line, "dim")
