"""`rlx doctor`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, RUN, console, is_quiet, print_grid, print_json, print_lines, say, tell

if TYPE_CHECKING:
    from rlx.report import CheckResult, CheckSection

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}
NAME_WIDTH = 12


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and say what was done.")
@click.option("--verify", is_flag=True, help="Also compute the hash of every file in DVC's cache again.")
@click.option("--reproduce", metavar="RUN", type=RUN, help="Train a seed of RUN again, and compare every bit.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Which seed of it [default: the first].")
@AS_JSON
def command(*, fix: bool, verify: bool, reproduce: str | None, seed: int | None, as_json: bool) -> None:
    """Check the installation and the project; each finding with its cure.

    Outside a project the installation alone is checked. --fix deletes what killed commands left, puts HEAD back on its
    branch, and moves damaged files of DVC's cache to .dvc/tmp/damaged/; files of yours are never touched. The exit code
    is 1 where a problem is left, 0 where there are only warnings.

    --reproduce trains one seed of a finished run from scratch in a folder that is thrown away, plays its held-out episodes,
    and compares checkpoints, metrics and episodes bit by bit with what is kept, of which nothing is changed; beside that it
    tells how much of the score's uncertainty is between seeds, episodes and repeats (docs/reproducing.md). The exit code is
    1 where something differs.

    \b
    Example:
      rlx doctor --fix
      rlx doctor --reproduce cartpole --seed 101
    """
    if reproduce is not None:
        if fix or verify:
            raise click.UsageError("--reproduce stands alone: without --fix and --verify")
        sys.exit(_reproduced(reproduce, seed, as_json=as_json))
    if seed is not None:
        raise click.UsageError("--seed says which seed of a run: give --reproduce RUN, too")
    from rlx.cli import COMMANDS
    from rlx.config import find_root
    from rlx.errors import NotInProject
    from rlx.report import Examination, examine, mended, plugin_packages

    packages = cache(partial(plugin_packages, tuple(COMMANDS)))
    try:
        root = find_root()
    except NotInProject:
        root = None
    with _progress(shown=verify and root is not None) as progress:
        found = examine(root, progress if verify else None, packages)
        sections = []
        for section in mended(found) if fix else found:
            sections.append(section)
            if not as_json:
                _show(section)
    findings = [finding for section in sections for finding in section.findings]
    counts = {level: sum(finding.level == level for finding in findings) for level in STYLES}
    if as_json:
        titled = {section.title: section.findings for section in sections}
        print_json(Examination(1, None if root is None else str(root), counts, titled, packages()))
    else:
        _sum_up(findings, counts, in_project=root is not None)
    if counts["problem"]:
        sys.exit(1)


def _reproduced(run: str, seed: int | None, *, as_json: bool) -> int:
    """Train a seed of a run again, print what was found, and return the exit code."""
    from rlx.config import find_root
    from rlx.report import reproduce, reproduction_lines, variance_grid

    found = reproduce(find_root(), run, seed, say)
    if as_json:
        print_json(found)
    else:
        print_lines(reproduction_lines(found))
        click.echo()
        print_grid(variance_grid(found))
        click.echo()
        tell(found.verdict, STYLES["ok" if found.same else "problem"])
    return 0 if found.same else 1


def _show(section: CheckSection) -> None:
    findings = [each for each in section.findings if not (is_quiet() and each.level == "ok" and not each.mended)]
    if not findings:
        return
    tell(section.title, "bold")
    for finding in findings:
        _show_finding(finding)


def _show_finding(finding: CheckResult) -> None:
    from rich.text import Text

    from rlx.report import wrapped
    from rlx.stats import visible

    drawn = console()
    indent = " " * (NAME_WIDTH + 12)
    name = f"{finding.name:<{NAME_WIDTH}}"
    lines = [wrapped(line, drawn.width, indent) for line in visible(finding.message).splitlines()]
    if finding.cure:
        lines.append(indent[:-2] + "→ " + wrapped(visible(finding.cure), drawn.width, indent).lstrip())
    text = "\n".join(lines)
    text = text[len(indent) :] if len(name) <= NAME_WIDTH else f"\n{text}"
    level = (f"  {finding.level:<8} ", STYLES[finding.level])
    drawn.print(Text.assemble(level, f"{name} " if text[0] != "\n" else name.rstrip(), text), soft_wrap=True)


def _sum_up(findings: list[CheckResult], counts: dict[str, int], *, in_project: bool) -> None:
    from rlx.report import with_noun

    parts = [with_noun(counts["problem"], "problem"), with_noun(counts["warning"], "warning"), f"{counts['ok']} ok"]
    click.echo()
    tell(", ".join(parts) + ("" if in_project else "; not inside a project, so the installation alone was checked"))
    fixable = sum(finding.fixable and finding.level != "ok" for finding in findings)
    if fixable:
        tell(f"`rlx doctor --fix` mends {fixable} of them")


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Give what shows how far verifying is: on a terminal, on standard error; nothing elsewhere."""
    if not (shown and sys.stderr.isatty()) or is_quiet():
        yield lambda _, __: None
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("DVC's cache", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
