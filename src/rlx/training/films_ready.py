"""Films that were made ahead (:mod:`rlx.training.film_ahead`): they lie aside, with a key, until their stage takes them.

The key is a hash of all that a film is made from. Whatever goes wrong here is no loss: the stage finds no film of its key, and
makes it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rlx.config import read_json, sha256_of, write_json
from rlx.errors import DataDamaged

if TYPE_CHECKING:
    from rlx.config import FinalEvalConfig, Snapshot, VideoConfig

MADE = "made.json"
LONGEST = 600.0
"""Seconds that a stage waits for a film that is being made."""


def film_key(  # noqa: PLR0913
    root: Path, snapshot: Snapshot, protocol: FinalEvalConfig, video: VideoConfig, checkpoint: Path, film: Any
) -> str:
    """Return a hash of all that a film is made from: what it shows, how, the policy, the configuration, and the project's code."""
    code = {name: sha256_of(root / name) for name in snapshot.code.everything if (root / name).is_file()}
    facts: list[Any] = [
        snapshot.to_yaml(),
        protocol.model_dump(),
        video.model_dump(),
        sha256_of(checkpoint),
        asdict(film),
        code,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def keep(aside: Path, key: str, film: Any) -> None:
    """Note what a film made in a folder aside shows, and its key: it can be taken then."""
    write_json(aside / MADE, {"key": key, "film": asdict(film)})


def take(root: Path, run: str, key: str, target: Path) -> dict[str, Any] | None:
    """Move a film of this key to its place, after it is finished if it is being made; returns what it shows, None where there is none.

    Args:
        root: The project.
        run: The run.
        key: See :func:`film_key`.
        target: Where the film belongs.
    """
    aside = folder_aside(root, run)
    if not aside.exists():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError, Timeout, DataDamaged), film_lock(aside, LONGEST):
        made = read_json(aside / MADE)
        film: dict[str, Any] = made["film"]
        if made["key"] != key:
            return None
        if film["file"] is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            (aside / target.name).replace(target)
        shutil.rmtree(aside, ignore_errors=True)
        return film
    return None


def folder_aside(root: Path, run: str) -> Path:
    """Return where a film that is made ahead lies."""
    return root / ".dvc" / "tmp" / "rlx-ahead" / run


def film_lock(aside: Path, timeout: float) -> FileLock:
    """Return the lock that whoever makes or takes it holds."""
    return FileLock(aside.with_suffix(".lock"), timeout=timeout)
