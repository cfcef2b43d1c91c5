"""Which keyword arguments an episode of training has, where those change (``env.training``).

An episode is named by three numbers: the seed with which its copy was reset when the segment of training began (the seed of the
segment plus the copy's number), and how many episodes the copy has begun since. Every draw is a hash of these and of what is
drawn, so nothing of it has to be kept in a checkpoint, and none depends on which others there are.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from rlx.config import TRAINING_PLACE, EnvConfig, is_number
from rlx.envs.reset_seeds import TRAINING
from rlx.stats import nearest

LIMIT = "max_episode_steps"
"""An argument that Gymnasium itself takes for every environment."""
UNKNOWN = inspect.Parameter.empty
KINDS = {"int": int, "float": float, int: int, float: float}
"""Annotations that say what an argument is a number of."""
Placed = tuple[tuple[str | int, ...], dict[str, Any]]
"""A setting, and the keyword arguments that come of it."""


@dataclass(frozen=True)
class Parameters:
    """The keyword arguments that an environment takes.

    Attributes:
        values: What each is without ``env.training``: by ``env.kwargs``, the registration or the default; UNKNOWN where nobody says.
        kinds: ``int`` or ``float``, for those of which it is known.
        takes_all: Whether it also takes others (``**kwargs``), whose names nobody knows.
    """

    values: Mapping[str, Any]
    kinds: Mapping[str, type]
    takes_all: bool


def parameters_of(env: EnvConfig) -> Parameters:
    """Return the keyword arguments of an environment whose registration has been loaded."""
    module, _, name = env.id.rpartition(":")
    if module:
        importlib.import_module(module)  # which registers it
    spec = gym.spec(name)
    entry: Any = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    values: dict[str, Any] = {}
    kinds: dict[str, type] = {}
    takes_all = False
    for function in _makers(entry):
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # of something compiled
            takes_all = True
            break
        for each in parameters:
            if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name != "self":
                values.setdefault(each.name, each.default)
                if each.annotation in KINDS:
                    kinds.setdefault(each.name, KINDS[each.annotation])
        takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
        if not takes_all:
            break
    values[LIMIT] = UNKNOWN if spec.max_episode_steps is None else spec.max_episode_steps
    values |= {**spec.kwargs, **env.kwargs}
    kinds |= {LIMIT: int, **{name: type(value) for name, value in values.items() if type(value) in (int, float)}}
    return Parameters(values, kinds, takes_all)


def _makers(entry: Any) -> Iterator[Any]:
    """Yield what takes the arguments: a function, or a class's ``__init__`` and those of its bases that it may hand them on to."""
    if not isinstance(entry, type):
        yield entry
        return
    for cls in entry.__mro__:
        if "__init__" in vars(cls):
            yield vars(cls)["__init__"]


