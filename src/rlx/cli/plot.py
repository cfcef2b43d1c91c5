"""`rlx plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, FORCE, OUTPUT, RUN, print_csv, print_json, say, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rlx.records import RunFolder
    from rlx.report import CurveSheet

FORMATS = ("png", "svg", "pdf", "html")
WIDTHS = ("single", "double", "text")
NAMED = 4
"""Runs that the name of a picture spells out."""


@click.command("plot")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RUN)
@click.option(
    "--x",
    type=click.Choice(["steps", "time"]),
    default="steps",
    show_default=True,
    help="Steps, or seconds of training.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="M",
    help="A metric of docs/files.md; `internals` of its updates; `all`. Several give a panel each [default: returns].",
)
@click.option(
    "--windows",
    type=click.IntRange(0, 100_000),
    metavar="N",
    help="Average over N windows of training; 0: none [default: 25, train/* 100].",
)
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Picture or page [default: as PATH, else png].")
@click.option("--paper", is_flag=True, help="Draw for a paper: PDF [default], fonts and lines of its size.")
@click.option(
    "--width",
    type=click.Choice(WIDTHS),
    help="With --paper: a column (3.25 in) or both (6.75 in) of two, or a text of one (5.5 in) [default: single].",
)
@click.option("-o", "--output", type=OUTPUT, metavar="PATH", help="Where; - is standard output [default: in plots/].")
@FORCE
@AS_JSON
@click.option("--csv", "as_csv", is_flag=True, help="Print the points as CSV.")
def command(runs: tuple[str, ...], *, as_json: bool, as_csv: bool, force: bool, **options: Any) -> None:
    """Draw learning curves of runs: a line per seed, the mean, its band; or a search.

    Without --metric, the return of training episodes and the validation return. RUN is as in `rlx info`, and may be
    still training. Bands are pointwise 95 % t intervals over seeds. html is one interactive page that works offline.

    --paper draws with matplotlib's style sheet `rlx.report.paper`, which your own figures can use too.

    \b
    Example:
      rlx plot cartpole cartpole_epochs --metric internals --format html
      rlx plot cartpole cartpole_epochs --paper --width double
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.experiments import has_trials
    from rlx.report import (
        STDOUT,
        check_destination,
        chosen_metrics,
        curve_sheet,
        delivered,
        named_folders,
        without_constants,
    )

    kind, output, metrics, x = (options[name] for name in ("kind", "output", "metrics", "x"))
    if as_json + as_csv + bool(kind or output) > 1:
        raise UsageError("--json, --csv and a picture (--format, -o) are one at a time; leave out the others")
    paper = _paper(options["paper"], options["width"], as_data=as_json or as_csv)
    if paper:
        kind = kind or ("pdf" if output is None or not output.suffix else None)
    root = find_root()
    if len(runs) == 1 and has_trials(root, runs[0]):
        if paper:
            raise UsageError(f"{runs[0]} is a search; --paper draws learning curves: leave it out, or name runs")
        _plot_search(root, runs[0], kind, output, force=force, as_json=as_json)
        return
    folders = named_folders(root, runs)
    wanted = chosen_metrics(metrics, x, options["windows"], folders)
    target = None if as_json or as_csv else _target(kind, output, _name(folders, metrics, x))
    if paper and ".html" in (target.suffix if target else "", f".{kind}"):
        raise UsageError("--paper draws a picture, no page: a .pdf, .svg or .png; leave out one of the two")
    if target:
        check_destination(target, force=force, default=output is None)
    sheet = curve_sheet(root, folders, wanted)
    if target is None:
        _print(sheet, as_json=as_json)
        return
    suffix = f".{kind or FORMATS[0]}" if target == STDOUT else target.suffix
    if "all" in metrics:
        sheet = without_constants(sheet)
    with delivered(target, suffix, force=force, default=output is None) as path:
        _draw(sheet, path, paper)
    if target == STDOUT:
        return
    for note in sheet.notes:
        say(note)
    tell(str(target))


