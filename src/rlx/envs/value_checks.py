"""Whether what an environment returns is what it declared: observations, rewards and flags, each told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from rlx.envs.space_facts import described
from rlx.errors import Misfit
from rlx.stats import brief

Array = np.ndarray[Any, Any]
OLD = (
    "the interface of old Gym; Gymnasium's is `reset(self, *, seed=None, options=None)` returning (observation, info), and "
    "`step(self, action)` returning (observation, reward, terminated, truncated, info)"
)
AGREE = "make `observation_space` and what `reset` and `step` return agree"


class Kinds:
    """Looks at what an environment returns, step by step: another shape or kind than declared is refused by name.

    NumPy would take much of it without a word: one number for a row of them, text for numbers, 300 for a byte. A kind of
    array that fits is looked at once, which costs some 200 ns a step.
    """

    def __init__(self, space: Any):
        self._space, self._fine = space, set[tuple[tuple[int, ...], np.dtype[Any]]]()

    def check(self, observation: Any) -> None:
        """Check an observation.

        Raises:
            Misfit: It is not of the declared kind.
        """
        known = type(observation) is np.ndarray
        if known and (observation.shape, observation.dtype) in self._fine:
            return
        if wrong := observation_misfit(self._space, observation, finite=False):
            raise Misfit(f"{wrong}; {AGREE}")
        if known and self._holds_any(observation.dtype):
            self._fine.add((observation.shape, observation.dtype))

    def _holds_any(self, kind: np.dtype[Any]) -> bool:
        """Tell whether the space's type can hold any number of another one."""
        if not isinstance(self._space, spaces.Box):
            return False
        return np.issubdtype(self._space.dtype, np.floating) or np.can_cast(kind, self._space.dtype, "safe")


def plain_reward(value: Any) -> float:
    """Return a reward as a number, also where it is an array of size one.

    Raises:
        Misfit: It is none.
    """
    if isinstance(value, float | np.floating) or (isinstance(value, int) and abs(value) < 2**63):
        return float(value)
    if wrong := reward_misfit(value, finite=False):
        raise Misfit(f"{wrong}; mend it in `step`")
    return float(np.asarray(value).reshape(())[()])


def plain_flag(value: Any, name: str) -> bool:
    """Return ``terminated`` or ``truncated`` as a bool.

    Raises:
        Misfit: It says neither yes nor no.
    """
    if isinstance(value, bool):
        return value
    if wrong := flag_misfit(value, name):
        raise Misfit(f"{wrong}; mend it in `step`")
    return bool(np.asarray(value).reshape(())[()])


def observation_misfit(space: Any, value: Any, name: str = "the observation", *, finite: bool = True) -> str | None:
    """Return how an observation differs from its space, None where networks can take it.

    Another type of number than declared is fine where nothing is lost by it (float64 for float32, lists for arrays), and so
    are numbers beyond the bounds of a Box (:func:`beyond_bounds` tells them). With ``finite=False``, numbers that are not
    finite are somebody else's to tell.
    """
    if isinstance(space, spaces.Dict):
        return _dict_misfit(space, value, name, finite=finite)
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space.spaces):
            return _declared(space, f"{name} is {kind_of(value)}")
        members = zip(space.spaces, value, strict=True)
        return next(
            (
                found
                for i, pair in enumerate(members)
                if (found := observation_misfit(*pair, f"{name}[{i}]", finite=finite))
            ),
            None,
        )
    if isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return _array_misfit(space, value, name, finite=finite)
    return None  # no network reads the others, and that is told by itself


def _dict_misfit(space: spaces.Dict, value: Any, name: str, *, finite: bool) -> str | None:
    if not isinstance(value, Mapping):
        return _declared(space, f"{name} is {kind_of(value)}")
    missing = [str(key) for key in space.spaces if key not in value]
    extra = [str(key) for key in value if key not in space.spaces]
    if missing or extra:
        what = [f"lacks {', '.join(map(repr, missing))}"] * bool(missing)
        what += [f"has {', '.join(map(repr, extra))} beside what was declared"] * bool(extra)
        return _declared(space, f"{name} {' and '.join(what)}")
    members = (
        observation_misfit(space.spaces[key], value[key], f"{name}[{key!r}]", finite=finite) for key in space.spaces
    )
    return next((found for found in members if found), None)


