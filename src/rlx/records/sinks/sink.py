"""The contract of a sink, and the times that its rows carry besides the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

SECONDS = "time/seconds"
"""Seconds of training until a row, where the clock is known."""
FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
"""How a seed's training ended, for now: one that was stopped goes on later."""


class Sink(Protocol):
    """Where one seed's rows are shown. All calls come from one thread, which may wait as long as it likes."""

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Begin the record of a seed, or go on with it.

        Args:
            place: A folder. What is left in it becomes ``runs/<run>/logs/seed_<seed>/``; other sinks use it too.
            run: The run, or the experiment.
            seed: The training seed.
            key: The same for the same training, also after a kill: a fingerprint of settings, code, libraries and seed.
            config: The effective configuration, by dotted key.

        Returns:
            The last step that the record holds for good; only later rows are sent. -1: all are.
        """

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Take a row: metrics by name, and :data:`SECONDS` and :data:`rlx.config.UPDATE_SECONDS`; steps rise."""

    def flush(self) -> None:
        """Bring what was written to where it survives a kill. Called every few seconds."""

    def close(self, state: str) -> None:
        """End the record: ``finished``, ``failed`` or ``stopped`` (goes on later)."""
