"""Results of a run of the study that ``dvc.lock`` records and that this clone lacks, and how they are brought here."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path

from rlx.dvc_cache import cached, has_remote
from rlx.errors import DataDamaged
from rlx.reading import MOST_BYTES, MOST_CONFIG_BYTES, read_bytes


def is_recorded(folder: Path) -> bool:
    """Tell whether ``dvc.lock`` records the training of a run folder with the configuration that it has now."""
    section = _section(folder)
    try:
        snapshot = read_bytes(folder / "config_snapshot.yaml", MOST_CONFIG_BYTES)
    except (OSError, DataDamaged):
        return False
    digest = hashlib.md5(snapshot, usedforsecurity=False).hexdigest()
    path = re.escape(f"runs/{folder.name}/config_snapshot.yaml")
    return re.search(rf"^ +- path: {path}\n +hash: md5\n +md5: {digest}\n", section, re.MULTILINE) is not None


def cure_of_study_run(folder: Path) -> str:
    """Return the command that brings the results of a run folder here, as a sentence, or what must happen before."""
    root, run = folder.parent.parent, folder.name
    digests = re.findall(
        r"^ +md5: ([0-9a-f]{32}(?:\.dir)?)$", _section(folder).partition("\n    outs:\n")[2], re.MULTILINE
    )
    if digests and all(cached(root, digest) for digest in digests):
        return f"`rlx checkout {shlex.quote(run)}` lays its results out"
    if has_remote(root):
        return "`dvc pull` fetches its results"
    return (
        "its results are in the clone that made them: set a DVC remote there (`dvc remote add -d NAME URL`), commit .dvc/config "
        "and `dvc push`; or `dvc repro` makes them anew here"
    )


def _section(folder: Path) -> str:
    """Return what ``dvc.lock`` says of the training of a run; empty where it says nothing."""
    try:
        text = read_bytes(folder.parent.parent / "dvc.lock", MOST_BYTES).decode("utf-8", "replace")
    except (OSError, DataDamaged):
        return ""
    found = re.search(rf"^  train@{re.escape(folder.name)}:\n(?:    .*\n|  - .*\n)*", text, re.MULTILINE)
    return found[0] if found else ""
