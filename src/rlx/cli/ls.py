"""`rlx ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_CSV, AS_JSON, AS_MARKDOWN, console, print_csv, print_grid, print_json, tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rlx.experiments import Row

SORTS = ("age", "id", "return", "status", "environment")


@click.command("ls")
@click.option("--sort", type=click.Choice(SORTS), default="age", show_default=True, help="Order of the rows.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; several must all be there.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="EXPR",
    help="Only runs like that, such as 'return>100' or status=failed.",
)
@click.option("--sweep", metavar="SWEEP", help="The trials of a search by rank, or the experiments of a grid.")
@click.option("--all", "everything", is_flag=True, help="Also experiments of studies, and those not fetched here.")
@AS_JSON
@AS_CSV
@AS_MARKDOWN
def command(  # noqa: PLR0913
    sort: str,
    tags: tuple[str, ...],
    filters: tuple[str, ...],
    sweep: str | None,
    *,
    everything: bool,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
) -> None:
    """List the runs of the workspace and kept experiments, a row each.

    Nothing is checked out. One that cannot be read shows as such and hides no other.

    EXPR compares a field (id, status, environment, algorithm, seeds, return, steps, age in days, tags, note) with a value
    by =, !=, <, <=, > or >=, or by ~ for texts that contain it; several must all hold.

    \b
    Example:
      rlx ls --tag paper --filter 'return>=100' --sort return
    """
    from rlx.config import find_root
    from rlx.errors import Missing
    from rlx.experiments import Listing, Row, has_trials, parse_filter, rows, sweeps_of
    from rlx.report import points_of
    from rlx.stats import nearest

    wanted = [parse_filter(text) for text in filters]
    root = find_root()
    if sweep is not None and has_trials(root, sweep):
        _print_trials(root, sweep, as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
        return
    listed = rows(root) if sweep is None else points_of(root, sweep)
    if sweep is not None and not listed:
        known = sweeps_of(root)
        if sweep in known:
            raise Missing(f"nothing of the sweep {sweep} is made yet; `rlx sweep {sweep}` makes it")
        raise Missing(f"there is nothing of a sweep {sweep!r}; {nearest(sweep, known)}")
    found = [row for row in listed if set(tags) <= set(row.tags) and all(fits(row) for fits in wanted)]
    elsewhere = everything or any("elsewhere" in text for text in filters)
    hidden = [] if elsewhere else [row for row in found if row.status == "elsewhere" and row.kind == "experiment"]
    listing = not (elsewhere or as_json or as_csv or as_markdown or filters or tags or sweep)
    of_studies = _of_studies(root, found) if listing else []
    shown = _sorted([row for row in found if row not in hidden and row not in of_studies], sort)
    if as_json:
        print_json(Listing(1, shown))
    elif as_csv:
        from rlx.report import keys_of, to_json

        print_csv(keys_of(Row), to_json(shown))
    elif as_markdown:
        click.echo(_markdown(shown))
    else:
        _print_table(shown)
        if low := [row.id for row in shown if row.is_above_random is False]:
            tell(f"not shown to beat random actions: {', '.join(low)}")
        if hidden:
            click.echo(f"{len(hidden)} more experiments are not fetched here: `rlx ls --all` lists them")
        if of_studies:
            click.echo(f"{len(of_studies)} more experiments are of studies: `rlx ls --all` lists them")
        if not found:
            click.echo("no runs" + (" like that" if tags or filters else " yet: `dvc repro` makes the study"))


def _of_studies(root: Path, found: list[Row]) -> list[Row]:
    """Return the experiments that studies made, which a list of what people made has no use for."""
    if not (root / "studies").is_dir():
        return []
    from rlx.studies import of_studies

    names = of_studies(root, [row.id for row in found if row.kind == "experiment"])
    return [row for row in found if row.id in names]


def _print_trials(root: Path, sweep: str, *, as_json: bool, as_csv: bool, as_markdown: bool) -> None:
    """Print the trials of a search."""
    from rlx.experiments import standing_trials
    from rlx.report import SearchedTrial, SearchResult, keys_of, searched, to_json, trials_grid

    result = SearchResult(sweep, standing_trials(root, sweep))
    if as_json:
        print_json(searched(result))
    elif as_csv:
        print_csv(keys_of(SearchedTrial), to_json(searched(result).trials))
    elif as_markdown:
        click.echo(trials_grid(result, None).to_markdown())
    else:
        print_grid(trials_grid(result, None))
        if confirmed := result.trials.confirmed:
            told = ", ".join(f"trial {trial} by {name}" for trial, name in confirmed.items())
            tell(f"Confirmed on fresh seeds: {told}")


def _markdown(found: list[Row]) -> str:
    import time

    from rlx.report import score_cells, seeds_cell
    from rlx.stats import Grid

    now = time.time()
    head = ["run", "status", "environment", "seeds", "return", "95 % interval", "age", "tags"]
    rows = [
        [
            row.id,
            row.status,
            row.environment or "—",
            seeds_cell(row),
            *score_cells(row),
            _age(now, row.updated),
            " ".join(row.tags),
        ]
        for row in found
    ]
    return Grid("", head, rows, left=3).to_markdown()


def _sorted(found: list[Row], sort: str) -> list[Row]:
    keys = {
        "age": lambda row: -(row.updated or 0.0),
        "id": lambda row: row.id,
        "return": lambda row: float("inf") if row.return_mean is None else -row.return_mean,
        "status": lambda row: row.status,
        "environment": lambda row: row.environment or "",
    }
    return sorted(found, key=keys[sort])


def _print_table(found: list[Row]) -> None:
    import time

    from rich.text import Text

    from rlx.report import score_cells, seeds_cell
    from rlx.stats import visible

    terminal, now = console(), time.time()
    columns = {
        "run": [row.id for row in found],
        "status": [_status(row) for row in found],
        "environment": [row.environment or "—" for row in found],
        "seeds": [seeds_cell(row) for row in found],
        "return": [score_cells(row)[0] for row in found],
        "95 % interval": [score_cells(row)[1] for row in found],
        "age": [_age(now, row.updated) for row in found],
        "tags": [" ".join(row.tags) for row in found],
    }
    columns = {name: [visible(cell, cell=True) for cell in cells] for name, cells in columns.items()}
    if not any(columns["tags"]):
        del columns["tags"]
    left_out = _fit(columns, terminal.width)
    if found:
        terminal.print(Text("\n".join(_lines(columns))), soft_wrap=True)
    if left_out:
        terminal.print(
            Text(f"no room for: {', '.join(left_out)} (a wider terminal, --csv or --json shows them)", "dim")
        )
    for row in found:
        if row.problem:
            terminal.print(Text(visible(f"{row.id}: {row.problem}", cell=True)), soft_wrap=True)


def _lines(columns: dict[str, list[str]]) -> Iterator[str]:
    """Yield a title line and the rows; plain padding, because thousands of rows take rich's tables seconds."""
    from rich.cells import cell_len

    right = ("seeds", "return", "95 % interval", "age")
    widths = {title: max(map(cell_len, [title, *cells])) for title, cells in columns.items()}
    for cells in zip(*([title, *column] for title, column in columns.items()), strict=True):
        padded = []
        for title, cell in zip(columns, cells, strict=True):
            space = " " * (widths[title] - cell_len(cell))
            padded.append(f"{space}{cell}" if title in right else f"{cell}{space}")
        yield "  ".join(padded).rstrip()


def _fit(columns: dict[str, list[str]], width: int) -> list[str]:
    """Drop the columns that matter least until the others fit whole; return their names."""
    from rich.cells import cell_len

    dropped = []
    for name in ("age", "tags", "environment", "95 % interval", "status"):
        if sum(max(map(cell_len, [title, *cells])) + 2 for title, cells in columns.items()) - 2 <= width:
            break
        if columns.pop(name, None) is not None:
            dropped.append(name)
    return dropped


def _status(row: Row) -> str:
    return row.status if row.progress is None else f"{row.status} {100 * row.progress:.0f} %"


def _age(now: float, then: float | None) -> str:
    if then is None:
        return "—"
    seconds = max(0.0, now - then)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
