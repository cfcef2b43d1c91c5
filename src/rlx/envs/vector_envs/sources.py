"""Where steps come from: Gymnasium environments in this process, or in worker processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from rlx.envs.changing_env import begin_at
from rlx.envs.masks import masks_of, tells_masks
from rlx.envs.observation_wrappers import OwnObservations
from rlx.envs.reward_components import ComponentSums, number_in
from rlx.envs.success import success_of
from rlx.envs.value_checks import Kinds, plain_flag, plain_reward, step_misfit
from rlx.envs.vector_envs.copies import Copies
from rlx.envs.vector_envs.settling import StepArrays
from rlx.errors import Misfit
from rlx.launch import close_later, watch

Array = np.ndarray[Any, Any]
STEPPING, IDLE = int(watch.Call.STEP), int(watch.Call.NOTHING)


class Source(Protocol):
    """Copies of an environment that step together and start a new episode by themselves when one ends.

    Attributes:
        num_envs: How many copies.
        observation_space: Of one copy.
        action_space: Of one copy.
        successes: What the environment said of each episode that ended since the list was last emptied (None: nothing);
            empty where it never says anything.
        components: The parts of the reward, where the environment reports them.
        has_masks: Whether the copies tell which actions are allowed.
    """

    num_envs: int
    observation_space: Any
    action_space: Any
    has_masks: bool
    successes: list[bool | None]
    components: ComponentSums

    def begin_at(self, steps: int) -> None:
        """Say how many steps training has behind it at the next reset with seeds; only copies whose arguments change ask."""

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """Start a new episode in every copy, with its seed where there is one, and fill ``raw_ND``."""

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """Step every copy, and fill ``raw_ND raw_rewards_N dones_N truncated_N`` and, where done, ``raw_final_ND``."""

    def masks(self) -> list[Array] | None:
        """Return which actions every copy allows now (:func:`rlx.envs.masks.masks_of`); None where they do not tell."""

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
        self._steps: list[Callable[[Any], Any]] = [env.step for env in self._inner]
        self._limits, self._lengths = [limit for _, limit in stripped], [0] * len(stripped)
        self.num_envs = len(self._envs)
        self.observation_space, self.action_space = self._envs[0].observation_space, self._envs[0].action_space
        self.has_masks = tells_masks(self._envs[0])
        self._kinds = Kinds(self.observation_space)
        self._flat = len(self.observation_space.shape or ()) == 1
        self.successes: list[bool | None] = []
        self.components = ComponentSums(self.num_envs)

    def begin_at(self, steps: int) -> None:
        """See :meth:`Source.begin_at`."""
        for env in self._envs:
            begin_at(env, steps)

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """See :meth:`Source.reset`."""
        self.components.forget()
        for index, seed in enumerate(seeds):
            self._lengths[index] = 0
            with watch.calling(watch.Call.RESET):
                observation = self._inner[index].reset(seed=seed)[0]
            self._kinds.check(observation)
            arrays.raw_ND[index] = np.ravel(observation)

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """See :meth:`Source.step`."""
        observations_ND, lengths, limits = arrays.raw_ND, self._lengths, self._limits
        arrays.dones_N[:] = False
        rewards, components, check = arrays.raw_rewards_N, self.components, self._kinds.check
        board = watch.board  # written to directly: this loop is hot
        board[watch.CALL] = STEPPING
        for index, step in enumerate(self._steps):
            board[watch.STEPS] += 1
            found = step(actions[index])
            if (len(found) != 5 or type(found[4]) is not dict) and (wrong := step_misfit(found)):
                raise Misfit(wrong)
            observation, reward, terminated, truncated, info = found
            rewards[index] = reward if type(reward) is float else plain_reward(reward)
            if type(terminated) is not bool or type(truncated) is not bool:
                terminated, truncated = plain_flag(terminated, "terminated"), plain_flag(truncated, "truncated")
            check(observation)
            lengths[index] += 1
            if info:
                components.add(index, info, number_in(reward))
            if terminated or truncated or lengths[index] >= limits[index]:
                arrays.dones_N[index], arrays.truncated_N[index] = True, not terminated
                arrays.raw_final_ND[index] = observation if self._flat else np.ravel(observation)
                self.successes.append(success_of(info))
                components.end(index)
                with watch.calling(watch.Call.RESET):
                    observation = self._inner[index].reset()[0]
                check(observation)
                lengths[index] = 0
            observations_ND[index] = observation if self._flat else np.ravel(observation)
        board[watch.CALL] = IDLE

    def masks(self) -> list[Array] | None:
        """See :meth:`Source.masks`."""
        told = [masks_of(env, length) for env, length in zip(self._envs, self._lengths, strict=True)]
        return [mask_W for mask_W in told if mask_W is not None] if self.has_masks else None

    def attribute(self, name: str) -> list[Any]:
        """See :meth:`Source.attribute`."""
        return [env.get_wrapper_attr(name) for env in self._envs]

    def close(self) -> None:
        """See :meth:`Source.close`."""
        for env in self._envs:
            close_later(env)


class ProcessSource:
    """Gymnasium environments in processes of their own (:class:`rlx.envs.vector_envs.copies.Copies`); see :class:`Source`."""

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        self._copies = Copies(makers)
        self.num_envs = len(makers)
        self.observation_space, self.action_space = self._copies.observation_space, self._copies.action_space
        self.has_masks = self._copies.has_masks
        self.successes: list[bool | None] = []
        self.components = ComponentSums(self.num_envs)

    def begin_at(self, steps: int) -> None:
        """See :meth:`Source.begin_at`."""
        self._copies.begin_at(steps)

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """See :meth:`Source.reset`."""
        self.components.forget()
        for index, observation in enumerate(self._copies.reset(seeds)):
            arrays.raw_ND[index] = np.ravel(observation)

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """See :meth:`Source.step`."""
        watch.board[watch.STEPS] += self.num_envs
        arrays.dones_N[:] = False
        for index, outcome in enumerate(self._copies.step(actions)):
            arrays.raw_ND[index], arrays.raw_rewards_N[index] = np.ravel(outcome.observation), outcome.reward
            self.components.add(index, outcome.info, outcome.reward)
            if outcome.terminated or outcome.truncated:
                arrays.dones_N[index], arrays.truncated_N[index] = True, not outcome.terminated
                arrays.raw_final_ND[index] = np.ravel(outcome.final)
                self.components.end(index)
                self.successes.append(success_of(outcome.info))

    def masks(self) -> list[Array] | None:
        """See :meth:`Source.masks`."""
        return self._copies.masks() if self.has_masks else None

    def attribute(self, name: str) -> list[Any]:
        """See :meth:`Source.attribute`."""
        return self._copies.attribute(name)

    def close(self) -> None:
        """See :meth:`Source.close`."""
        close_later(self._copies)


def is_vector(space: spaces.Space[Any]) -> bool:
    """Tell whether observations of a space are arrays of real numbers that are not an image."""
    from stable_baselines3.common.preprocessing import is_image_space

    return isinstance(space, spaces.Box) and not is_image_space(space)
