"""The vectorised environments that Stable-Baselines3's own engine trains in: in this process, or each in its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from rlx.envs.changing_env import begin_at
from rlx.envs.masks import METHOD, masks_of, tells_masks
from rlx.envs.vector_envs.copies import Copies, needed
from rlx.launch import close_later, watch

Array = np.ndarray[Any, Any]


class WatchedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Notes when an environment is called, so that a call that never returns is noticed.

    Attributes:
        length: How many steps of the episode were taken.
    """

    length = 0

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode; see :meth:`gymnasium.Env.reset`."""
        self.length = 0
        with watch.calling(watch.Call.RESET):
            return self.env.reset(**kwargs)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        watch.stepping()
        given = action.copy() if isinstance(action, np.ndarray) else action  # it may change it: SB3 keeps the array
        observation, reward, terminated, truncated, info = self.env.step(given)
        watch.returned()
        self.length += 1
        info = needed(info, over=bool(terminated or truncated))  # SB3 copies it, which not everything lets happen
        return observation, reward, terminated, truncated, info


class SyncVecEnv(DummyVecEnv):
    """SB3's ``DummyVecEnv`` of watched environments, closed once the results are safe."""

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        super().__init__([lambda make=make: WatchedEnv(make()) for make in makers])  # type: ignore[misc]

    def begin_at(self, steps: int) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.begin_at`."""
        for env in self.envs:
            begin_at(env, steps)

    def has_attr(self, attr_name: str) -> bool:
        """Tell whether the environments have an attribute, or tell masks."""
        return tells_masks(self.envs[0]) if attr_name == METHOD else super().has_attr(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of the environments; what they allow is checked."""
        if method_name != METHOD:
            return super().env_method(method_name, *args, indices=indices, **kwargs)
        watched: Any = self._get_target_envs(indices)
        return [masks_of(env, env.length) for env in watched]

    def close(self) -> None:
        """Let go of the environments."""
        for env in self.envs:
            close_later(env)


class OwnVecEnv(VecEnv):
    """What the vectorised environments of rlx have in common: training only steps and resets them, and asks for masks."""

    has_masks = False
    """Whether the copies tell which actions are allowed."""

    def masks(self) -> list[Array] | None:
        """Return which actions every copy allows now, one bool per choice; None where they do not tell."""
        return None

    def has_attr(self, attr_name: str) -> bool:
        """Tell whether the environments have an attribute, or tell masks."""
        return self.has_masks if attr_name == METHOD else super().has_attr(attr_name)

    def step_async(self, actions: Array) -> None:
        """See :meth:`stable_baselines3.common.vec_env.VecEnv.step_async`."""
        self._actions = actions

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: training changes nothing inside environments."""
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Return the masks, as sb3-contrib asks for them; training calls nothing else inside environments."""
        if method_name != METHOD or (told := self.masks()) is None:
            raise NotImplementedError
        return [told[index] for index in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Say no: what SB3 asks for (Monitor) is done elsewhere."""
        return [False] * self.num_envs


class ProcessVecEnv(OwnVecEnv):
    """As SB3's ``SubprocVecEnv``: a process for each copy, and real errors instead of a broken pipe."""

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        self._copies = Copies(makers)
        super().__init__(len(makers), self._copies.observation_space, self._copies.action_space)
        self.has_masks = self._copies.has_masks
        self._actions: Any = None

    def begin_at(self, steps: int) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.begin_at`."""
        self._copies.begin_at(steps)

    def masks(self) -> list[Array] | None:
        """See :meth:`OwnVecEnv.masks`."""
        return self._copies.masks() if self.has_masks else None

    def reset(self) -> Any:
        """Start new episodes everywhere."""
        found = self._copies.reset(self._seeds)
        self._reset_seeds()
        self._reset_options()
        return self._stacked(found)

    def step_wait(self) -> Any:
        """See :meth:`stable_baselines3.common.vec_env.VecEnv.step_wait`."""
        watch.board[watch.STEPS] += self.num_envs
        outcomes = self._copies.step(self._actions)
        dones_N = np.array([each.terminated or each.truncated for each in outcomes])
        infos = [
            {**each.info, "TimeLimit.truncated": each.truncated and not each.terminated}
            | ({"terminal_observation": each.final} if done else {})
            for each, done in zip(outcomes, dones_N, strict=True)
        ]
        rewards_N = np.array([each.reward for each in outcomes])
        return self._stacked([each.observation for each in outcomes]), rewards_N, dones_N, infos

    def _stacked(self, observations: list[Any]) -> Any:
        if isinstance(self.observation_space, gym.spaces.Dict):
            return {key: np.stack([each[key] for each in observations]) for key in self.observation_space.spaces}
        return np.stack(observations)

    def close(self) -> None:
        """Let go of the environments."""
        close_later(self._copies)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """See :meth:`stable_baselines3.common.vec_env.VecEnv.get_attr`."""
        found = self._copies.attribute(attr_name)
        return [found[index] for index in self._get_indices(indices)]
