"""Spaces as text for people and as plain data for files, the same on every machine: never with a memory address."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

Array = np.ndarray[Any, Any]
LISTED = 4096
"""Bounds that differ from element to element are kept one by one up to so many elements."""
SHOWN = 4


def described(space: Any) -> str:
    """Return a space as a person would write it, in one short line."""
    for kind, describe in _DESCRIPTIONS:
        if isinstance(space, kind):
            return describe(space)
    return type(space).__name__


def _start(space: Any) -> str:
    return f", start={_listed(np.asarray(space.start))}" if np.any(space.start) else ""


def _several(space: Any) -> str:
    return f"{type(space).__name__}({', '.join(map(described, space.spaces))})"


_DESCRIPTIONS: tuple[tuple[type[Any], Callable[[Any], str]], ...] = (
    (spaces.Box, lambda box: f"Box({_bound(box.low)}, {_bound(box.high)}, {box.shape}, {box.dtype})"),
    (spaces.Discrete, lambda one: f"Discrete({int(one.n)}{_start(one)})"),
    (spaces.MultiDiscrete, lambda many: f"MultiDiscrete({_listed(many.nvec)}{_start(many)})"),
    (spaces.MultiBinary, lambda many: f"MultiBinary({many.n if isinstance(many.n, int) else list(many.shape)})"),
    (spaces.Dict, lambda d: f"Dict({', '.join(f'{key!r}: {described(part)}' for key, part in d.spaces.items())})"),
    (spaces.Tuple, _several),
    (spaces.OneOf, _several),
    (spaces.Sequence, lambda row: f"Sequence({described(row.feature_space)})"),
    (spaces.Text, lambda text: f"Text({text.min_length} to {text.max_length} characters)"),
    (spaces.Graph, lambda graph: f"Graph({described(graph.node_space)})"),
)


def _bound(values: Array) -> str:
    if values.size == 0:
        return "[]"
    if np.all(values == values.flat[0]):
        return f"{values.flat[0]:g}"
    return _listed(values)


def _listed(values: Array) -> str:
    """Return the elements of an array, the middle of a long one left out."""
    if values.ndim == 0:
        return f"{values:g}"
    flat = np.ravel(values)
    shown = [f"{value:g}" for value in (flat if flat.size <= 2 * SHOWN else flat[:SHOWN])]
    rest = ["…", *(f"{value:g}" for value in flat[-SHOWN:])] if flat.size > 2 * SHOWN else []
    return f"[{', '.join([*shown, *rest])}]"


def space_to_data(space: Any) -> dict[str, Any] | None:
    """Return a space as plain values that JSON can hold; None for a kind that no network of rlx reads or acts in."""
    if isinstance(space, spaces.Box):
        return {
            "kind": "Box",
            "shape": list(space.shape),
            "dtype": str(space.dtype),
            "low": _bounds_to_data(space.low),
            "high": _bounds_to_data(space.high),
        }
    if isinstance(space, spaces.Discrete):
        return {"kind": "Discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": np.asarray(space.start).tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"kind": "MultiBinary", "shape": list(space.shape)}
    if isinstance(space, spaces.Dict):
        members = {str(key): space_to_data(member) for key, member in space.spaces.items()}
        named = all(isinstance(key, str) for key in space.spaces)
        return None if None in members.values() or not named else {"kind": "Dict", "members": members}
    return None


def _bounds_to_data(values: Array) -> Any:
    """Return a bound: one number where all elements share it, a list up to :data:`LISTED`, else its extremes."""
    if values.size == 0:
        return []
    if np.all(values == values.flat[0]):
        return _number(values.flat[0])
    flat = np.ravel(values)
    if flat.size <= LISTED:
        return [_number(value) for value in flat]
    return {"least": _number(flat.min()), "greatest": _number(flat.max())}


def _number(value: Any) -> Any:
    """Return a number as JSON can hold it: infinities as words."""
    plain = value.item()
    return plain if math.isfinite(plain) else str(plain)


def space_from_data(data: dict[str, Any]) -> spaces.Space[Any]:
    """Return the space that :func:`space_to_data` described.

    Raises:
        KeyError | TypeError | ValueError: It is no such description.
    """
    kind = data["kind"]
    if kind == "Box":
        shape = tuple(int(size) for size in data["shape"])
        dtype = np.dtype(str(data["dtype"]))
        low, high = (_bounds_from_data(data[side], shape, dtype, side) for side in ("low", "high"))
        return spaces.Box(low, high, shape, dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(int(data["n"]), start=int(data["start"]))
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(np.asarray(data["nvec"]), start=np.asarray(data["start"]))
    if kind == "MultiBinary":
        sizes = [int(size) for size in data["shape"]]
        return spaces.MultiBinary(sizes if len(sizes) != 1 else sizes[0])
    if kind == "Dict":
        return spaces.Dict({str(key): space_from_data(member) for key, member in data["members"].items()})
    raise ValueError(f"a space of the kind {kind!r}")


def _bounds_from_data(data: Any, shape: tuple[int, ...], dtype: np.dtype[Any], side: str) -> Array:
    if isinstance(data, dict):
        data = data["least" if side == "low" else "greatest"]
    if isinstance(data, list):
        return np.array([float(value) if isinstance(value, str) else value for value in data], dtype).reshape(shape)
    return np.full(shape, float(data) if isinstance(data, str) else data, dtype)


def is_image(space: Any) -> bool:
    """Tell whether a space holds images in bytes (0-255), which Stable-Baselines3 scales and convolves by itself."""
    if not (isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype == np.uint8):
        return False
    return bool(np.all(space.low == 0) and np.all(space.high == 255))


def is_image_channels_first(space: Any) -> bool:
    """Tell whether it holds images whose channels come before rows and columns: the smallest size is then the first."""
    return is_image(space) and int(np.argmin(space.shape)) == 0


def largest_actions(space: Any) -> Array | None:
    """Return the largest size of each element of a continuous action; None where there are no bounds, or 0 is not in them."""
    if not isinstance(space, spaces.Box) or (space.low > 0).any() or (space.high < 0).any():
        return None
    largest = np.maximum(np.abs(space.low), np.abs(space.high)).astype(float)
    return largest if np.isfinite(largest).all() and (largest > 0).all() else None
