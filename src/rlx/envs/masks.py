"""Masks: which actions an environment allows now, as its method ``action_masks()`` tells.

The name and the layout are those of sb3-contrib's ``MaskablePPO``: one truth value for each choice, the parts of an action end to
end. For ``Discrete(n)`` that is n values, for ``MultiDiscrete(nvec)`` sum(nvec), for ``MultiBinary(n)`` two for each element (may it
be 0, may it be 1). Continuous actions have no choices, and whatever such an environment says of them is not asked for.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.envs.space_facts import described
from rlx.errors import Misfit
from rlx.launch import watch
from rlx.stats import brief

Array = np.ndarray[Any, Any]
METHOD = "action_masks"
"""What an environment (or a wrapper around it) calls it."""


def choices(space: Any) -> list[int] | None:
    """Return how many choices each part of an action has; None for actions that are no choices."""
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [int(count) for count in np.ravel(space.nvec)]
    if isinstance(space, spaces.MultiBinary):
        return [2] * int(np.prod(space.shape))
    return None


def tells_masks(env: gym.Env[Any, Any]) -> bool:
    """Tell whether an environment, or a wrapper around it, tells which actions are allowed."""
    return choices(env.action_space) is not None and callable(_method(env))


def masks_of(env: gym.Env[Any, Any], step: int) -> Array | None:
    """Return which actions one copy of an environment allows now.

    Args:
        env: It, with its wrappers.
        step: How many steps of its episode were taken, for messages.

    Returns:
        One bool per choice, in memory of its own (see the module); None where it does not tell.

    Raises:
        Misfit: It tells something else, or allows nothing; the message says which environment, at which step, and what it told.
    """
    parts = choices(env.action_space)
    if parts is None or not callable(method := _method(env)):
        return None
    with watch.calling(watch.Call.MASKS):
        given = method()
    mask_W = _as_bools(given, sum(parts))
    if mask_W is None:
        raise Misfit(
            f"{_told(env, step)} gave {brief(given)}; it has to return {sum(parts)} truth values, one for each choice of "
            f"{described(env.action_space)}"
        )
    for part, allowed in enumerate(np.split(mask_W, np.cumsum(parts)[:-1])):
        if not allowed.any():
            of = f" of part {part} of {described(env.action_space)}" if len(parts) > 1 else ""
            raise Misfit(f"{_told(env, step)} allows no action{of}; allow one, or end the episode before")
    return mask_W


def all_allowed(space: Any) -> Array:
    """Return the mask under which every action is allowed; one bool per choice."""
    return np.ones(sum(choices(space) or []), np.bool_)


def sample_allowed(space: Any, mask_W: Array | None) -> Any:
    """Draw an action from a space's own generator, uniformly from those that are allowed; without a mask from all."""
    if mask_W is None:
        return space.sample()
    bytes_W = mask_W.astype(np.int8)
    if isinstance(space, spaces.Discrete):
        return space.sample(mask=bytes_W)
    if isinstance(space, spaces.MultiBinary):  # Gymnasium wants 0, 1, or 2 where both are allowed
        may_E2 = bytes_W.reshape(-1, 2)
        return space.sample(mask=np.where(may_E2.all(axis=1), 2, may_E2[:, 1]).astype(np.int8).reshape(space.shape))
    parts = np.split(bytes_W, np.cumsum(choices(space) or [])[:-1])
    if len(space.shape) == 1:
        return space.sample(mask=tuple(parts))
    flat = [space.np_random.choice(np.flatnonzero(part)) for part in parts]
    return (np.reshape(flat, space.shape) + space.start).astype(space.dtype)


def _method(env: gym.Env[Any, Any]) -> Any:
    try:
        return env.get_wrapper_attr(METHOD)
    except AttributeError:
        return None


def _as_bools(given: Any, width: int) -> Array | None:
    """Return masks as an array of one axis; None for anything that is not as many truth values."""
    try:
        given_W = np.asarray(given)
    except ValueError:  # rows of different lengths
        return None
    if given_W.size != width or given_W.dtype.kind not in "biuf":
        return None
    mask_W = given_W.reshape(width).astype(np.bool_)
    return mask_W if np.array_equal(mask_W, given_W.reshape(width)) else None


def _told(env: gym.Env[Any, Any], step: int) -> str:
    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    return f"{name}: {METHOD}() {f'after step {step} of an episode' if step else 'at the beginning of an episode'}"
