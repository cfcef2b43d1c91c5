"""What DVC is about to lay out, looked at before it does: it follows whatever ``dvc.lock`` and the lists in its cache say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlx.config import MOST_BYTES, anywhere, check_links, check_plain, parse_yaml, read_bytes
from rlx.errors import DataDamaged, DataRefused
from rlx.experiments.experiment import RecordedRun
from rlx.records import HASH, LAYOUT, cached, members
from rlx.stats import shown

MOST_IN_LOCK = 1_000_000
"""Keys and values of a ``dvc.lock``: it holds every parameter of every stage of every run."""


def check_outputs(root: Path, record: RecordedRun) -> None:
    """Check that what ``dvc.lock`` records of a run would all lie in the run's folder.

    Raises:
        DataRefused: Something would not.
    """
    check_layout(record.outputs, f"dvc.lock, outputs of {record.run}")
    for digest in record.outputs.values():
        _check_listing(root, digest)


def check_layout(outputs: Iterable[str], source: str) -> None:
    """Check that outputs of a run, by their paths in its folder, are what a run has.

    Args:
        outputs: The paths; of what lies elsewhere whatever stands in its place.
        source: What says so, for the message.

    Raises:
        DataRefused: One is not.
    """
    for path in outputs:
        check_plain(path, source)
        if path.split("/")[0] not in LAYOUT:
            raise DataRefused(f"{source}: {shown(path)} is nothing that a run has; nothing was written")


def check_lock(root: Path) -> None:
    """Check that everything that a project's ``dvc.lock`` records would lie in the project.

    Args:
        root: The project, or the clone of it in which an experiment is made.

    Raises:
        DataRefused: Something would not, or a link stands where a run's folder should.
        DataDamaged: It cannot be read.
    """
    path = root / "dvc.lock"
    try:
        stages = parse_yaml(read_bytes(path, MOST_BYTES), MOST_IN_LOCK)["stages"]
        outs = [(name, out) for name, stage in stages.items() for out in stage.get("outs") or []]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataDamaged(
            f"dvc.lock: cannot be read ({error}); `git checkout HEAD -- dvc.lock` brings it back"
        ) from None
    for name, out in outs:
        _check_out(root, name, out)
    for folder in (root / "runs").glob("*"):
        check_links(folder, LAYOUT, anywhere)


def _check_out(root: Path, stage: Any, out: Any) -> None:
    if not isinstance(out, dict) or not isinstance(out.get("path"), str):
        raise DataDamaged(f"dvc.lock: an output of {stage} has no path; `git checkout HEAD -- dvc.lock` brings it back")
    check_plain(out["path"], f"dvc.lock, outputs of {stage}")
    digest = out.get("md5")
    if isinstance(digest, str) and HASH.fullmatch(digest):
        _check_listing(root, digest)


def _check_listing(root: Path, digest: str) -> None:
    if digest.endswith(".dir") and (listing := cached(root, digest)):
        members(listing)
