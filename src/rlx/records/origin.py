"""Where results that are in no folder come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Where a run that was read through Git comes from: its commit, and its name there."""

    commit: str
    run: str
