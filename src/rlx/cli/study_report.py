"""`rlx study report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, FORCE, OUTPUT, print_json, say, tell
from rlx.cli.study_common import STUDY, found

if TYPE_CHECKING:
    from rlx.studies import Study


@click.command("report")
@STUDY
@click.option("-o", "--output", type=OUTPUT, metavar="FILE.html", help="Write a page instead; - is standard output.")
@FORCE
@AS_JSON
def report(study: str | None, *, output: Path | None, force: bool, as_json: bool) -> None:
    """Write what a study found, and what it did not: its contract, all that was tried, its verdict.

    Without -o it writes `report.md` into the study's folder, and prints the verdict. With -o FILE.html it writes one page that
    opens without a network. Both come from the ledger, the approved contract and the candidates' files alone: the same study
    gives the same bytes. The verdict is one of four words: improved, not shown, worse, undecided.

    \b
    Example:
      rlx study report cartpole/better -o better.html
    """
    from rlx.errors import UsageError
    from rlx.report import STDOUT, check_destination, delivered, write_study_page
    from rlx.studies import facts_of_study, study_words

    if output is not None and as_json:
        raise UsageError("either -o or --json: a page or a document")
    if output is not None and output != STDOUT and output.suffix != ".html":
        raise UsageError(f"-o {output}: a page is an .html file; end the name in .html")
    one = found(study)
    facts = facts_of_study(one)
    if as_json:
        print_json(facts)
        return
    if output is None:
        reported(one)
        return
    check_destination(output, force=force)
    with delivered(output, ".html", force=force) as path:
        write_study_page(facts, study_words(facts), path)
    say(f"{facts.study}: {facts.headline}")
    if output != STDOUT:
        click.echo(str(output))


def reported(study: Study) -> None:
    """Write a study's `report.md`, and print its verdict and what was not shown."""
    from rlx.studies import facts_of_study, write_report

    facts, path = facts_of_study(study), write_report(study)
    tell(f"{facts.study}: {facts.headline}")
    for line in facts.not_shown:
        tell(line, indent="  ")
    for line in facts.beware:
        say(f"Beware: {line}")
    click.echo(str(path.relative_to(study.root)))
