"""What brings a damaged file of a run back, as a sentence: Git keeps what says how it is made, DVC what came of it."""

from __future__ import annotations

import shlex
from pathlib import Path


def from_git(path: Path) -> str:
    """Return what brings back a file of a run's folder that Git keeps (``config_snapshot.yaml``, ``task.json``)."""
    return (
        f"`git checkout HEAD -- {shlex.quote(str(path))}` brings that of a run of the study back (or `dvc repro` makes it "
        f"anew), `rlx checkout {shlex.quote(path.parent.name)}` that of a kept experiment"
    )


def from_dvc(path: Path, run: str) -> str:
    """Return what brings back a file of a run that DVC keeps."""
    return (
        f"`dvc checkout --force {shlex.quote(str(path))}` brings that of a run of the study back, "
        f"`rlx checkout {shlex.quote(run)}` that of a kept experiment"
    )
