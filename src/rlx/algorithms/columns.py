"""Observations as columns: an array is one column, a dict of arrays (of a dict space) is one column ``NAME/KEY`` each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.algorithms.learner import Observations

if TYPE_CHECKING:
    from gymnasium import Space

    from rlx.algorithms.learner import Array
    from rlx.envs import Step


def true_next(step: Step) -> Observations:
    """Return what a step led to, one row per copy: of episodes that ended the last observation, not the next one's first."""
    if isinstance(step.observations, Mapping):
        return {
            key: _with(rows, {copy: last[key] for copy, last in step.final.items()})
            for key, rows in step.observations.items()
        }
    return _with(step.observations, step.final)


def _with(rows: Array, replaced: Mapping[int, Array]) -> Array:
    """Return a copy of rows in which some are others."""
    rows = np.array(rows)
    for row, value in replaced.items():
        rows[row] = value
    return rows


def columns_of(name: str, space: Space[Any]) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Return the shape and dtype of one row of a space's values, by column: ``NAME``, or ``NAME/KEY`` of a dict space."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        return {f"{name}/{key}": kind for key, one in space.items() for kind in columns_of("", one).values()}
    dtype = np.dtype(space.dtype or np.float32)
    return {name: (space.shape or (), dtype if dtype.kind in "iub" else np.float32)}


def as_columns(name: str, values: Observations) -> dict[str, Array]:
    """Return observations by column; copied, since environments may write over theirs."""
    if isinstance(values, Mapping):
        return {f"{name}/{key}": np.array(rows) for key, rows in values.items()}
    return {name: np.array(values)}


def from_columns(name: str, columns: Mapping[str, Array]) -> Observations:
    """Return observations as they were before :func:`as_columns`."""
    if name in columns:
        return columns[name]
    start = f"{name}/"
    return {key.removeprefix(start): rows for key, rows in columns.items() if key.startswith(start)}


def row_of(observations: Observations, row: int) -> Any:
    """Return one row of observations."""
    if isinstance(observations, Mapping):
        return {key: rows[row] for key, rows in observations.items()}
    return observations[row]


def stack(observations: Sequence[Any]) -> Observations:
    """Return single observations as one batch: arrays stacked on a new first axis, dict observations by key."""
    if isinstance(observations[0], Mapping):
        return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)