def _array_misfit(space: Any, value: Any, name: str, *, finite: bool) -> str | None:
    if (array := _as_array(value)) is None:
        return _declared(space, f"{name} is {kind_of(value)}")
    if array.shape != (space.shape or ()):
        return _declared(space, f"{name} has shape {array.shape} (it is {kind_of(value)})")
    if not np.isfinite(array).all():
        return f"{name} holds {array[~np.isfinite(array)].flat[0]}, which is not a finite number" if finite else None
    whole = not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating)
    if whole and array.size and not np.array_equal(array, np.round(array)):
        return _declared(
            space, f"{name} holds numbers that are not whole, such as {array[array != np.round(array)].flat[0]:g}"
        )
    return _range_misfit(space, array, name)


def _range_misfit(space: Any, array: Array, name: str) -> str | None:
    """Return how whole numbers leave what can be encoded, or kept in the declared type."""
    if array.size == 0:
        return None
    low, high = array.min(), array.max()
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        count = space.n if isinstance(space, spaces.Discrete) else space.nvec
        if np.any(array < space.start) or np.any(array >= space.start + count):
            return _declared(space, f"{name} is {np.array2string(array, threshold=8)}, which is outside of it")
    elif isinstance(space, spaces.MultiBinary):
        if low < 0 or high > 1:
            return _declared(space, f"{name} holds {low if low < 0 else high:g}")
    elif np.issubdtype(space.dtype, np.integer):
        limits = np.iinfo(space.dtype)
        if low < limits.min or high > limits.max:
            return _declared(
                space, f"{name} holds {low if low < limits.min else high:g}, which {space.dtype} cannot hold"
            )
    return None


def beyond_bounds(space: Any, value: Any, name: str = "observations") -> Iterator[str]:
    """Yield the parts of a fitting observation that lie beyond the declared bounds, with their extremes."""
    if isinstance(space, spaces.Dict):
        for key, member in space.spaces.items():
            yield from beyond_bounds(member, value[key], f"{name}[{key!r}]")
    elif isinstance(space, spaces.Box):
        array = np.asarray(value)
        rounding = np.maximum(1e-6, 1e-6 * np.abs(array, dtype=float))
        if array.size and (np.any(array < space.low - rounding) or np.any(array > space.high + rounding)):
            yield f"{name} reach beyond the declared bounds of {described(space)} ({array.min():.4g} to {array.max():.4g} was seen)"


def reward_misfit(value: Any, *, finite: bool = True) -> str | None:
    """Return why a reward is not a number, None if it is: a bool, or an array of size one, counts as one.

    With ``finite=False``, one that is not finite counts too.
    """
    array = _as_array(value)
    if array is None or array.size != 1:
        return f"the reward is {kind_of(value)}, where a number is needed"
    number = float(array.reshape(())[()])
    return None if np.isfinite(number) or not finite else f"the reward is {number}, which is not a finite number"


def reset_misfit(found: Any) -> str | None:
    """Return why what ``reset`` returned is not Gymnasium's; None if it is."""
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
        return None
    return f"`reset` returned {kind_of(found)}, where (observation, info) is needed: this is {OLD}"


def step_misfit(found: Any) -> str | None:
    """Return why what ``step`` returned is not Gymnasium's; None if it is."""
    if not (isinstance(found, tuple) and len(found) == 5):
        return f"`step` returned {kind_of(found)}, where five values are needed: this is {OLD}"
    if not isinstance(found[4], dict):
        return f"`step` returned {kind_of(found[4])} as info, where a dict is needed"
    return None


def flag_misfit(value: Any, name: str) -> str | None:
    """Return why ``terminated`` or ``truncated`` says neither yes nor no; None if it does."""
    array = _as_array(value)
    if array is None or array.size != 1 or array.reshape(())[()] not in (0, 1):
        return f"`{name}` is {kind_of(value)}, where True or False is needed"
    return None


def _as_array(value: Any) -> Array | None:
    """Return real numbers as an array; None for anything else."""
    if value is None or isinstance(value, str | bytes | Mapping) or np.ma.is_masked(value):
        return None
    try:
        array = np.asarray(value)
    except Exception:  # noqa: BLE001 — of its own `__array__`
        return None
    return array if array.dtype.kind in "biuf" else None


def kind_of(value: Any) -> str:
    """Return what a value is, in words: its type, and of an array its shape and numbers."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"a{' masked' if np.ma.is_masked(value) else 'n'} array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, bool | int | float | complex | np.generic | str):
        return f"{brief(str(value), 42)} ({type(value).__name__})"
    if isinstance(value, Mapping):
        return f"a dict with {', '.join(repr(str(key)[:20]) for key in list(value)[:8]) or 'no keys'}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"of type {type(value).__name__}"


def _declared(space: Any, what: str) -> str:
    return f"{what}, and {described(space)} was declared"
