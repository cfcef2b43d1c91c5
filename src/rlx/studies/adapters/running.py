"""A foreign command run to its end, and what its end says: that it did, or by which name it failed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlx.config import is_full, read_bytes
from rlx.errors import CommandFailed, DataDamaged
from rlx.launch import MOST_OUTPUT, PAUSES, Conditions, run_supervised, signal_name
from rlx.stats import visible

PASSED_ON = ("PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES")
"""All that a command sees of our environment."""
LAST_LINES = 3
Kind = Literal["exception", "killed", "timed-out", "lied", "non-finite", "disk"]
"""How a foreign training can fail: its command failed; a signal ended it; it took too long; what it claims is not so; a
number is NaN or infinite; the disk was full, which is not the candidate's fault."""


@dataclass(frozen=True)
class ForeignFailure:
    """Why a foreign training counts as failed.

    Attributes:
        kind: One of :data:`Kind`.
        message: What happened, for people.
        what: Of a lie: files, steps, episodes, seeds, values, or checkpoint.
    """

    kind: Kind
    message: str
    what: str = ""


@dataclass(frozen=True)
class Running:
    """How commands are run.

    Attributes:
        pauses: Seconds from SIGINT to SIGTERM, and from there to SIGKILL.
        most_bytes: Of what a command prints, kept.
        stopped: Set by another thread to stop them, as Ctrl-C does.
    """

    pauses: tuple[float, float] = PAUSES
    most_bytes: int = MOST_OUTPUT
    stopped: threading.Event | None = None


@dataclass(frozen=True)
class Call:
    """One command to run.

    Attributes:
        command: Its arguments.
        folder: Where.
        environment: Variables beside :data:`PASSED_ON`.
        printed: The file that takes what it prints.
        timeout: Seconds that it may take.
        lock: Locked until all of it has ended, see :class:`rlx.launch.Conditions`.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    printed: Path
    timeout: float
    lock: Path | None = None


def run_call(call: Call, running: Running) -> tuple[float, ForeignFailure | None]:
    """Run a command; returns the seconds it took, and why it failed, if it did.

    Raises:
        KeyboardInterrupt: Somebody asked to stop; everything it started has ended.
    """
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    conditions = Conditions(
        call.folder,
        {**passed, **call.environment},
        call.printed,
        call.timeout,
        running.pauses,
        running.most_bytes,
        call.lock,
        running.stopped,
    )
    name = Path(call.command[0]).name
    try:
        ended = run_supervised(call.command, conditions)
    except CommandFailed as error:
        return 0.0, ForeignFailure("exception", str(error))
    if ended.timed_out:
        return ended.seconds, ForeignFailure(
            "timed-out", f"{name} took longer than {call.timeout:g} s, and was stopped"
        )
    if ended.signal is not None:
        told = f"{name} was killed by {signal_name(ended.signal)}{_said(call.printed)}"
        return ended.seconds, ForeignFailure("killed", told)
    if ended.status:
        if is_full(call.printed.parent):
            return ended.seconds, ForeignFailure(
                "disk", f"{name} failed as the disk is full; make space and start again"
            )
        return ended.seconds, ForeignFailure("exception", f"{name} exited with {ended.status}{_said(call.printed)}")
    return ended.seconds, None


def _said(printed: Path) -> str:
    """Return the last lines of what was printed, as part of a message."""
    try:
        text = read_bytes(printed, 2**31)[-4000:].decode(errors="replace")
    except (OSError, DataDamaged):
        return ""
    last = [line.strip()[:200] for line in text.splitlines() if line.strip()][-LAST_LINES:]
    told = visible(" | ".join(last))
    return f": {told} (all of it in {printed.name})" if last else ""
