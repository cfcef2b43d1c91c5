"""The contract of a sink, and the times that its rows carry besides the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

SECONDS = "time/seconds"
"""Seconds of training until a row, where the clock is known."""
FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
"""How a seed's training ended, for now: one that was stopped goes on later."""
HELD_OUT = "held_out/return_mean"
"""What the score of a seed's final policy on the held-out episodes is called in a summary."""

OF_RUN = "held_out/run/"
"""What the names of scores of all seeds together begin with."""


@dataclass(frozen=True)
class Artifact:
    """A file that came of a run.

    Attributes:
        name: What it is called, such as ``videos/median.mp4``; the same for the same thing.
        path: Where it is.
        kind: ``video``, ``plot`` or ``model``.
        of_run: Whether it tells of all seeds, and not of the one whose record is concluded.
    """

    name: str
    path: Path
    kind: str
    of_run: bool


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


@runtime_checkable
class Concludes(Protocol):
    """A sink that also takes what is known only after the training: the second door, which a sink may have or not."""

    def conclude(self, summary: Mapping[str, float | str], artifacts: Sequence[Artifact]) -> None:
        """Take what came of a run, between ``open`` (which gets the rows that the record lacks) and ``close("finished")``.

        It can be called again with more, or with other values of the same names, and is called only then; what a record holds
        already is not to be sent again.

        Args:
            summary: Scores and verdict of the seed and its run, by name, such as :data:`HELD_OUT`.
            artifacts: Film and plots of the run (given with one seed of it), and the seed's policies.
        """
