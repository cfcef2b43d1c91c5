"""`rlx diagnose`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, FORCE, OUTPUT, RUN, print_json, say, tell, tell_fact

if TYPE_CHECKING:
    from rlx.diagnosis import Suggestion
    from rlx.report import Analysis, Analyzed

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold"}
LABEL = 9


@click.command("diagnose")
@click.argument("run", type=RUN)
@click.option(
    "--plots",
    metavar="FOLDER",
    type=OUTPUT,
    help="Draw each finding's evidence into this folder.",
)
@FORCE
@AS_MARKDOWN
@AS_JSON
def command(run: str, plots: Path | None, *, force: bool, as_markdown: bool, as_json: bool) -> None:
    """Say what went wrong in RUN, most serious first, with evidence and sources.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), or a run folder; it may be in training, stopped or failed. Each finding names the steps, the seeds,
    the value and the threshold that it rests on. The exit code is 1 if there are errors.

    \b
    Example:
      rlx diagnose cartpole --plots evidence
    """
    analysis = analysis_of(run)
    content = analysis.content
    pictures = _pictures(analysis, plots, force=force)
    if as_json:
        from rlx.report import Diagnosed, part_of

        print_json(part_of(Diagnosed, content))
    elif as_markdown:
        from rlx.report import diagnosis_markdown

        click.echo("\n".join([f"# {content.run}: diagnosis", "", *diagnosis_markdown(content, pictures)]))
    else:
        tell_findings(content)
        for path in pictures.values():
            say(f"drawn: {path}")
    if any(finding.severity == "error" for finding in content.findings):
        raise SystemExit(1)


def analysis_of(run: str) -> Analysis:
    """Return the analysis of the run that a person means."""
    from rlx.config import find_root
    from rlx.experiments import find_run
    from rlx.report import analyze

    root = find_root()
    return analyze(root, find_run(root, run))


def tell_findings(content: Analyzed) -> None:
    """Print findings with their evidence, or that there are none."""
    from rlx.report import diagnosis_headline, finding_lines

    outcome = content.outcome
    if outcome is not None and outcome["latest"].above_random_by_interval is False:
        tell(f"{content.run} is not shown to beat random actions.", "bold")
    tell(f"{content.run}: {diagnosis_headline(content)}")
    for finding in content.findings:
        click.echo()
        tell(f"{finding.severity.upper()}  {finding.title}", STYLES[finding.severity])
        for label, text in finding_lines(finding, content.consequences):
            tell_fact(label.ljust(LABEL) if label else "", text)
    if content.unchecked:
        click.echo()
        for line in content.unchecked:
            tell(line, "dim")


def _pictures(analysis: Analysis, folder: Path | None, *, force: bool) -> dict[str, str]:
    if folder is None:
        return {}
    import tempfile
    from shutil import copyfile

    from rlx.report import check_destination, delivered, write_pictures

    with tempfile.TemporaryDirectory() as drawn:
        written = write_pictures(analysis.record, analysis.diagnosis, Path(drawn))
        for file in written.values():
            check_destination(folder / file, force=force)
        for file in written.values():
            with delivered(folder / file, ".png", force=force) as path:
                copyfile(Path(drawn) / file, path)
    return {name: str(folder / file) for name, file in written.items()}


def tell_suggestions(suggestions: Sequence[Suggestion]) -> None:
    """Print what to try, each command on a line of its own that can be pasted."""
    for index, each in enumerate(suggestions, 1):
        tell_fact(f"{index}. ".ljust(LABEL), each.reason)
        tell_fact("try".ljust(LABEL), f"`{each.command}`")
        tell_fact("expect".ljust(LABEL), each.effect)
        tell_fact("cost".ljust(LABEL), each.cost)
