"""Checks of runs and results: what has stopped, what is not here, what may be deleted, what takes room."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from rlx.config import MOST_BYTES, has_marks, read_bytes, read_json
from rlx.errors import DataDamaged
from rlx.experiments import abandoned, check_lock, default_remote, drop_abandoned, recorded_here
from rlx.launch import main_root
from rlx.records import RECORD, SIZE_LIMIT, bench_folder, bytes_below, cache_root, is_whole
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, size, warning, with_noun


def runs(root: Path) -> Iterator[CheckResult]:
    """Check for runs that were stopped, have failed, or cannot be read, and for files of them that are damaged."""
    from rlx.experiments import rows
    from rlx.records import RunFolder
    from rlx.report.run_files import damaged_files

    found, seen, known = rows(root), False, set[str]()
    with suppress(DataDamaged):
        known = set(recorded_here(root))
    for row in found:
        name = f"run {row.id}"
        if row.status == "unreadable":
            yield problem(name, row.problem or "unreadable", _rescue(root, row.id, row.problem or "", known))
            continue
        told = [str(error) for error in damaged_files(RunFolder(root / "runs" / row.id))] if row.kind == "run" else []
        for text in told:
            seen = True
            yield problem(name, text)
        if row.status in ("stopped", "failed"):
            yield warning(name, f"has {row.status}", f"`rlx resume {shlex.quote(row.id)}`")
        elif row.problem:
            yield warning(name, row.problem)
    if not (seen or any(row.problem for row in found)):
        yield ok(
            "runs",
            f"{with_noun(len(found), 'run and experiment')}"
            if len(found) == 1
            else f"{len(found)} runs and experiments",
        )


def _rescue(root: Path, run: str, told: str, known: Collection[str]) -> str:
    """Return what to do about a run that cannot be read, where what is told of it does not say it already."""
    if (root / "runs" / run / RECORD).exists():
        return f"`rlx rm {shlex.quote(run)}`"
    if run in known and "`" not in told:
        return f"`{shlex.join(['dvc', 'checkout', '--force', f'runs/{run}/metadata.json', f'runs/{run}/eval'])}`"
    if run in known or not (root / "runs" / run).exists():  # a kept experiment has no folder of its own
        return ""
    return (
        f"it is no run of dvc.lock and no experiment: `rm -r {shlex.quote(f'runs/{run}')}`, if nothing in it is yours"
    )


def results(root: Path) -> Iterator[CheckResult]:
    """Check that what dvc.lock records lies in the project and is in DVC's cache."""
    lacking = []
    if (root / "dvc.lock").is_file() and has_marks(read_bytes(root / "dvc.lock", MOST_BYTES)):
        return  # told by another check
    try:
        check_lock(root)
        known = recorded_here(root)
    except DataDamaged as error:
        yield problem("dvc.lock", str(error))
        return
    for run, record in sorted(known.items()):
        for output, digest in record.outputs.items():
            try:
                if not is_whole(root, digest):
                    lacking.append(f"runs/{run}/{output}")
            except DataDamaged as error:
                yield problem("cache", f"runs/{run}/{output}: {error}", restoring(root))
    if lacking:
        told = f"{with_noun(len(lacking), 'result')} of dvc.lock not in DVC's cache: {listed(lacking)}"
        yield warning("cache", told, restoring(root))


def restoring(root: Path) -> str:
    """Return the command that brings results back into DVC's cache."""
    if default_remote(root):
        return "`dvc fetch --all-commits`, or `dvc repro` for what it lacks"
    return "`dvc repro`, which takes seeds from the bench where they are still there"


def workplaces(root: Path) -> Iterator[CheckResult]:
    """Check for clones in which experiments were made that are no more."""
    names = abandoned(root)
    if not names:
        return

    def mend() -> str:
        dropped = [name for name in names if drop_abandoned(root, name)]
        return f"deleted the workplaces of {listed(dropped)}"

    told = f"{with_noun(len(names), 'clone')} of experiments that are no more: {listed(names)}"
    yield warning("workplaces", told, f"`rm -r .dvc/tmp/rlx-workplaces/{names[0]}`", mend)


def index(root: Path) -> Iterator[CheckResult]:
    """Check the index of `rlx ls`, which is only a cache."""
    path = main_root(root) / ".dvc" / "tmp" / "rlx-index.json"
    try:
        content = read_json(path)
        sound = isinstance(content, dict) and isinstance(content.get("runs"), dict)
    except FileNotFoundError:
        return
    except (OSError, ValueError, DataDamaged):
        sound = False
    if sound:
        return

    def mend() -> str:
        path.unlink()
        return "deleted the index; `rlx ls` makes a new one"

    name = path.relative_to(main_root(root))
    if path.is_file():
        yield warning("index", f"{name} is damaged; runs are read without it", f"`rm {name}`", mend)
    else:
        yield warning("index", f"{name} is no file; runs are read without it", f"`rm -r {name}`")


def sizes(root: Path) -> Iterator[CheckResult]:
    """Say how much room the bench and DVC's cache take."""
    bench, cache = bytes_below(bench_folder(root)), bytes_below(cache_root(root))
    told = f"bench {size(bench)} (kept below {size(SIZE_LIMIT)}), DVC's cache {size(cache)}"
    yield ok("room", told)
