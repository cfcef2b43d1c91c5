"""`rlx report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from rlx.cli.common import FORCE, OUTPUT, RUN, say, tell

if TYPE_CHECKING:
    from rlx.report import Heading
    from rlx.studies import StudyViews

OF_FILES = {"output": "-o", "force": "--force"}
"""Options of a page that is a file."""


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
@click.option("--serve", is_flag=True, help="Serve a page that follows what happens, to this machine alone.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="With --serve: where [default: a free one].")
@click.option(
    "--open", "show", default="no", show_default=True, type=click.Choice(["yes", "no"]), help="Show it in the browser."
)
@click.pass_context
def command(  # noqa: PLR0913
    context: click.Context,
    runs: tuple[str, ...],
    output: Path,
    films: str,
    port: int | None,
    show: str,
    *,
    force: bool,
    serve: bool,
) -> None:
    """Write one HTML page on the study, or on the runs named, or serve it.

    Verdicts, findings, differences, learning curves that show their values and can be filtered by run and seed, films,
    what differs, provenance. The page is a single file that opens without a network: send it, print it, keep it with a
    paper. RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision, a run
    folder, or the name of a sweep. One run alone is shown beside the study's baseline; of several, the first is the
    baseline unless the study's is among them.

    With --serve it prints an address, which has a secret in it, and serves the page there until Ctrl-C: curves, states,
    queue, studies and verdicts follow what happens. Without RUN it also takes up what is trained meanwhile.

    \b
    Example:
      rlx report cartpole cartpole_epochs -o epochs.html
    """
    from rlx.config import find_root, read_parameters
    from rlx.errors import UsageError
    from rlx.report import STDOUT, check_destination, delivered, judge_asked, write_page

    given = {name for name in OF_FILES if _is_given(context, name)}
    if serve:
        if given:
            named = " and ".join(OF_FILES[name] for name in OF_FILES if name in given)
            raise UsageError(f"--serve writes no file; leave out {named}, or leave out --serve")
        _serve(find_root(), runs, films == "yes", port or 0, show == "yes")
    if port is not None:
        raise UsageError("--port says where to --serve; add --serve, or leave --port out")
    if output != STDOUT and output.suffix != ".html":
        raise UsageError(f"-o {output}: a page is an .html file; end the name in .html")
    check_destination(output, force=force)
    root = find_root()
    parameters = read_parameters(root)
    judged = judge_asked(root, parameters, runs)
    views = _studies(root)
    shown = [] if runs or views is None else views.now()
    with delivered(output, ".html", force=force) as path:
        write_page(path, root, parameters, judged, _heading(root, runs, films == "yes"), shown)
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


def _is_given(context: click.Context, name: str) -> bool:
    from click.core import ParameterSource

    return context.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)


def _serve(root: Path, runs: tuple[str, ...], films: bool, port: int, show: bool) -> NoReturn:
    from rlx.report import LivePage, findings_so_far, serve_page
    from rlx.studies import StudyViews

    def told(address: str) -> None:
        say("The page follows what happens here; Ctrl-C ends it. Whoever has its address on this machine can read it.")
        click.echo(address)
        if show:
            import webbrowser

            webbrowser.open(address)

    serve_page(LivePage(root, runs, StudyViews(root, findings_so_far), _heading(root, runs, films)), port, told)


def _studies(root: Path) -> StudyViews | None:
    """Return the studies of a project; None where it has none, and nothing of them need be imported."""
    if not (root / "studies").is_dir():
        return None
    from rlx.studies import StudyViews

    return StudyViews(root)


def _heading(root: Path, runs: tuple[str, ...], films: bool) -> Heading:
    from datetime import UTC, datetime

    from rlx.experiments import git_state
    from rlx.report import Heading

    state = git_state(root)
    changed = ", with uncommitted changes" if state.dirty else ""
    code = f"in {root.name} at commit {state.commit[:10]}{changed}" if state.commit else f"in {root.name}, outside Git"
    title = f"{root.name}: {', '.join(runs)}" if runs else f"{root.name}: the study"
    return Heading(title, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", code, films)
