"""Metrics of a study: one number per seed, from held-out episodes of its final policy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DIAGNOSTICS = ("return", "return_p10", "length", "success")
"""What is measured beside the metrics of a contract, with the parts of the reward: it decides nothing, and reports show it."""
TENTH = 10
"""The percentile of `return_p10`."""


def measure(name: str, episodes: Sequence[Mapping[str, Any]]) -> float | None:
    """Return what a policy scores.

    Args:
        name: `return`, `length`, `success`, `return_p10`, `reward/<name>` or `info/<name>`.
        episodes: One mapping each: the columns of `episodes.csv`.

    Returns:
        The mean over episodes, or the percentile; None where an episode does not have the number.
    """
    key = "return" if name == "return_p10" else name
    values = [episode.get(key) for episode in episodes]
    if not values or any(value is None or not math.isfinite(float(value)) for value in values):
        return None
    numbers = np.array([float(value) for value in values if value is not None])
    return float(np.percentile(numbers, TENTH)) if name == "return_p10" else math.fsum(numbers) / len(numbers)


def measures(names: Sequence[str], episodes: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return all metrics of a policy; those that its episodes do not have are missing."""
    found = {name: measure(name, episodes) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def all_measures(names: Sequence[str], episodes: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the metrics of a contract, and after them what only reports show: :data:`DIAGNOSTICS` and parts of the reward."""
    parts = sorted(key for key in (episodes[0] if episodes else {}) if str(key).startswith("reward/"))
    return measures(list(dict.fromkeys([*names, *DIAGNOSTICS, *parts])), episodes)