@dataclass(frozen=True)
class TrainingKwargs:
    """The keyword arguments of every episode of a training.

    Attributes:
        env: The environment as it is trained (:attr:`rlx.config.EnvConfig.trained`).
        parameters: Of the environment.
    """

    env: EnvConfig
    parameters: Parameters

    def of_episode(self, share: float, seed: int, episode: int) -> dict[str, Any]:
        """Return the arguments of an episode.

        Args:
            share: Of training that is over when it begins, 0 to 1.
            seed: With which its copy was reset when the segment began.
            episode: How many episodes the copy has begun since.
        """
        training = self.env.training
        kwargs = dict(self.env.kwargs)
        if training.stages:
            kwargs |= self._of_stage(share)
        elif training.mixture:
            kwargs |= self._of_case(drawn("case", seed, episode))
        for name in training.ranges:
            kwargs[name] = self._within(name, drawn(f"argument {name}", seed, episode))
        return kwargs

    def unknown(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield each setting that names an argument which the environment does not take, or moves from or to none, and the cure."""
        for place, names in self._named():
            for name in names:
                if name not in self.parameters.values and not self.parameters.takes_all:
                    hint = nearest(name, sorted({*self.parameters.values} - {"render_mode"}))
                    yield (*place, name), f"{self.env.id} takes no argument {name!r}; {hint}"
        if not self.env.training.interpolate:
            return
        for index, (one, other) in enumerate(itertools.pairwise(self.env.training.by_case)):
            for name in {**one, **other}:
                ends = [self._value(kwargs, name) for kwargs in (one, other)]
                if any(is_number(end) for end in ends) and not all(is_number(end) for end in ends):
                    at = index if name in one else index + 1
                    told = f"{name} moves from one stage to the next, and the task's value is not known; write it into env.kwargs"
                    yield (*TRAINING_PLACE, "stages", at, "kwargs", name), told

    def extremes(self) -> Iterator[Placed]:
        """Yield arguments between which those of all episodes lie, each with the setting that they come from."""
        training, base = self.env.training, dict(self.env.kwargs)
        yield (*TRAINING_PLACE, "kwargs"), base
        what = "stages" if training.stages else "mixture"
        for index, kwargs in enumerate(training.by_case):
            yield (*TRAINING_PLACE, what, index, "kwargs"), {**base, **kwargs}
        for name in training.ranges:
            for share in (0.0, math.nextafter(1.0, 0.0)):
                yield (*TRAINING_PLACE, "ranges", name), {**base, name: self._within(name, share)}

    def _named(self) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
        training = self.env.training
        what = "stages" if training.stages else "mixture"
        yield (*TRAINING_PLACE, "kwargs"), self.env.kwargs
        yield (*TRAINING_PLACE, "ranges"), training.ranges
        for index, kwargs in enumerate(training.by_case):
            yield (*TRAINING_PLACE, what, index, "kwargs"), kwargs

    def _within(self, name: str, share: float) -> int | float:
        low, high = self.env.training.ranges[name]
        if isinstance(low, int) and isinstance(high, int) and self.parameters.kinds.get(name) is not float:
            return min(high, low + math.floor(share * (high - low + 1)))
        return float(min(high, max(low, low * (1.0 - share) + high * share)))

    def _of_case(self, share: float) -> Mapping[str, Any]:
        cases = self.env.training.mixture
        ends = list(itertools.accumulate(case.weight for case in cases))
        index = next((i for i, end in enumerate(ends) if share * ends[-1] < end), len(cases) - 1)
        return cases[index].kwargs

    def _of_stage(self, share: float) -> Mapping[str, Any]:
        stages = self.env.training.stages
        index = next((i for i, stage in enumerate(stages) if share < stage.until), len(stages) - 1)
        now = stages[index].kwargs
        if not self.env.training.interpolate or index == len(stages) - 1:
            return now
        begun, following = stages[index - 1].until if index else 0.0, stages[index + 1].kwargs
        progress = (share - begun) / (stages[index].until - begun)
        moved = {}
        for name in {**now, **following}:
            old, new = self._value(now, name), self._value(following, name)
            if is_number(old) and is_number(new):
                between = old + progress * (new - old)
                moved[name] = math.floor(between + 0.5) if isinstance(old, int) and isinstance(new, int) else between
        return {**now, **moved}

    def _value(self, kwargs: Mapping[str, Any], name: str) -> Any:
        """Return what an argument is in a stage."""
        return kwargs.get(name, self.env.kwargs.get(name, self.parameters.values.get(name, UNKNOWN)))


def drawn(what: str, seed: int, episode: int) -> float:
    """Return a number in [0, 1), uniform over whatever names it: a hash, so the same on every machine and in any order."""
    digest = hashlib.sha256(f"rlx training {what} {seed} {episode}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def episode_seed(seed: int, episode: int) -> int:
    """Return the reset seed of an episode: SHA-256 of both, within the range of training (:mod:`rlx.envs.reset_seeds`)."""
    digest = hashlib.sha256(f"rlx training episode {seed} {episode}".encode()).digest()
    return TRAINING[int.from_bytes(digest[:8], "big") % len(TRAINING)]
