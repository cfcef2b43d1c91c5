"""Whether a foreign repository gives the same twice: two smokes of one seed, compared bit for bit."""

from __future__ import annotations

from rlx.errors import UsageError
from rlx.studies.adapters.outcome import ForeignOutcome


def outcome_differences(first: ForeignOutcome, second: ForeignOutcome) -> tuple[str, ...]:
    """Return in what two trainings of one seed differ: failure, steps, episodes, aggregate, checkpoint.

    The hash of a checkpoint counts although some libraries write a time into theirs: two rollouts are short, and episodes
    may be equal by chance where training was not. What is wrongly called not reproducible loses replays; the other error
    would make honest results look forged.

    Raises:
        UsageError: They are of different seeds.
    """
    if first.seed != second.seed:
        raise UsageError(f"two trainings of one seed are compared, not of {first.seed} and {second.seed}")
    compared = {
        "failure": (first.failure is None, second.failure is None),
        "steps": (first.steps, second.steps),
        "episodes": (first.episodes, second.episodes),
        "aggregate": (dict(first.aggregate), dict(second.aggregate)),
        "checkpoint": (first.checkpoint, second.checkpoint),
    }
    return tuple(name for name, (one, other) in compared.items() if one != other)


def is_reproducible(first: ForeignOutcome, second: ForeignOutcome) -> bool:
    """Tell whether two trainings of one seed ended, and gave the same; two failures show nothing, so they do not."""
    return first.failure is None and not outcome_differences(first, second)
