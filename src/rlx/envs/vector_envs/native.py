"""Compiled environments that stand in for Gymnasium's where they give the same bits.

The seam for another one: its dynamics and observation in :mod:`rlx.envs.vector_envs.dynamics`, and a row in
:data:`ENVIRONMENTS` that says how Gymnasium draws its first states. Nobody has to trust the copy: before it is used, a
process steps it beside the installed Gymnasium's (:func:`stands_in`), and any difference means that it is not used.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.config import EnvConfig
from rlx.envs.reward_components import ComponentSums
from rlx.envs.vector_envs import dynamics
from rlx.envs.vector_envs.dynamics import State, advance
from rlx.envs.vector_envs.settling import StepArrays
from rlx.launch import bound

Array = np.ndarray[Any, Any]
TRIAL_STEPS = 400
"""Steps for which a process compares a compiled environment with Gymnasium's before it relies on it."""


class Environment(NamedTuple):
    """How Gymnasium starts an episode.

    Attributes:
        kind: Code in :mod:`rlx.envs.vector_envs.dynamics`.
        first_states: Draws ``count`` first states, in the order in which that many resets would.
        first_observations: What the agent sees of them.
    """

    kind: int
    first_states: Callable[[np.random.Generator, int], Array]
    first_observations: Callable[[Array], Array]


def _uniform(low: float, high: float, size: int) -> Callable[[np.random.Generator, int], Array]:
    return lambda generator, count: generator.uniform(low, high, (count, size))


def _pendulum_states(generator: np.random.Generator, count: int) -> Array:
    high = np.array([math.pi, 1.0])
    return generator.uniform(-high, high, (count, 2))


def _acrobot_states(generator: np.random.Generator, count: int) -> Array:
    return generator.uniform(-0.1, 0.1, (count, 4)).astype(np.float32).astype(np.float64)


def _mountain_car_states(generator: np.random.Generator, count: int) -> Array:
    return np.column_stack([generator.uniform(-0.6, -0.4, count), np.zeros(count)])


def _as_seen(states: Array) -> Array:
    return states.astype(np.float32)


def _pendulum_seen(states: Array) -> Array:
    return np.column_stack([np.cos(states[:, 0]), np.sin(states[:, 0]), states[:, 1]]).astype(np.float32)


def _acrobot_seen(states: Array) -> Array:
    """Gymnasium takes cosines of the first state in float32."""
    a, b = states[:, 0].astype(np.float32), states[:, 1].astype(np.float32)
    return np.column_stack([np.cos(a), np.sin(a), np.cos(b), np.sin(b), states[:, 2], states[:, 3]]).astype(np.float32)


ENVIRONMENTS = {
    "CartPole-v1": Environment(dynamics.CARTPOLE, _uniform(-0.05, 0.05, 4), _as_seen),
    "Pendulum-v1": Environment(dynamics.PENDULUM, _pendulum_states, _pendulum_seen),
    "Acrobot-v1": Environment(dynamics.ACROBOT, _acrobot_states, _acrobot_seen),
    "MountainCar-v0": Environment(dynamics.MOUNTAIN_CAR, _mountain_car_states, _as_seen),
}
"""By Gymnasium's id."""


