"""Flax's training states as nested arrays: networks, targets and optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax.serialization import from_state_dict, to_state_dict
from flax.training.train_state import TrainState


def written(holder: Any) -> dict[str, Any]:
    """Return every training state that an object holds, by the attribute's name."""
    return {name: to_state_dict(value) for name, value in vars(holder).items() if isinstance(value, TrainState)}


def read(holder: Any, state: Mapping[str, Any]) -> None:
    """Put such states back."""
    for name, content in state.items():
        restored = from_state_dict(getattr(holder, name), content)
        setattr(holder, name, jax.tree.map(_as_jax, restored))


def _as_jax(leaf: Any) -> Any:
    return jax.numpy.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
