"""How a search stands for those who only look: what it tried, and whether a process makes it."""

from __future__ import annotations

from pathlib import Path

from rlx.experiments.sweeps.trials import Trials
from rlx.experiments.sweeps.trials_file import trials_of
from rlx.records import is_locked


def is_searched(root: Path, sweep: str) -> bool:
    """Tell whether a process makes a search just now."""
    return is_locked(root, f"{sweep}.search")


def standing_trials(root: Path, sweep: str) -> Trials:
    """Return what a search tried, where trials that nobody goes on with are stopped; raises as :func:`trials_of`."""
    trials = trials_of(root, sweep)
    trials.is_made = is_searched(root, sweep)
    return trials
