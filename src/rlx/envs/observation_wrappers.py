"""Wrappers that keep observations: each with memory of its own, and the last ones stacked."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.envs.space_facts import described, is_image_channels_first
from rlx.envs.value_checks import Kinds, reset_misfit, step_misfit
from rlx.errors import EnvironmentUnusable, Misfit


class OwnObservations(gym.Wrapper[Any, Any, Any, Any]):
    """Gives every observation memory of its own: many simulators change one and the same array at every step.

    Stands around the environment itself, inside all other wrappers, so that whoever keeps an observation (a stack of
    frames, the last observation of an episode) keeps it as it was. Observations of another kind than declared are refused.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        self._kinds = Kinds(getattr(env, "observation_space", None))

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see :meth:`gymnasium.Env.reset`."""
        found = self.env.reset(**kwargs)
        if wrong := reset_misfit(found):
            raise Misfit(wrong)
        return self._owned(found[0]), found[1]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        found = self.env.step(action)
        if wrong := step_misfit(found):
            raise Misfit(wrong)
        return self._owned(found[0]), *found[1:]

    def _owned(self, observation: Any) -> Any:
        self._kinds.check(observation)
        return own_copy(observation)


def own_copy(observation: Any) -> Any:
    """Return an observation whose arrays nobody else can change."""
    if isinstance(observation, np.ndarray):
        return observation.copy()
    if isinstance(observation, dict):
        return {key: own_copy(member) for key, member in observation.items()}
    if isinstance(observation, list | tuple):
        return type(observation)(map(own_copy, observation)) if type(observation) in (list, tuple) else observation
    return observation


class StackFrames(gym.Wrapper[Any, Any, Any, Any]):
    """The last ``count`` observations as one: vectors end to end, images along the channels.

    After a reset the first observation stands in for those before it.
    """

    def __init__(self, env: gym.Env[Any, Any], count: int):
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box):
            raise EnvironmentUnusable(
                f"stacking frames needs array observations, not {described(space)}; set it to 1", ("env", "frame_stack")
            )
        self._count, self._frames = count, [np.zeros(space.shape, space.dtype)] * count
        self._axis = 0 if is_image_channels_first(space) else -1
        low, high = (np.concatenate([bound] * count, axis=self._axis) for bound in (space.low, space.high))
        self.observation_space = spaces.Box(low, high, dtype=space.dtype.type)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see :meth:`gymnasium.Env.reset`."""
        observation, info = self.env.reset(**kwargs)
        self._frames = [np.array(observation)] * self._count
        return np.concatenate(self._frames, axis=self._axis), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._frames = [*self._frames[1:], np.array(observation)]
        return np.concatenate(self._frames, axis=self._axis), reward, terminated, truncated, info
