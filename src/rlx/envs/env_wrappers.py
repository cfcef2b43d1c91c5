"""Wrappers that training and evaluation put around environments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnvWrapper

from rlx.envs.reward_components import ComponentSums
from rlx.envs.success import success_of
from rlx.envs.surroundings import Surroundings
from rlx.errors import NonFiniteValue


def first_non_finite(value: Any) -> str | None:
    """Return the first number in an observation or reward that is NaN or infinite, as text; None if there is none."""
    if isinstance(value, dict):
        return next((found for member in value.values() if (found := first_non_finite(member))), None)
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.floating) or np.isfinite(array).all():
        return None
    return str(array[~np.isfinite(array)].flat[0])


@dataclass(frozen=True)
class EpisodeStatistics:
    """The training episodes that ended since the last look.

    Attributes:
        returns: What each scored.
        lengths: Its steps.
        successes: What the environment said of each (None: nothing); empty where it never says anything.
        truncations: Whether a time limit ended it.
        components: Mean over them of each part of the reward, added up over the episode
            (:class:`rlx.envs.reward_components.ComponentSums`).
    """

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    successes: tuple[bool | None, ...]
    truncations: tuple[bool, ...]
    components: dict[str, float]


class EpisodeRecorder(VecEnvWrapper):
    """Keeps what each training episode scored, and stops at the first value that is not a finite number.

    Stands directly on the environments, so returns are in the environment's own units.
    """

    def __init__(self, venv: Any, env_id: str, surroundings: Surroundings):
        super().__init__(venv)
        self._surroundings = surroundings
        self._env_id, self.steps_taken, self.seconds = env_id, 0, 0.0
        self._returns_N, self._lengths_N = np.zeros(self.num_envs), np.zeros(self.num_envs, dtype=np.int64)
        self._ended: list[tuple[float, int, bool]] = []
        self._successes: list[bool | None] = []
        self._components = ComponentSums(self.num_envs)

    def seed(self, seed: int | None = None) -> Any:
        """Let the next reset, and the generators that the environments share, start from a seed."""
        if seed is not None:
            self._surroundings.reseed(seed)
        return super().seed(seed)

    def reset(self) -> Any:
        """Start new episodes everywhere; unfinished ones are forgotten."""
        self._returns_N[:], self._lengths_N[:] = 0, 0
        self._components.forget()
        with self._surroundings:
            observations = self.venv.reset()
        self._check("observation", observations)
        return observations

    def step_wait(self) -> Any:
        """Step every copy; see :meth:`stable_baselines3.common.vec_env.VecEnv.step_wait`."""
        begun = time.perf_counter()
        with self._surroundings:
            observations, rewards_N, dones_N, infos = self.venv.step_wait()
        self.seconds += time.perf_counter() - begun
        self.steps_taken += self.num_envs
        self._check("reward", rewards_N)
        self._check("observation", observations)
        for index in np.flatnonzero(dones_N):
            self._check("observation", infos[index].get("terminal_observation"), int(index))
        self._returns_N += rewards_N
        self._lengths_N += 1
        for copy, info in enumerate(infos):
            self._components.add(copy, info, float(rewards_N[copy]))
        for index in np.flatnonzero(dones_N):
            cut = bool(infos[index].get("TimeLimit.truncated", False))
            self._ended.append((float(self._returns_N[index]), int(self._lengths_N[index]), cut))
            self._successes.append(success_of(infos[index]))
            self._components.end(int(index))
            self._returns_N[index], self._lengths_N[index] = 0, 0
        return observations, rewards_N, dones_N, infos

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of the environments, among their own generators."""
        with self._surroundings:
            return list(super().env_method(method_name, *args, indices=indices, **kwargs))

    def take(self) -> EpisodeStatistics:
        """Return the episodes that ended since the last call, and forget them."""
        returns, lengths, truncations = zip(*self._ended, strict=True) if self._ended else ((), (), ())
        found = EpisodeStatistics(returns, lengths, tuple(self._successes), truncations, self._components.take())
        self._ended, self._successes = [], []
        return found

    def _check(self, what: str, value: Any, copy: int | None = None) -> None:
        """Stop if ``value`` (of one copy, or a batch of all) is not finite."""
        if value is None or first_non_finite(value) is None:
            return
        members = value if isinstance(value, dict) else {"": value}
        key, batch = next((key, np.asarray(member)) for key, member in members.items() if first_non_finite(member))
        batch = batch if copy is None else batch[None]
        index = int(np.argwhere(~np.isfinite(batch))[0][0])
        named = f"{what} {key!r}" if key else what
        at = index if copy is None else copy
        told = non_finite_message(self._env_id, named, batch[index], at, self.num_envs, self.steps_taken)
        raise NonFiniteValue(told, what, first_non_finite(batch[index]) or "")


def non_finite_message(  # noqa: PLR0913
    env_id: str, what: str, value: Any, copy: int, copies: int, steps: int
) -> str:
    """Return the message about a value of an environment copy that is NaN or infinite.

    Args:
        env_id: The environment.
        what: ``reward`` or ``observation``, perhaps with the key of a dict observation.
        value: What it gave.
        copy: Which copy did.
        copies: How many there are.
        steps: Taken so far in this session, all copies together.
    """
    shown = np.array2string(np.asarray(value), threshold=12, precision=6)
    return (
        f"{env_id} gave {'an' if what[0] in 'aeiou' else 'a'} {what} that is not a finite number: {shown} "
        f"(environment copy {copy} of {copies}, after {steps} steps since training (re)started); "
        f"fix the environment, or guard it with a wrapper (env.wrappers)"
    )
