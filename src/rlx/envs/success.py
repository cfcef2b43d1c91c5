"""Whether an episode succeeded, as its environment says in ``info``: the one reader, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rlx.errors import SuccessUnclear
from rlx.stats import brief

KEYS = ("is_success", "success")
"""Where environments report success in the last step's ``info``; the first that is there counts."""


def success_of(info: Mapping[str, Any]) -> bool | None:
    """Return whether the episode that ended with ``info`` succeeded; None where the environment does not say.

    Understood are booleans, 0 and 1, and arrays of one of them.

    Raises:
        SuccessUnclear: The environment says something else; the message names the key and what stands there.
    """
    for key in KEYS:
        if info.get(key) is not None:
            return _truth(key, info[key])
    return None


def _truth(key: str, value: Any) -> bool:
    try:
        found = np.asarray(value)
        if found.size == 1 and found.dtype.kind in "buif" and found.item() in (0, 1):
            return bool(found.item())
    except Exception:  # noqa: BLE001 — what only looks like a number or an array
        pass
    raise SuccessUnclear(
        f"the environment says info[{key!r}] = {brief(value)} at the end of an episode, and success is true or false (or 1 or 0); "
        f"mend it in the environment, or in a wrapper (env.wrappers)"
    )


def reports_success(said: Iterable[bool | None]) -> bool:
    """Tell whether an environment reports success, from what it said at the ends of some episodes."""
    return any(success is not None for success in said)


def counted(said: bool | None, *, reported: bool) -> bool | None:
    """Return what an episode counts as, where an environment may only speak of success when it is there.

    Args:
        said: What the environment said of it.
        reported: Whether it reports success anywhere in the run: silence then means failure.
    """
    return bool(said) if reported else said
