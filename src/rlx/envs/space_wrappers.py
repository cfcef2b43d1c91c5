"""Wrappers between an environment's spaces and those that algorithms work in.

:func:`fitted` puts what is needed around an environment by itself: choices that count from 0, one row of them, actions of
exactly the declared shape and type. The others are for ``env.wrappers``, where only the author can say that they are meant:
``rlx.space_wrappers.ByteImages``, ``RoundActions``, ``BoundActions``.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.envs.space_facts import described
from rlx.envs.value_checks import plain_flag, plain_reward
from rlx.errors import EnvironmentUnusable

Array = np.ndarray[Any, Any]


class ConvertSpaces(gym.Wrapper[Any, Any, Any, Any]):
    """Shifts choices to count from 0, lays them out in one row, and gives actions the declared shape and type."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        self._seen, self._acts = env.observation_space, env.action_space
        self.observation_space, self.action_space = converted(self._seen), converted(self._acts, acting=True)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see :meth:`gymnasium.Env.reset`."""
        observation, info = self.env.reset(**kwargs)
        return _converted_value(self._seen, observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        observation, *rest = self.env.step(_original_action(self._acts, action))
        return _converted_value(self._seen, observation), *rest


def fitted(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """Return the environment, in :class:`ConvertSpaces` where its spaces need that."""
    observation, action = getattr(env, "observation_space", None), getattr(env, "action_space", None)
    if _needs_conversion(observation) or _needs_conversion(action, acting=True):
        return ConvertSpaces(env)
    return env


def _needs_conversion(space: Any, *, acting: bool = False) -> bool:
    if isinstance(space, spaces.Dict):
        return any(_needs_conversion(member) for member in space.spaces.values())
    if isinstance(space, spaces.Discrete):
        return bool(space.start != 0)
    if isinstance(space, spaces.MultiDiscrete):
        other_type = acting and space.dtype != np.int64
        return bool(np.any(space.start)) or len(space.shape) != 1 or other_type
    if isinstance(space, spaces.MultiBinary):
        return acting or len(space.shape) != 1
    if isinstance(space, spaces.Box):
        exact = space.dtype in (np.float32, np.float64)
        return space.shape == () or (acting and np.issubdtype(space.dtype, np.floating) and not exact)
    return False


def converted(space: Any, *, acting: bool = False) -> Any:
    """Return the space that algorithms see in place of ``space``."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: converted(member) for key, member in space.spaces.items()})
    if isinstance(space, spaces.Discrete):
        return spaces.Discrete(int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        return spaces.MultiDiscrete(np.ravel(space.nvec))
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiBinary(int(np.prod(space.shape)))
    if isinstance(space, spaces.Box):
        shape = space.shape or (1,)
        exact = space.dtype in (np.float32, np.float64)
        kind = np.float32 if acting and not exact and np.issubdtype(space.dtype, np.floating) else space.dtype.type
        return spaces.Box(space.low.reshape(shape).astype(kind), space.high.reshape(shape).astype(kind), dtype=kind)
    return space


def _converted_value(space: Any, value: Any) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _converted_value(member, value[key]) for key, member in space.spaces.items()}
    if isinstance(space, spaces.Discrete):
        return np.asarray(value, np.int64).reshape(()) - int(space.start)
    if isinstance(space, spaces.MultiDiscrete):
        return np.ravel(np.asarray(value, np.int64) - space.start)
    if isinstance(space, spaces.MultiBinary):
        return np.ravel(value)
    if isinstance(space, spaces.Box) and space.shape == ():
        return np.asarray(value).reshape(1)
    return value


def _original_action(space: Any, action: Any) -> Any:
    if isinstance(space, spaces.Discrete):
        return space.dtype.type(int(np.asarray(action).reshape(())) + int(space.start))
    shape = space.shape or ()
    if isinstance(space, spaces.MultiDiscrete):
        return (np.asarray(action).reshape(shape) + space.start).astype(space.dtype)
    if isinstance(space, spaces.MultiBinary):
        return np.asarray(action).reshape(shape).astype(space.dtype)
    if isinstance(space, spaces.Box):
        return np.asarray(action).reshape(shape).astype(space.dtype)
    return action


class PlainSteps(gym.Wrapper[Any, Any, Any, Any]):
    """Makes rewards numbers and flags bools, where an environment gives arrays of size one."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        over = plain_flag(terminated, "terminated"), plain_flag(truncated, "truncated")
        return observation, plain_reward(reward), *over, info


class ByteImages(gym.ObservationWrapper[Any, Any, Any]):
    """Images of real numbers between the declared bounds as the whole numbers 0-255 that the `cnn` reads."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise EnvironmentUnusable(f"ByteImages needs images with finite bounds, not {described(space)}")
        self._low, self._span = space.low.astype(float), np.maximum(space.high.astype(float) - space.low, 1e-12)
        self.observation_space = spaces.Box(0, 255, space.shape, np.uint8)

    def observation(self, observation: Any) -> Array:
        """Return the image in bytes; what lies beyond the bounds is cut."""
        scaled = (np.asarray(observation, float) - self._low) / self._span * 255
        return np.asarray(np.clip(np.round(scaled), 0, 255), np.uint8)


class RoundActions(gym.ActionWrapper[Any, Any, Any]):
    """Takes real numbers for a Box of whole ones, and rounds them."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        space = env.action_space
        if not isinstance(space, spaces.Box):
            raise EnvironmentUnusable(f"RoundActions needs a Box of actions, not {described(space)}")
        self._space = space
        self.action_space = spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32))

    def action(self, action: Any) -> Array:
        """Return the nearest whole numbers within the bounds."""
        whole = np.clip(np.round(np.asarray(action, float)), self._space.low, self._space.high)
        return np.asarray(whole, self._space.dtype)


class BoundActions(gym.Wrapper[Any, Any, Any, Any]):
    """Gives continuous actions without bounds some: those between which the policy is to act."""

    def __init__(self, env: gym.Env[Any, Any], low: float, high: float):
        super().__init__(env)
        space = env.action_space
        if not isinstance(space, spaces.Box) or not low < high:
            raise EnvironmentUnusable(f"BoundActions needs a Box of actions and low < high, not {described(space)}")
        least, most = (
            np.clip(np.full(space.shape, bound, space.dtype), space.low, space.high) for bound in (low, high)
        )
        self.action_space = spaces.Box(least, most, dtype=space.dtype.type)
