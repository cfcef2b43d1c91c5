"""Whether DVC would notice a change of the code or data that a run uses: the resolve stage lists it among its deps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from rlx.config import MOST_CONFIG_BYTES, ProjectCode, read_bytes
from rlx.errors import ConfigError, RlxError
from rlx.experiments.pipeline import NAME, parsed_pipeline, paths
from rlx.stats import listed

STAGE = "resolve"


def unwatched(root: Path, files: Iterable[str]) -> list[str]:
    """Return the files that the resolve stage of ``dvc.yaml`` does not depend on, itself or by a folder.

    None where there is no such stage: whoever has a pipeline of his own knows what it depends on.
    """
    names = sorted(set(files))
    deps = {dep.rstrip("/") for dep in _deps(root)} if names else set()
    if not deps:
        return []
    return [name for name in names if not {name, *map(str, PurePosixPath(name).parents)} & deps]


def check_watched(root: Path, run: str, code: ProjectCode) -> None:
    """Check that a change of what a run uses would be noticed.

    Raises:
        ConfigError: It would not; the message carries the cure.
    """
    if missing := unwatched(root, code.files):
        packages = sorted({name.partition("/")[0] for name in missing})
        raise ConfigError(
            f"dvc.yaml: {run} uses {missing[0]}, and the stage `resolve` does not list {listed(packages)} among its deps, so "
            f"an edit would go unnoticed; `rlx upgrade` brings a dvc.yaml of an older rlx up to date, else list it there"
        )
    if missing := unwatched(root, code.all_data):
        raise ConfigError(
            f"dvc.yaml: the environment of {run} reads {listed(missing)}, and the stage `resolve` does not list "
            f"{'it' if len(missing) == 1 else 'them'} among its deps, so a change would go unnoticed; mend it with `rlx sync`"
        )


def _deps(root: Path) -> list[str]:
    try:
        return paths(parsed_pipeline(read_bytes(root / NAME, MOST_CONFIG_BYTES)), STAGE, "deps")
    except (RlxError, OSError):
        return []
