"""An environment of training that is another one in each episode, as ``env.training`` says.

It is made anew with the arguments of the episode: that is right for every environment, since one that was made does not say
which of its attributes an argument went into. Environments of a mixture are kept, as there are few.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from rlx.config import TRAINING_PLACE, EnvConfig
from rlx.envs.making import make_env
from rlx.envs.masks import tells_masks
from rlx.envs.space_facts import described, is_image
from rlx.envs.training_kwargs import TrainingKwargs, episode_seed, parameters_of
from rlx.errors import EnvironmentUnusable
from rlx.launch import Call, calling

MOST_KEPT = 8
"""Environments of a mixture that one copy keeps open."""


class ChangingEnv(gym.Wrapper[Any, Any, Any, Any]):
    """One copy of an environment whose arguments each reset decides.

    A reset with a seed begins a segment of training (:mod:`rlx.training.one_seed`): everything is made anew then, so that a training
    that goes on from there finds what an undisturbed one finds. Every episode has a seed of its own.
    """

    def __init__(self, env: EnvConfig, total_steps: int):
        """Make the first one.

        Args:
            env: The environment as it is trained (:attr:`rlx.config.EnvConfig.trained`).
            total_steps: Environment steps of the whole training, all copies together.
        """
        super().__init__(make_env(env))
        self._config, self._total = env, total_steps
        self._plan = TrainingKwargs(env, parameters_of(env))
        self.observation_space, self.action_space = (
            self.env.observation_space,
            self.env.action_space,
        )  # of all that follow
        self._masks = tells_masks(self.env)
        keeps = env.vectorization != "isolated" and env.training.mixture and not env.training.ranges
        self._room = min(MOST_KEPT, len(env.training.mixture)) if keeps else 1
        self._kept: OrderedDict[str, gym.Env[Any, Any]] = OrderedDict({"": self.env})
        self._announced: int | None = None
        self._begun = self._steps = self._seed = self._episode = 0

    def begin_at(self, steps: int) -> None:
        """Learn how many steps training has behind it, all copies together, at the next reset with a seed."""
        self._announced = steps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start the next episode; see :meth:`gymnasium.Env.reset`.

        Raises:
            EnvironmentUnusable: It cannot be made with the episode's arguments, or has other spaces then.
        """
        self._episode += 1
        clock = self._begun + self._steps * self._config.num_envs  # each copy takes every step
        if seed is not None:
            clock = clock if self._announced is None else self._announced
            self._seed, self._episode, self._steps, self._begun, self._announced = seed, 0, 0, clock, None
            self._let_go(0)
        share = min(1.0, clock / self._total)
        self.env = self._with(self._plan.of_episode(share, self._seed, self._episode))
        return self.env.reset(seed=episode_seed(self._seed, self._episode), options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step; see :meth:`gymnasium.Env.step`."""
        self._steps += 1
        return self.env.step(action)

    def close(self) -> None:
        """Close what is open."""
        self._let_go(0)

    def _with(self, kwargs: dict[str, Any]) -> gym.Env[Any, Any]:
        """Return an environment that was made with these arguments in this segment."""
        key = repr(sorted(kwargs.items()))
        made = self._kept.pop(key, None)
        if made is None:
            self._let_go(self._room - 1)
            made = make_env(self._config.model_copy(update={"kwargs": kwargs}))
            self._check(made, kwargs)
        self._kept[key] = made
        return made

    def _let_go(self, left: int) -> None:
        """Close all but those that were used last: before others are made, as a process may hold one only."""
        while len(self._kept) > left:
            _, old = self._kept.popitem(last=False)
            with calling(Call.CLOSE):
                old.close()

    def _check(self, made: gym.Env[Any, Any], kwargs: dict[str, Any]) -> None:
        if wrong := misfit(made, self.observation_space, self.action_space, masks=self._masks):
            made.close()
            raise EnvironmentUnusable(f"{self._config.id} with {kwargs}: {wrong}", TRAINING_PLACE)


def misfit(made: gym.Env[Any, Any], seen: gym.Space[Any], acts: gym.Space[Any], *, masks: bool) -> str | None:
    """Return why a policy of the task cannot act in an environment of training; None where it can.

    Args:
        made: The environment.
        seen: Observations of the task.
        acts: Actions of the task.
        masks: Whether the task tells which actions are allowed.
    """
    told = "and a policy has one network for both: leave out of env.training what changes that"
    if not _is_alike(made.observation_space, seen):
        return f"its observations are {described(made.observation_space)}, those of the task {described(seen)}, {told}"
    if made.action_space != acts:
        return f"its actions are {described(made.action_space)}, those of the task {described(acts)}, {told}"
    if tells_masks(made) != masks:
        return f"it tells {'' if masks is False else 'not '}which actions are allowed, and the task does {'not' if masks is False else ''}"
    return None


def _is_alike(one: gym.Space[Any], other: gym.Space[Any]) -> bool:
    """Tell whether observations of two spaces can be read by the same network: bounds of what is no image may differ."""
    if isinstance(one, spaces.Dict) and isinstance(other, spaces.Dict):
        return one.keys() == other.keys() and all(_is_alike(one[key], other[key]) for key in one.spaces)
    if isinstance(one, spaces.Box) and isinstance(other, spaces.Box) and not is_image(one):
        return one.shape == other.shape and one.dtype == other.dtype and not is_image(other)
    return bool(one == other)


def begin_at(env: gym.Env[Any, Any], steps: int) -> None:
    """Tell a copy how many steps training has behind it at the next reset with a seed, where that decides its arguments."""
    layer: Any = env
    while isinstance(layer, gym.Wrapper):
        if isinstance(layer, ChangingEnv):
            layer.begin_at(steps)
            return
        layer = layer.env
