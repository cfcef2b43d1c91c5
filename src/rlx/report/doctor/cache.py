"""The check of DVC's cache itself: every object's hash computed again (DVC trusts what is read-only without looking)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from rlx.errors import RlxError
from rlx.experiments import RecordedRun, experiments, recorded, recorded_here
from rlx.launch import main_root
from rlx.records import HASH, cache_root, cached, hash_of, members
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, with_noun
from rlx.report.doctor.state import restoring


def objects(root: Path, progress: Callable[[int, int], None]) -> Iterator[CheckResult]:
    """Check every object of DVC's cache against its hash.

    Args:
        root: The project.
        progress: Told how many objects are done, of how many.
    """
    known = _objects(root)
    damaged = {}
    for done, (digest, path) in enumerate(known.items(), 1):
        try:
            sound = hash_of(path) == digest.removesuffix(".dir")
        except FileNotFoundError:
            continue  # DVC cleaned it up meanwhile
        except OSError:
            sound = False
        if not sound:
            damaged[digest] = path
        progress(done, len(known))
    users = _users(root, damaged) if damaged else {}
    for digest, path in damaged.items():
        used = f"used by {listed(users[digest])}" if digest in users else "used by nothing that is kept"
        cure = f"`rlx doctor --verify --fix` moves it away; then {restoring(root)}"
        yield problem("object", f"{digest} is damaged; {used}", cure, partial(_move_away, root, digest, path))
    if not damaged:
        yield ok("objects", f"{with_noun(len(known), 'object')} of DVC's cache, each as its hash says")


def _objects(root: Path) -> dict[str, Path]:
    """Return the objects of DVC's cache by their hash."""
    found = {}
    for path in sorted((cache_root(root) / "files" / "md5").glob("[0-9a-f][0-9a-f]/*")):
        digest = path.parent.name + path.name
        if HASH.fullmatch(digest) and path.is_file():
            found[digest] = path
    return found


def _users(root: Path, damaged: dict[str, Path]) -> dict[str, list[str]]:
    """Return which outputs of the workspace and of kept experiments each damaged object is, or is part of."""
    places: list[tuple[str, dict[str, RecordedRun]]] = []
    with suppress(RlxError):  # a conflict in dvc.lock
        places.append(("", recorded_here(root)))
    with suppress(RlxError):  # no Git here: the workspace is all there is
        kept = experiments(root)
        commits = recorded(root, [experiment.commit for experiment in kept])
        places += [(f" of {each.name}", runs) for each, runs in zip(kept, commits, strict=True)]
    users: dict[str, list[str]] = {}
    for where, runs in places:
        for run, record in runs.items():
            for output, digest in record.outputs.items():
                inside = {}
                with suppress(RlxError):  # its list is damaged: told by another check
                    listing = cached(root, digest) if digest.endswith(".dir") and digest not in damaged else None
                    inside = members(listing) if listing else {}
                parts = {digest: output, **{inner: f"{output}/{path}" for path, inner in inside.items()}}
                for each in parts.keys() & damaged.keys():
                    users.setdefault(each, []).append(f"runs/{run}/{parts[each]}{where}")
    return users


def _move_away(root: Path, digest: str, path: Path) -> str:
    target = main_root(root) / ".dvc" / "tmp" / "damaged" / digest
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
    return f"{digest} moved to .dvc/tmp/damaged/; {restoring(root)}"
