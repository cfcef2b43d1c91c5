"""States as members of a zip: JSON and ``.npy`` files, read without pickle. Equal states give equal bytes.

What went in as a torch tensor comes back as one; other arrays (JAX's too) come back as NumPy's. A part of a state that
another library is to find under a name and in a form of its own is kept there, once, and only named here.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from rlx.config import LARGEST_INTEGER, parse_json, require
from rlx.stats import first_line

LEARNER, ARRAYS = "rlx/learner.json", "rlx/arrays/"
MOST_NESTED = 40
MOST_VALUES = 200_000
KINDS = "biufc"
"""NumPy's kinds of number; a state holds no other arrays."""


def members_of(state: Mapping[str, Any], shared: Mapping[str, str]) -> dict[str, bytes]:
    """Return a state as members.

    Args:
        state: Nested dicts, lists and tuples of arrays, numbers, text and None.
        shared: Paths of parts that are members already, with their names.

    Raises:
        TypeError: It holds something else, or more than is read again; the message says where or what.
    """
    arrays: dict[str, Any] = {}
    try:
        described = _described(dict(state), "", arrays, shared)
        text = json.dumps(described, indent=1, allow_nan=False) + "\n"
        _restored(parse_json(text), lambda *_: None)
    except (ValueError, RecursionError) as error:
        raise TypeError(f"its state could not be read again: {first_line(error)}") from None
    found = {LEARNER: text.encode()}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
        found[name] = buffer.getvalue()
    return found


def _described(  # noqa: PLR0911 — one return per kind
    tree: Any, path: str, arrays: dict[str, Any], shared: Mapping[str, str]
) -> Any:
    """Return ``tree`` as JSON takes it; arrays are put into ``arrays``, and their names where they stood."""
    if path in shared:
        return {"member": shared[path]}
    match tree:
        case np.generic() if not isinstance(plain := tree.item(), np.generic):  # as a longdouble's is
            return _described(plain, path, arrays, shared)
        case float() if not math.isfinite(tree):
            return {"float": repr(tree)}
        case int() if abs(tree) >= LARGEST_INTEGER:
            return {"integer": str(tree)}
        case None | bool() | str() | int() | float():
            return tree
        case dict():
            inside = {key: _described(tree[key], _below(path, key), arrays, shared) for key in tree}
            if all(isinstance(key, str) for key in tree):
                return {"dict": inside}
            return {"items": [[_described(key, path, arrays, {}), inside[key]] for key in tree]}
        case list() | tuple():
            inner = [_described(value, _below(path, index), arrays, shared) for index, value in enumerate(tree)]
            return {type(tree).__name__ if type(tree) is list else "tuple": inner}
    tensor = type(tree).__module__.partition(".")[0] == "torch" and hasattr(tree, "detach")
    array = np.asarray(tree.detach().cpu() if tensor else tree)
    if array.dtype.kind not in KINDS:
        cure = "; put its state_dict() there" if hasattr(tree, "state_dict") else ""
        raise TypeError(
            f"its state has {type(tree).__name__} at {path}, and a state holds arrays of numbers, numbers, text, dicts and lists{cure}"
        )
    name = f"{ARRAYS}{len(arrays):04d}.npy"
    arrays[name] = array
    return {"tensor" if tensor else "array": name, "at": path}


def _below(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)


def state_from(members: Mapping[str, bytes], load_shared: Callable[[bytes], Any]) -> dict[str, Any]:
    """Return the state that members hold.

    Args:
        members: All members of a checkpoint, checked against their hashes.
        load_shared: Reads one that has another library's form.

    Raises:
        ValueError: They hold none (also KeyError, TypeError).
    """

    def part(kind: str, name: str) -> Any:
        if kind == "member":
            return load_shared(members[name])
        array = array_from(members[name])
        return _tensor(array) if kind == "tensor" else array

    found = _restored(parse_json(members[LEARNER]), part)
    require(isinstance(found, dict) and "policy" in found, "no policy")
    state: dict[str, Any] = found
    return state


def _restored(found: Any, part: Callable[[str, str], Any]) -> Any:
    """Return what :func:`_described` described; ``part`` gives a part of it that is a member, by its kind and name."""
    count = [0]

    def restored(described: Any, depth: int) -> Any:  # noqa: PLR0911 — one return per kind
        count[0] += 1
        require(depth <= MOST_NESTED and count[0] <= MOST_VALUES, "more values than a state has")
        if not isinstance(described, dict):
            require(not isinstance(described, list), "a list where a state has none")
            return described
        kind = next(iter(described))
        content = described[kind]
        match kind:
            case "array" | "tensor" | "member":
                return part(kind, content)
            case "float":
                return float(content)
            case "integer":
                return int(content)
            case "dict":
                return {key: restored(value, depth + 1) for key, value in content.items()}
            case "items":
                return {restored(key, depth + 1): restored(value, depth + 1) for key, value in content}
            case "list" | "tuple":
                values = [restored(value, depth + 1) for value in content]
                return tuple(values) if kind == "tuple" else values
        raise ValueError(f"a value of a kind that no state has: {str(kind)[:40]}")

    return restored(found, 0)


def array_from(content: bytes) -> np.ndarray[Any, Any]:
    """Read an array, which is as large as the bytes that came for it."""
    buffer = io.BytesIO(content)
    version = np.lib.format.read_magic(buffer)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(buffer)
    require(dtype.kind in KINDS, "an array of other things than numbers")
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    require(size == len(content) - buffer.tell(), "an array of another size than its bytes")
    buffer.seek(0)
    array: np.ndarray[Any, Any] = np.lib.format.read_array(buffer, allow_pickle=False)
    return array


def _tensor(array: np.ndarray[Any, Any]) -> Any:
    import torch

    return torch.from_numpy(array)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield everything that a state holds, with its path."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, _below(path, key))
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from leaves(value, _below(path, index))
    else:
        yield path, tree
