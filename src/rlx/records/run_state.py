"""What a run is just now, in one definition for whoever says it.

It is ``running``, ``evaluating``, ``filming``, ``analysing``, ``stopped``, ``finished``, ``failed``, ``resolved`` (nothing of
it is trained yet), or ``elsewhere``: its results are recorded, and not here. Results of another configuration, which a
`git checkout` without `dvc checkout` leaves, are none of its own.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rlx.config import MOST_CONFIG_BYTES, read_bytes
from rlx.errors import DataDamaged
from rlx.records.elsewhere import Match, are_scores_recorded, content_of, is_recorded, match, training_fits
from rlx.records.live import RECORD
from rlx.records.live_notes import LiveNotes, Process, notes_of

OWN = b"*\n"
"""What ``.gitignore`` of a folder says that an experiment is made in or was kept in."""


@dataclass(frozen=True)
class Signs:
    """What the files of a run say.

    Attributes:
        status: ``status`` of ``metadata.json``; None without one.
        process: Who was training, where that is noted.
        ended: The host and the moment at which training ended.
        evaluated: When the held-out scores were written; None without any.
        unfinished: Whether it is the folder of an experiment that is not kept yet.
        kept: Whether it is of a kept experiment or a revision: what is there was finished.
        recorded: Whether ``dvc.lock`` records results of it that are not here.
        foreign: Whether what was trained is of another configuration than the one beside it.
    """

    status: str | None = None
    process: Process | None = None
    ended: tuple[str, float] | None = None
    evaluated: float | None = None
    unfinished: bool = False
    kept: bool = False
    recorded: bool = False
    foreign: bool = False

    @property
    def has_its_scores(self) -> bool:
        """Whether the scores are those of the policies that are there, not of an earlier training."""
        if self.evaluated is None or self.ended is None or self.ended[0] != socket.gethostname():
            return self.evaluated is not None
        return self.evaluated + 1.0 >= self.ended[1]


def status_and_process(metadata: Mapping[str, Any]) -> tuple[str, Process | None, tuple[str, float] | None]:
    """Return what ``metadata.json`` says of the training: its status, who trains, and where and when it ended."""
    told, ended = metadata.get("process") or {}, metadata.get("ended")
    started = told.get("started")
    process = None
    if told:
        process = Process(str(told["host"]), int(told["pid"]), None if started is None else float(started))
    host = (metadata.get("host") or {}).get("name")
    moment = None if host is None or ended is None else (str(host), datetime.fromisoformat(str(ended)).timestamp())
    return str(metadata["status"]), process, moment


def state_of(found: Signs, notes: LiveNotes) -> str:
    """Return what a run is, from its files and from who is at work on it."""
    if now := notes.state:
        return now
    if found.foreign:
        return "elsewhere" if found.recorded else "resolved"
    if found.status == "running" and not (found.process and found.process.has_ended()):
        return "running"
    if found.status in ("running", "stopped", "failed") or found.unfinished:
        return "failed" if found.status == "failed" else "stopped"
    if found.kept and found.status is not None:
        return found.status
    return "finished" if found.has_its_scores else _trained(found, notes)


def _trained(found: Signs, notes: LiveNotes) -> str:
    """Return what a run is whose training says nothing against it, and that has no scores."""
    if notes.may_go_on:
        return "running"
    if notes.failed is not None and (found.ended is None or notes.failed >= found.ended[1]):
        return "failed"
    if found.recorded or (found.status is None and found.kept):
        return "elsewhere"
    return "resolved" if found.status is None else "stopped"


def evaluated_at(folder: Path) -> float | None:
    """Return when a run's held-out scores were written, or laid out; None without any."""
    try:
        return max(path.stat().st_mtime for path in (folder / "eval", folder / "eval" / "summary.json"))
    except OSError:
        return None


def is_kept(folder: Path) -> bool:
    """Tell whether a folder in ``runs/`` is a kept experiment's."""
    try:
        own = read_bytes(folder / ".gitignore", MOST_CONFIG_BYTES) == OWN
    except (OSError, DataDamaged):
        return False
    return own and not (folder / RECORD).exists()


def run_state(folder: Path, metadata: Mapping[str, Any] | None, *, kept: bool = False) -> str:
    """Return what the run of a folder is just now; see the module.

    Args:
        folder: Its folder.
        metadata: What its ``metadata.json`` says; None without one.
        kept: Whether it was read from a commit.
    """
    status, process, ended = (None, None, None) if metadata is None else status_and_process(metadata)
    unfinished = (folder / RECORD).is_file()
    fit = match(folder, metadata, content_of(folder / "eval" / "summary.json"))
    return state_of(
        evidence(folder, (status, process, ended), fit, unfinished, kept or is_kept(folder)), notes_of(folder)
    )


def evidence(
    folder: Path,
    told: tuple[str | None, Process | None, tuple[str, float] | None],
    fit: Match,
    unfinished: bool,
    kept: bool,
) -> Signs:
    """Return what the files of a run say.

    Args:
        folder: Its folder.
        told: What ``metadata.json`` says (:func:`status_and_process`); None each without one.
        fit: Whether its results are of its configuration.
        unfinished: Whether it is the folder of an experiment that is not kept yet.
        kept: Whether it is of a kept experiment or a revision.
    """
    foreign = not training_fits(folder, fit, told[0])
    scored = None if fit.scores is False else evaluated_at(folder)
    recorded = (
        is_recorded(folder) if told[0] is None or foreign else fit.scores is False and are_scores_recorded(folder)
    )
    return Signs(*told, scored, unfinished, kept, recorded, foreign)
