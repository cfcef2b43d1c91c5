"""`rlx sync`."""

from __future__ import annotations

from pathlib import Path

import click

from rlx.cli.common import tell


@click.command("sync")
@click.option(
    "--merge", "settle", is_flag=True, help="In a merge, rebase or the like: merge what rlx can, name the rest."
)
@click.option(
    "--driver", nargs=4, hidden=True, type=click.Path(path_type=Path), help="For Git: ancestor, ours, theirs, name."
)
def command(*, settle: bool, driver: tuple[Path, Path, Path, Path] | None) -> None:
    """Bring dvc.yaml in step with the study.

    The compare stage lists the results of every run in study.runs (params.yaml). After adding or removing a run there,
    this rewrites that list; the rest of dvc.yaml stays as it is. A dvc.yaml so old that runs are not judged by their own
    environment is brought up to date first, as `rlx upgrade` does; comments and stages of your own stay. The resolve
    stage lists the data files of the project that environments read, so that a change of them is noticed.

    With --merge it settles the conflicts of two people who each added a run: the study has the runs of both, dvc.lock the
    results of both, and `dvc pull && dvc repro` then only judges them. What both sides changed is named and left to you.

    \b
    Example:
      rlx sync
      rlx sync --merge
    """
    if driver:
        _drive(*driver)
        return
    from rlx.config import find_root, read_parameters
    from rlx.experiments import is_of_older_rlx, sync_data, sync_roster

    root = find_root()
    settle = settle or _is_in_conflict(root)
    settled = settle and _settle(root)
    runs = read_parameters(root).study.runs
    if is_of_older_rlx(root):
        _upgrade(root)
    changed = sync_roster(root, runs)
    click.echo(f"dvc.yaml {'now compares' if changed else 'compares'} {', '.join(runs)}")
    if added := sync_data(root):
        click.echo(f"dvc.yaml now watches data that environments read: {', '.join(added)}")
    if settle:
        tell(_next(root, settled=settled))


def _upgrade(root: Path) -> None:
    """Bring the files of an older rlx up to date, without which the study cannot be made."""
    from rlx.experiments import plan_upgrade, upgrade

    planned = plan_upgrade(root)
    upgrade(root, planned)
    if planned.files:
        tell(f"brought up to date, as `rlx upgrade` does: {', '.join(file.name for file in planned.files)}")
    for line in (
        *(f"{file.name}: you and rlx changed the same lines; `rlx upgrade` shows them" for file in planned.conflicts),
        *planned.left,
    ):
        tell(line)


def _drive(ancestor: Path, ours: Path, theirs: Path, name: Path) -> None:
    """Merge one file for Git: the result goes where ours was; exit status 1 leaves the file unmerged."""
    from rlx.config import write_bytes
    from rlx.experiments import Sides, by_lines, way_of

    sides = Sides(*(path.read_bytes() for path in (ancestor, ours, theirs)))
    way = way_of(name.as_posix())
    if way is None:  # a project in a folder of the repository
        parts = name.parts
        way = next(filter(None, (way_of(Path(*parts[index:]).as_posix()) for index in range(1, len(parts)))), None)
    if way is None:
        content, conflict = by_lines(*(side or b"" for side in (sides.base, sides.ours, sides.theirs)))
    else:
        merged = way(sides)
        content, conflict = merged.content, bool(merged.conflicts)
    write_bytes(ours, content)
    if conflict:
        raise SystemExit(1)


def _is_in_conflict(root: Path) -> bool:
    """Tell whether a file that rlx merges is in conflict: then there is no roster to be in step with yet."""
    from rlx.experiments import in_conflict, way_of

    return any(way_of(name) is not None for name in in_conflict(root))


def _settle(root: Path) -> bool:
    """Merge what rlx can; tell whether there was anything."""
    from rlx.errors import ConfigError
    from rlx.experiments import settle_conflicts, take_their_results

    done = settle_conflicts(root)
    theirs = [] if done.left else take_their_results(root)
    if done.files:
        tell(f"merged: {', '.join(done.files)}")
    for run in theirs:
        tell(f"{run} comes out as they configured it: dvc.lock has their results now")
    for run in (run for run in done.runs if run not in theirs):
        tell(
            f"{run} was changed on both sides: dvc.lock keeps our results; `dvc repro` trains it anew if its configuration "
            f"comes out otherwise"
        )
    if done.left:
        raise ConfigError(
            f"changed on both sides, and left to you: {', '.join(done.left)}. Settle and `git add` "
            f"{'it' if len(done.left) == 1 else 'them'} (`git rm` what is to go), then `rlx sync --merge` again"
        )
    return bool(done.files or theirs)


def _next(root: Path, *, settled: bool) -> str:
    from rlx.experiments import under_way

    what = under_way(root)
    if what is None and not settled:
        return "Nothing is to merge here: no merge is under way, and no file is in conflict"
    finish = {"merge": "`git commit`", None: "`git commit`", "bisect": "`git commit`"}.get(
        what, f"`git {what} --continue`"
    )
    return (
        f"Next: {finish}, then `dvc pull` and `dvc repro`, which judges the runs together and trains none of them again"
    )
