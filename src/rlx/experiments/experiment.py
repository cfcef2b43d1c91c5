"""What a kept experiment, and a run that a commit records, are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Experiment:
    """A kept DVC experiment.

    Attributes:
        name: What to type for it: its name, or where another has it too, that with whose it is (``cartpole_001~ben``).
        commit: The Git commit that holds it.
        baseline: The commit it started from.
        created: When, in seconds since 1970.
        reference: The Git reference that keeps it.
    """

    name: str
    commit: str
    baseline: str
    created: int
    reference: str

    @property
    def known_to_dvc(self) -> str:
        """What DVC calls it: its name, or its reference where a name alone would be another's."""
        own = self.reference.rpartition("/")[2]
        return own if own == self.name else self.reference


@dataclass(frozen=True)
class RecordedRun:
    """A run as a commit's ``dvc.lock`` records it.

    Attributes:
        run: Its name there.
        outputs: The hash of each output, by its path in the run folder; one that lies elsewhere by the path that it has.
    """

    run: str
    outputs: Mapping[str, str]
