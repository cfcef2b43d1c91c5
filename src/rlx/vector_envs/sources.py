"""Where steps come from: Gymnasium environments in this process, or in worker processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from rlx.observation_wrappers import OwnObservations
from rlx.reward_components import ComponentSums, number_in
from rlx.space_wrappers import plain_reward
from rlx.success import success_of
from rlx.vector_envs.settling import StepArrays

Array = np.ndarray[Any, Any]


class Source(Protocol):
    """Copies of an environment that step together and start a new episode by themselves when one ends.

    Attributes:
        num_envs: How many copies.
        observation_space: Of one copy.
        action_space: Of one copy.
        successes: What the environment said of each episode that ended since the list was last emptied (None: nothing);
            empty where it never says anything.
        components: The parts of the reward, where the environment reports them.
    """

    num_envs: int
    observation_space: Any
    action_space: Any
    successes: list[bool | None]
    components: ComponentSums

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """Start a new episode in every copy, with its seed where there is one, and fill ``raw_ND``."""

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """Step every copy, and fill ``raw_ND raw_rewards_N dones_N truncated_N`` and, where done, ``raw_final_ND``."""

    def attribute(self, name: str) -> list[Any]:
        """Return an attribute of every copy."""

    def close(self) -> None:
        """Let go of the environments."""


def bare(env: gym.Env[Any, Any]) -> tuple[gym.Env[Any, Any], float]:
    """Return what is inside outer wrappers that only check, count or copy, and the episode limit they held.

    Whoever steps it copies what it gives before the next step.
    """
    limit = math.inf
    while True:
        if type(env) is TimeLimit:
            limit = min(limit, env._max_episode_steps)
        elif type(env) not in (OrderEnforcing, PassiveEnvChecker, OwnObservations):
            return env, limit
        env = env.env  # type: ignore[attr-defined]


class GymnasiumSource:
    """Gymnasium environments stepped one after another in this process; see :class:`Source`."""

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        self._envs = [make() for make in makers]
        stripped = [bare(env) for env in self._envs]
        self._inner = [env for env, _ in stripped]
        self._steps = [env.step for env in self._inner]
        self._limits, self._lengths = [limit for _, limit in stripped], [0] * len(stripped)
        self.num_envs = len(self._envs)
        self.observation_space, self.action_space = self._envs[0].observation_space, self._envs[0].action_space
        self._flat = len(self.observation_space.shape or ()) == 1
        self.successes: list[bool | None] = []
        self.components = ComponentSums(self.num_envs)

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """See :meth:`Source.reset`."""
        self.components.forget()
        for index, seed in enumerate(seeds):
            self._lengths[index] = 0
            arrays.raw_ND[index] = np.ravel(self._inner[index].reset(seed=seed)[0])

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """See :meth:`Source.step`."""
        observations_ND, lengths, limits = arrays.raw_ND, self._lengths, self._limits
        arrays.dones_N[:] = False
        rewards, components = [], self.components
        for index, step in enumerate(self._steps):
            observation, reward, terminated, truncated, info = step(actions[index])
            rewards.append(reward)
            lengths[index] += 1
            if info:
                components.add(index, info, number_in(reward))
            if terminated or truncated or lengths[index] >= limits[index]:
                arrays.dones_N[index], arrays.truncated_N[index] = True, not terminated
                arrays.raw_final_ND[index] = observation if self._flat else np.ravel(observation)
                self.successes.append(success_of(info))
                components.end(index)
                observation, lengths[index] = self._inner[index].reset()[0], 0
            observations_ND[index] = observation if self._flat else np.ravel(observation)
        try:
            arrays.raw_rewards_N[:] = rewards
        except (ValueError, TypeError):  # arrays of size one, which NumPy does not put into a row by itself
            arrays.raw_rewards_N[:] = [plain_reward(reward) for reward in rewards]

    def attribute(self, name: str) -> list[Any]:
        """See :meth:`Source.attribute`."""
        return [env.get_wrapper_attr(name) for env in self._envs]

    def close(self) -> None:
        """See :meth:`Source.close`."""
        for env in self._envs:
            env.close()


class ProcessSource:
    """Gymnasium environments in worker processes (Stable-Baselines3's ``SubprocVecEnv``); see :class:`Source`."""

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        from stable_baselines3.common.vec_env import SubprocVecEnv

        self._venv = SubprocVecEnv(list(makers), start_method="spawn")
        self.num_envs = self._venv.num_envs
        self.observation_space, self.action_space = self._venv.observation_space, self._venv.action_space
        self.successes: list[bool | None] = []
        self.components = ComponentSums(self.num_envs)

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """See :meth:`Source.reset`."""
        self.components.forget()
        self._venv._seeds = list(seeds)
        arrays.raw_ND[:] = np.reshape(np.asarray(self._venv.reset()), arrays.raw_ND.shape)

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """See :meth:`Source.step`."""
        observations, arrays.raw_rewards_N[:], arrays.dones_N[:], infos = self._venv.step(actions)
        arrays.raw_ND[:] = np.reshape(np.asarray(observations), arrays.raw_ND.shape)
        for copy, info in enumerate(infos):
            self.components.add(copy, info, float(arrays.raw_rewards_N[copy]))
        for index in np.flatnonzero(arrays.dones_N).tolist():
            self.components.end(index)
            arrays.raw_final_ND[index] = np.ravel(infos[index]["terminal_observation"])
            arrays.truncated_N[index] = infos[index]["TimeLimit.truncated"]
            self.successes.append(success_of(infos[index]))

    def attribute(self, name: str) -> list[Any]:
        """See :meth:`Source.attribute`."""
        return list(self._venv.get_attr(name))

    def close(self) -> None:
        """See :meth:`Source.close`."""
        self._venv.close()


def is_vector(space: spaces.Space[Any]) -> bool:
    """Tell whether observations of a space are arrays of real numbers that are not an image."""
    from stable_baselines3.common.preprocessing import is_image_space

    return isinstance(space, spaces.Box) and not is_image_space(space)
