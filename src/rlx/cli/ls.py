"""`rlx ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rlx.catalogue import Row

SORTS = ("age", "id", "return", "status", "environment")


@click.command("ls")
@click.option("--sort", type=click.Choice(SORTS), default="age", show_default=True, help="Order of the rows.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; several must all be there.")
@click.option("--status", metavar="STATUS", help="Only runs of this status, such as running or failed.")
@click.option("--env", "environment", metavar="ID", help="Only runs on this environment, or whose id begins like that.")
@click.option("--all", "everything", is_flag=True, help="Also experiments whose results this clone has not fetched.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON, with every field.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV, with every field.")
def command(
    sort: str, tags: tuple[str, ...], *, everything: bool, as_json: bool, as_csv: bool, **only: str | None
) -> None:
    """List every run of the workspace and every kept experiment, a row each.

    Reads Git and DVC's cache; nothing is checked out. What cannot be read shows as unreadable, and hides nothing else.

    \b
    Example:
      rlx ls --tag paper --sort return
    """
    from rlx.catalogue import rows
    from rlx.project import find_root

    found = [row for row in rows(find_root()) if set(tags) <= set(row.tags) and _fits(row, only)]
    hidden = [] if everything or only.get("status") == "elsewhere" else [r for r in found if r.status == "elsewhere"]
    shown = _sorted([row for row in found if row not in hidden], sort)
    if as_json:
        _print_json(shown)
    elif as_csv:
        _print_csv(shown)
    else:
        _print_table(shown)
        if hidden:
            click.echo(f"{len(hidden)} more experiments are not fetched here: `rlx ls --all` lists them")
        if not found:
            click.echo(
                "no runs" + (" like that" if tags or any(only.values()) else " yet: `dvc repro` makes the study")
            )


def _fits(row: Row, only: dict[str, str | None]) -> bool:
    status, environment = only.get("status"), only.get("environment")
    return (status is None or row.status == status) and (
        environment is None or (row.environment or "").startswith(environment)
    )


def _sorted(found: list[Row], sort: str) -> list[Row]:
    keys = {
        "age": lambda row: -(row.updated or 0.0),
        "id": lambda row: row.id,
        "return": lambda row: float("inf") if row.return_mean is None else -row.return_mean,
        "status": lambda row: row.status,
        "environment": lambda row: row.environment or "",
    }
    return sorted(found, key=keys[sort])


def _print_json(found: list[Row]) -> None:
    import json
    from dataclasses import asdict

    plain = [{key: value for key, value in asdict(row).items() if key != "process"} for row in found]
    click.echo(json.dumps({"format": 1, "runs": plain}, indent=2, ensure_ascii=False, allow_nan=False))


def _print_csv(found: list[Row]) -> None:
    import csv
    import sys
    from dataclasses import asdict, fields

    from rlx.catalogue import Row

    names = [field.name for field in fields(Row) if field.name != "process"]
    writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in found:
        writer.writerow({**asdict(row), "tags": " ".join(row.tags)})


def _print_table(found: list[Row]) -> None:
    import time

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, now = Console(highlight=False), time.time()
    columns = {
        "run": [row.id for row in found],
        "status": [row.status for row in found],
        "environment": [row.environment or "—" for row in found],
        "seeds": [_seeds(row) for row in found],
        "return": [_score(row)[0] for row in found],
        "95 % interval": [_score(row)[1] for row in found],
        "age": [_age(now, row.updated) for row in found],
        "tags": [" ".join(row.tags) for row in found],
    }
    if not any(columns["tags"]):
        del columns["tags"]
    left_out = _fit(columns, console.width)
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in columns:
        right = title in ("seeds", "return", "95 % interval", "age")
        grid.add_column(title, justify="right" if right else "left", overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        grid.add_row(*map(Text, cells))
    if found:
        console.print(grid)
    if left_out:
        console.print(Text(f"no room for: {', '.join(left_out)} (a wider terminal, --csv or --json shows them)", "dim"))
    for row in found:
        if row.problem:
            console.print(Text(f"{row.id}: {row.problem}"), soft_wrap=True)


def _fit(columns: dict[str, list[str]], width: int) -> list[str]:
    """Drop the columns that matter least until the others fit whole; return their names."""
    dropped = []
    for name in ("age", "tags", "environment", "95 % interval", "status"):
        if sum(max([len(title), *map(len, cells)]) + 2 for title, cells in columns.items()) - 2 <= width:
            break
        if columns.pop(name, None) is not None:
            dropped.append(name)
    return dropped


def _seeds(row: Row) -> str:
    if row.seeds is None:
        return "—"
    return str(row.seeds) if row.seeds == row.seeds_wanted else f"{row.seeds}/{row.seeds_wanted}"


def _score(row: Row) -> list[str]:
    if row.return_mean is None:
        return ["—", "—"]
    if row.ci_low is None or row.ci_high is None:
        return [f"{row.return_mean:,.4g}", "—"]
    digits = 0 if max(abs(row.ci_low), abs(row.ci_high)) >= 100 else 2
    return [f"{row.return_mean:,.{max(1, digits)}f}", f"[{row.ci_low:,.{digits}f}, {row.ci_high:,.{digits}f}]"]


def _age(now: float, then: float | None) -> str:
    if then is None:
        return "—"
    seconds = max(0.0, now - then)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
