"""`rlx upgrade`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rlx.cli.common import tell

if TYPE_CHECKING:
    from rlx.experiments import Upgrade, UpgradedFile


@click.command("upgrade")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def command(*, dry_run: bool) -> None:
    """Bring a project of an older rlx up to date.

    Stage files, dvc.yaml and what else rlx keeps in a project are replaced where they are as rlx once shipped them; where
    you have changed them, what rlx changed since is merged in, and your changes stay. Where both changed the same lines,
    they are shown and the file is left (exit code 1); it goes on working as it did. dvc.lock and unfinished seeds are
    carried over: results that come out the same are not made again, and what would train anew is said first.

    Nothing is committed. A call that was killed is finished by the next.

    \b
    Example:
      rlx upgrade --dry-run
      rlx upgrade && dvc repro
    """
    from rlx.config import find_root
    from rlx.experiments import plan_upgrade, upgrade

    root = find_root()
    planned = plan_upgrade(root)
    if not (planned.files or planned.lock or planned.conflicts or planned.left):
        tell("nothing to do: the project is of the present rlx")
        return
    for line in (*_lines(planned, dry_run=dry_run), *_prospect(planned)):
        tell(line)
    if not dry_run:
        upgrade(root, planned)
    if planned.files:
        tell("`rlx upgrade` does it" if dry_run else "Next: look at `git diff`, then `git add -A` and `git commit`")
    if planned.conflicts or planned.left:
        _show_left(planned)
        sys.exit(1)


def _lines(planned: Upgrade, *, dry_run: bool) -> Iterator[str]:
    """Yield what is done, a line for each file."""
    if planned.files:
        yield "would be brought up to date:" if dry_run else "brings up to date:"
    for file in planned.files:
        yield f"  {file.name}{_how(file)}"
    if planned.lock:
        same = "" if planned.engine else ": the results are those of the new files"
        yield f"  dvc.lock{same}"
    if planned.has_bench and "train" not in (planned.engine or {}):
        yield "  .dvc/tmp/rlx: seeds trained before are found again"


def _how(file: UpgradedFile) -> str:
    if not file.before:
        return ": new, for algorithms of your own"
    if file.name == "params.yaml":
        return ": the versions that this rlx computes (engine)"
    return ": merged, your changes stay" if file.is_edited else ""


def _prospect(planned: Upgrade) -> Iterator[str]:
    """Yield what `dvc repro` then makes."""
    trained = planned.trained or {}
    for run, why in trained.items():
        yield f"`dvc repro` trains {run} anew: {why}"
    if planned.engine and "eval" in planned.engine:
        yield "`dvc repro` evaluates all runs again: rlx evaluates otherwise since"
    if planned.again:
        yield f"`dvc repro` makes these stages again: {', '.join(planned.again)}"
    if not trained:
        yield "`dvc repro` trains nothing anew"


def _show_left(planned: Upgrade) -> None:
    """Show what only a person can do."""
    for file in planned.conflicts:
        tell(f"{file.name}: left as it is; you and rlx changed the same lines (above: yours, below: rlx's):")
        for line in file.conflict.splitlines():
            click.echo(f"    {line}")
    for sentence in planned.left:
        tell(sentence)