def _plot_search(  # noqa: PLR0913
    root: Path, name: str, kind: str | None, output: Path | None, *, force: bool, as_json: bool
) -> None:
    """Draw a search, or print it."""
    from rlx.errors import UsageError
    from rlx.experiments import standing_trials
    from rlx.report import STDOUT, SearchResult, check_destination, delivered, save_figure, search_picture, searched

    trials = standing_trials(root, name)
    if as_json:
        print_json(searched(SearchResult(name, trials)))
        return
    target = _target(kind, output, f"{name}-search")
    suffix = f".{kind or FORMATS[0]}" if target == STDOUT else target.suffix
    if suffix == ".html":
        raise UsageError(
            f"{name} is a search, which is drawn as png, svg or pdf; optuna-dashboard opens sweeps/{name}/optuna.log"
        )
    check_destination(target, force=force, default=output is None)
    with delivered(target, suffix, force=force, default=output is None) as path:
        save_figure(search_picture(trials), path)
    if target != STDOUT:
        tell(str(target))


def _name(folders: Sequence[RunFolder], metrics: Sequence[str], x: str) -> str:
    """Return what to call a picture, without a suffix."""
    runs = [folder.name for folder in folders]
    shown = runs if len(runs) <= NAMED else [*runs[: NAMED - 1], f"{len(runs) - NAMED + 1}_more"]
    parts = ["+".join(shown), "+".join(metrics) or "returns", *(["time"] if x == "time" else [])]
    return "-".join(parts).strip("./").replace("/", "_")[:200]


def _target(kind: str | None, path: Path | None, name: str) -> Path:
    """Return where the picture goes.

    Raises:
        UsageError: The path's suffix is no format, or not the one asked for.
    """
    from rlx.errors import UsageError
    from rlx.report import STDOUT

    if path == STDOUT:
        return path
    if path is None or path.is_dir():
        return (path or Path("plots")) / f"{name}.{kind or FORMATS[0]}"
    suffix = path.suffix.removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"-o {path}: ends in none of {', '.join(f'.{known}' for known in FORMATS)}; give it one of them"
        )
    if kind is not None and kind != suffix:
        raise UsageError(f"-o {path}: is not the name of a {kind} file; leave out --format, or end it in .{kind}")
    return path


def _paper(paper: bool, width: str | None, *, as_data: bool) -> str:
    """Return of which width a figure for a paper is; empty where none is wanted.

    Raises:
        UsageError: A width without a paper, or a paper of numbers.
    """
    from rlx.errors import UsageError

    if width and not paper:
        raise UsageError("--width is that of a figure for a paper; add --paper, or leave it out")
    if paper and as_data:
        raise UsageError("--json, --csv and a picture (--paper) are one at a time; leave out the others")
    return (width or WIDTHS[0]) if paper else ""


def _draw(sheet: CurveSheet, target: Path, paper: str) -> None:
    from rlx.config import write_text
    from rlx.errors import UsageError
    from rlx.report import MOST_RUNS, curve_picture, save_figure, save_paper_figure

    if len(sheet.runs) > MOST_RUNS:
        raise UsageError(
            f"{len(sheet.runs)} runs cannot be told apart in one picture; name at most {MOST_RUNS}, "
            f"or take the points with --csv"
        )
    if paper:
        save_paper_figure(sheet, paper, target)
    elif target.suffix == ".html":
        from rlx.report import curve_page

        write_text(target, curve_page(sheet))
    else:
        save_figure(curve_picture(sheet), target)


def _print(sheet: CurveSheet, *, as_json: bool) -> None:
    from rlx.report import COLUMNS, plotted, to_rows

    if as_json:
        print_json(plotted(sheet))
        return
    print_csv(COLUMNS, to_rows(sheet))
    for note in sheet.notes:
        click.echo(note, err=True)