class NativeSource:
    """Copies of a compiled environment; see :class:`rlx.envs.vector_envs.sources.Source`."""

    def __init__(self, env_id: str, num_envs: int, steps_ahead: int):
        """Make the copies; ``steps_ahead`` is the most steps between two calls of :meth:`refill`."""
        self.env_id, self._environment = env_id, ENVIRONMENTS[env_id]
        made = gym.make(env_id, disable_env_checker=True)
        self.num_envs = num_envs
        self.observation_space, self.action_space = made.observation_space, made.action_space
        limit = made.spec.max_episode_steps if made.spec and made.spec.max_episode_steps else 2**62
        made.close()
        self.successes: list[bool | None] = []
        self.components = ComponentSums(0)
        self._advance: Callable[..., Any] | None = None
        self._generators: list[np.random.Generator] = [np.random.default_rng() for _ in range(num_envs)]
        states = self._environment.first_states(self._generators[0], 1).shape[1]
        width = spaces.flatdim(self.observation_space)
        self.state = State(
            self._environment.kind,
            np.zeros((num_envs, states)),
            np.zeros(num_envs, np.int64),
            limit,
            np.zeros((num_envs, steps_ahead + 1, states)),
            np.zeros((num_envs, steps_ahead + 1, width), np.float32),
            np.zeros(num_envs, np.int64),
            2.0,
        )

    def begin_at(self, steps: int) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.begin_at`: these have no arguments."""

    def reset(self, arrays: StepArrays, seeds: Sequence[int | None]) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.reset`."""
        for index, seed in enumerate(seeds):
            if seed is not None:
                self._generators[index] = gym.utils.seeding.np_random(seed)[0]
                self.state.used_N[index] = self.state.starts_NRS.shape[1]
        self.refill()
        self.state.state_NS[:] = self.state.starts_NRS[:, 0]
        arrays.raw_ND[:] = self.state.first_NRD[:, 0]
        self.state.used_N[:], self.state.lengths_N[:] = 1, 0
        self.refill()

    def begin(self, index: int, seed: int) -> Array:
        """Start a new episode in one copy; returns its first observation."""
        self._generators[index] = gym.utils.seeding.np_random(seed)[0]
        self.state.used_N[index] = self.state.starts_NRS.shape[1]
        self.refill()
        self.state.state_NS[index] = self.state.starts_NRS[index, 0]
        self.state.used_N[index], self.state.lengths_N[index] = 1, 0
        first: Array = self.state.first_NRD[index, 0].copy()
        return first

    def refill(self) -> None:
        """Draw first states ahead for those that were used up."""
        for index in np.flatnonzero(self.state.used_N):
            used = int(self.state.used_N[index])
            starts_RS, first_RD = self.state.starts_NRS[index], self.state.first_NRD[index]
            starts_RS[: len(starts_RS) - used] = starts_RS[used:].copy()
            first_RD[: len(first_RD) - used] = first_RD[used:].copy()
            drawn = self._environment.first_states(self._generators[index], used)
            starts_RS[len(starts_RS) - used :] = drawn
            first_RD[len(first_RD) - used :] = self._environment.first_observations(drawn)
        self.state.used_N[:] = 0

    def step(self, arrays: StepArrays, actions: Array) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.step`."""
        if self.state.used_N.max() + 1 > self.state.starts_NRS.shape[1] - 1:
            self.refill()
        arguments = (self.state, arrays, np.ascontiguousarray(actions, np.float32).reshape(self.num_envs, -1))
        if self._advance is None:
            self._advance = bound(advance, *arguments)
        self._advance(*arguments)

    def seconds_per_step(self) -> float:
        """Return how long a step of one copy takes in compiled code, by taking some thousand in other copies."""
        copies, calls, space = 200, 20, self.action_space
        other, arrays = NativeSource(self.env_id, copies, 1), step_arrays(copies, self.observation_space)
        other.reset(arrays, range(copies))
        actions_NA = np.zeros((copies, spaces.flatdim(space) if isinstance(space, spaces.Box) else 1), np.float32)
        step = bound(advance, other.state, arrays, actions_NA)
        begun = time.perf_counter()
        for _ in range(calls):
            step(other.state, arrays, actions_NA)
            other.state.used_N[:] = 0
        return (time.perf_counter() - begun) / (calls * copies)

    has_masks = False

    def masks(self) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.masks`: none of these tells any."""

    def attribute(self, name: str) -> list[Any]:
        """See :meth:`rlx.envs.vector_envs.sources.Source.attribute`."""
        return [getattr(self, name)] * self.num_envs

    def close(self) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.close`."""


def step_arrays(num_envs: int, space: gym.Space[Any]) -> StepArrays:
    """Allocate the arrays of one step; raw observations are float64, whatever the space says, so that kernels know one kind."""
    shape = (num_envs, spaces.flatdim(space))
    return StepArrays(
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(num_envs),
        np.zeros(num_envs, np.bool_),
        np.zeros(num_envs, np.bool_),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(num_envs, np.float32),
    )


def is_plain(env: EnvConfig) -> bool:
    """Tell whether a configuration asks for the environment as Gymnasium registers it, and nothing around it."""
    spec = gym.registry.get(env.id)
    plain = not (env.kwargs or env.wrappers) and env.frame_stack == 1
    return bool(
        env.id in ENVIRONMENTS
        and plain
        and spec is not None
        and str(spec.entry_point).startswith("gymnasium.envs.classic_control")
        and not spec.kwargs
        and not spec.additional_wrappers
    )


@functools.cache
def stands_in(env_id: str, steps: int = TRIAL_STEPS, seed: int = 0) -> bool:
    """Tell whether the compiled environment gives the same bits as the installed Gymnasium's, by stepping both.

    Args:
        env_id: A key of :data:`ENVIRONMENTS`.
        steps: For how many random actions.
        seed: Of the actions and of the first reset.
    """
    from rlx.envs.vector_envs.sources import GymnasiumSource

    sources: list[Any] = [
        GymnasiumSource([lambda: gym.make(env_id, disable_env_checker=True)]),
        NativeSource(env_id, 1, 64),
    ]
    space = sources[0].action_space
    arrays = [step_arrays(1, sources[0].observation_space) for _ in sources]
    generator = np.random.default_rng(seed)
    for source, own in zip(sources, arrays, strict=True):
        source.reset(own, [seed])
    same = np.array_equal(arrays[0].raw_ND, arrays[1].raw_ND)
    for _ in range(steps if same else 0):
        action = (
            generator.integers(space.n, size=1)
            if isinstance(space, spaces.Discrete)
            else generator.uniform(space.low, space.high, (1, *space.shape)).astype(np.float32)
        )
        for source, own in zip(sources, arrays, strict=True):
            source.step(own, action)
        ended = arrays[0].dones_N[0]
        same = all(
            np.array_equal(getattr(arrays[0], name), getattr(arrays[1], name))
            for name in ("raw_ND", "raw_rewards_N", "dones_N", *(("truncated_N", "raw_final_ND") if ended else ()))
        )
        if not same:
            break
    sources[0].close()
    return same
