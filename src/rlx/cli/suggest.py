"""`rlx suggest`."""

from __future__ import annotations

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, RUN, print_json, tell


@click.command("suggest")
@click.argument("run", type=RUN)
@AS_MARKDOWN
@AS_JSON
def command(run: str, *, as_markdown: bool, as_json: bool) -> None:
    """Say what to try next for RUN: commands, with reason, effect and cost.

    They follow from what `rlx diagnose` finds, the most promising first. Try one at a time; `rlx compare` judges it
    against RUN. RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), or a run folder.

    \b
    Example:
      rlx suggest cartpole
    """
    from rlx.cli.diagnose import analysis_of, tell_suggestions
    from rlx.report import Suggested, diagnosis_headline, part_of, tries

    content = analysis_of(run).content
    if as_json:
        print_json(part_of(Suggested, content))
        return
    if as_markdown:
        click.echo("\n".join([f"# {content.run}: what to try", "", *tries(content)]), nl=False)
        return
    tell(f"{content.run}: {diagnosis_headline(content)}")
    click.echo()
    if content.suggestions:
        tell_suggestions(content.suggestions)
    else:
        tell("No change of settings follows from the findings.")
    for finding in content.findings:
        if finding.advice:
            click.echo()
            tell(f"{finding.title}: {finding.advice}")
