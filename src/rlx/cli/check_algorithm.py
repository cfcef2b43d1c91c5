"""`rlx check-algorithm`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, CONFIG, console, is_quiet, print_json, tell

if TYPE_CHECKING:
    from rlx.training import CheckedAlgorithm, Promise

STYLES = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("FAILED", "bold red")}
INDENT = 23
MEMBERS = 8
"""How many members that differ are shown; --json has all."""


@click.command("check-algorithm")
@click.argument("name")
@click.option("--env", "env_ids", multiple=True, metavar="ID", help="Try it in this environment [default: tiny ones].")
@click.option("--config", type=CONFIG, help="Take settings, network and environment of a config.")
@click.option("-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting for the check.")
@click.option(
    "--steps", type=click.IntRange(min=30), default=500, show_default=True, help="Steps of each training, at least."
)
@AS_JSON
def command(  # noqa: PLR0913
    name: str, env_ids: tuple[str, ...], config: str | None, overrides: tuple[str, ...], steps: int, *, as_json: bool
) -> None:
    """Check that the algorithm NAME keeps to its contract.

    NAME is what `algo.name` says: one of the project's algorithms/, of a package, or of rlx. It is trained in tiny
    environments that show and take what it declares: in one go, killed on the way and resumed (the same bytes, or the
    members of its state that differ are listed), and validated often; its policies are compared. Nothing is kept. The
    exit code is 1 where a promise is broken.

    \b
    Example:
      rlx check-algorithm reinforce
    """
    from rlx.config import find_root
    from rlx.training import check_algorithm, trial_configs

    root = find_root()
    configs = trial_configs(root, name, config, env_ids, overrides)
    with _progress() as progress:
        found = check_algorithm(root, configs, steps, progress)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found.problems:
        sys.exit(1)


def _show(found: CheckedAlgorithm) -> None:
    tell(f"{found.algorithm} ({found.module})", "bold")
    for check in found.checks:
        _show_check(check)
    for each in found.environments:
        tell(f"{each.observations} observations, {each.actions} actions: {each.environment.rpartition(':')[2]}", "bold")
        for check in each.checks:
            _show_check(check)
    click.echo()
    tell(
        f"{found.problems or 'no'} problem{'s' * (found.problems != 1)} found"
        + ("" if found.problems else "; it resumes to the same bytes")
    )


def _show_check(check: Promise) -> None:
    from rich.text import Text

    from rlx.report import wrapped
    from rlx.stats import visible

    if is_quiet() and check.level == "ok":
        return
    drawn, indent = console(), " " * INDENT
    lines = [wrapped(line, drawn.width, indent) for line in visible(check.message).splitlines()]
    lines += [wrapped(visible(member), drawn.width, f"{indent}  ") for member in check.members[:MEMBERS]]
    if (more := len(check.members) - MEMBERS) > 0:
        lines.append(f"{indent}  … and {more:,} more (`--json` has them all)")
    if check.cure:
        lines.append(indent[:-2] + "→ " + wrapped(visible(check.cure), drawn.width, indent).lstrip())
    word, style = STYLES[check.level]
    text = "\n".join(lines)[INDENT:]
    drawn.print(Text.assemble((f"  {word:<8} ", style), f"{check.name:<11} ", text), soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give what shows how far the check is: on a terminal, on standard error; nothing elsewhere."""
    if not sys.stderr.isatty() or is_quiet():
        yield lambda _, __: None
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
