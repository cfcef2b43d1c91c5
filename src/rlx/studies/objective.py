"""What trials are compared by: how well a seed's policy did in validation near the end of its training."""

from __future__ import annotations

import math
from pathlib import Path

from rlx.records import iterate_rows

METRIC = "validation/return_mean"
LAST = 1 / 3
"""The share of training, from its end, whose validations count: one alone is noise, early ones reward haste."""


def objective(metrics: Path, total_steps: int) -> float | None:
    """Return the mean validation return of the last third of a seed's training; None where there is none.

    Args:
        metrics: Its ``metrics.jsonl``.
        total_steps: Environment steps of its training.

    The finished policy is validated always, so a training that has ended has one.
    """
    return next(iter(objectives(metrics, total_steps).values()), None)


def objectives(metrics: Path, total_steps: int) -> dict[int, float]:
    """Return the same of every seed that a ``metrics.jsonl`` has, by seed; see :func:`objective`."""
    after, found = total_steps * (1 - LAST), dict[int, list[float]]()
    for row in iterate_rows(metrics):
        if METRIC in row and row["step"] > after:
            found.setdefault(int(row["seed"]), []).append(float(row[METRIC]))
    return {seed: math.fsum(values) / len(values) for seed, values in found.items()}
