"""`rlx report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import FORCE, OUTPUT, RUN, say, tell

if TYPE_CHECKING:
    from rlx.report import Heading


@click.command("report")
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=RUN)
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=OUTPUT,
    metavar="FILE",
    help="Where to write the page; - is standard output.",
)
@FORCE
@click.option(
    "--films",
    default="yes",
    show_default=True,
    type=click.Choice(["yes", "no"]),
    help="Whether the page carries the films (20 MB of them at most).",
)
@click.option(
    "--open", "show", default="no", show_default=True, type=click.Choice(["yes", "no"]), help="Show it in the browser."
)
def command(runs: tuple[str, ...], output: Path, films: str, show: str, *, force: bool) -> None:
    """Write one HTML page on the study, or on the runs named.

    Verdicts, findings, differences, learning curves that show their values and can be filtered by run and seed, films,
    what differs, provenance. The page is a single file that opens without a network: send it, print it, keep it with a
    paper. RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision, a run
    folder, or the name of a sweep. One run alone is shown beside the study's baseline; of several, the first is the
    baseline unless the study's is among them.

    \b
    Example:
      rlx report cartpole cartpole_epochs -o epochs.html
    """
    from rlx.config import find_root, read_parameters
    from rlx.errors import UsageError
    from rlx.report import STDOUT, check_destination, delivered, judge_asked, write_page

    if output != STDOUT and output.suffix != ".html":
        raise UsageError(f"-o {output}: a page is an .html file; end the name in .html")
    check_destination(output, force=force)
    root = find_root()
    parameters = read_parameters(root)
    judged = judge_asked(root, parameters, runs)
    with delivered(output, ".html", force=force) as path:
        write_page(path, root, parameters, judged, _heading(root, runs, films == "yes"))
    for line in judged.headlines:
        say(line)
    for run, problem in judged.without.items():
        say(f"without {run}: it {problem}") if output == STDOUT else tell(f"without {run}: it {problem}")
    if output == STDOUT:
        return
    click.echo(str(output))
    if show == "yes":
        import webbrowser

        webbrowser.open(output.resolve().as_uri())


def _heading(root: Path, runs: tuple[str, ...], films: bool) -> Heading:
    from datetime import UTC, datetime

    from rlx.experiments import git_state
    from rlx.report import Heading

    state = git_state(root)
    changed = ", with uncommitted changes" if state.dirty else ""
    code = f"in {root.name} at commit {state.commit[:10]}{changed}" if state.commit else f"in {root.name}, outside Git"
    title = f"{root.name}: {', '.join(runs)}" if runs else f"{root.name}: the study"
    return Heading(title, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", code, films)
