"""What people type for a checkpoint: a file, or ``RUN:best``, ``RUN:latest``, ``RUN:step_50000``, with ``#seed`` for one seed."""

from __future__ import annotations

import re
from pathlib import Path

from rlx.errors import Missing, UsageError
from rlx.experiments import add_to_view, files_of, find_run
from rlx.records import BENCH, RunFolder
from rlx.stats import nearest
from rlx.training import NamedPolicy


def find_checkpoints(root: Path, reference: str) -> list[NamedPolicy]:
    """Return the checkpoints that a person means: one of every seed, or of the seed named.

    Raises:
        Missing: There is none; the message lists the nearest.
        UsageError: The reference is not written as one.
    """
    path = Path(reference)
    if path.suffix == ".zip" or _is_file(path):
        if not _is_file(path):
            raise Missing(f"{reference}: no such file")
        return [NamedPolicy(reference, None, path.stem, None, path.resolve())]
    text, has_seed, seed = reference.partition("#")
    if has_seed and not re.fullmatch(r"[0-9]{1,18}", seed):
        raise UsageError(f"{reference}: what follows # must be a training seed, such as #1")
    run, _, name = text.rpartition(":") if ":" in text else (text, "", "latest")
    folder = find_run(root, run)
    folder.check_own_training()
    known = _known(root, folder)
    if not known:
        raise Missing(f"{run} has no checkpoints yet")
    if has_seed and int(seed) not in known:
        raise Missing(f"{reference}: {run} has no seed {seed}; it has {', '.join(map(str, known))}")
    seeds = [int(seed)] if has_seed else list(known)
    found = [
        NamedPolicy(reference, run, name, each, _path(root, folder, known[each], name))
        for each in seeds
        if name in known[each]
    ]
    if not found:
        names = sorted({each for names in known.values() for each in names}, key=_order)
        raise Missing(f"{reference}: {run} has no checkpoint {name!r}; {nearest(name, names, form=f'{run}:{{}}')}")
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have such a name
        return False


Checkpoints = dict[str, str]
"""Paths in the run folder, by the checkpoint's name."""


def _known(root: Path, folder: RunFolder) -> dict[int, Checkpoints]:
    """Return the checkpoints of each seed."""
    if folder.origin is not None:
        paths = [f"checkpoints/{path}" for path in files_of(root, folder.origin, "checkpoints")]
    else:
        patterns = ("checkpoints/seed_*/*.zip", f"{BENCH}/seed_*/checkpoints/*.zip")
        paths = [str(path.relative_to(folder.path)) for pattern in patterns for path in folder.path.glob(pattern)]
    found: dict[int, Checkpoints] = {}
    for path in paths:
        match = re.search(r"seed_([0-9]{1,18})/(?:checkpoints/)?((?:latest|best|step_[0-9]{1,18}))\.zip$", path)
        if match:
            found.setdefault(int(match[1]), {}).setdefault(match[2], path)
    return dict(sorted(found.items()))


def _path(root: Path, folder: RunFolder, names: Checkpoints, name: str) -> Path:
    if folder.origin is not None:
        return add_to_view(root, folder.origin, names[name])
    return folder.path / names[name]


def _order(name: str) -> tuple[int, str]:
    return (int(name.partition("_")[2]) if name.startswith("step_") else -1, name)
