"""The section ``algo``: what every algorithm's settings have, and which algorithms' settings are known by name.

``algo`` is a union told apart by ``name``: each algorithm has its own settings, ranges and meanings. PPO's are part of
this room; others are announced by whoever brings the algorithm (:func:`rlx.algorithms.register`), and looked for where a
configuration names one that is not known yet: among installed packages (entry points ``rlx.algorithms``), then in the
project's own ``algorithms/``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from rlx.config.metrics import Metric
from rlx.config.values import Positive, Section

if TYPE_CHECKING:
    from rlx.config.document import KeyPath

USUAL_DISCOUNT = 0.99
"""By which rewards are scaled (``env.normalize_reward``) where the algorithm itself discounts nothing."""
Model = TypeVar("Model", bound=Section)
_known: dict[str, type[AlgorithmConfig]] = {}
_facts: dict[str, dict[str, Any]] = {}


class AlgorithmConfig(Section):
    """What the settings of every algorithm have; a base class for those of an algorithm of one's own."""

    draws_from_python: ClassVar[bool] = True
    """Whether its learner may draw from Python's generator, which costs 40 µs a step to keep apart from environments."""
    shapes_policy: ClassVar[tuple[str, ...]] = ()
    """Settings that a training which goes on from another must share with it, since its weights are made by them."""
    name: str
    """The algorithm."""
    total_timesteps: Positive = 100_000
    """Training budget of each seed in environment steps; rounded up to whole iterations."""

    def iteration(self, num_envs: int) -> int:
        """Return the environment steps of one iteration, all copies together, as far as they are known before.

        An iteration is the algorithm's natural unit of work (a rollout and its update); one row of metrics each.
        """
        return num_envs

    def inconsistencies(self, num_envs: int) -> Iterator[tuple[KeyPath, str]]:
        """Yield settings that are fine alone and wrong together, each with its key and what to do about it."""
        yield from ()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.upper()

    @property
    def discount(self) -> float:
        """The discount factor by which rewards are scaled."""
        return float(getattr(self, "gamma", USUAL_DISCOUNT))

    def setting(self, name: str) -> Any:
        """Return a setting that only some algorithms have; None where this one has not."""
        return getattr(self, name, None)


class ForeignAlgorithm(AlgorithmConfig):
    """The settings of an algorithm that is not here, as a snapshot or a checkpoint holds them: read, never trained."""

    model_config = ConfigDict(extra="allow")


def announce(name: str, model: type[AlgorithmConfig], family: str = "", metrics: Mapping[str, Metric] = {}) -> None:
    """Make the settings of an algorithm known, by the name that ``algo.name`` says.

    Args:
        name: The algorithm.
        model: Its settings.
        family: Which rules of diagnosis are meant for it.
        metrics: What it logs.
    """
    _known[name] = model
    if metrics:
        _facts[name] = {"family": family, "metrics": {key: metric.to_data() for key, metric in metrics.items()}}


def recorded_facts(name: str) -> dict[str, Any]:
    """Return what ``metadata.json`` keeps of an algorithm, so that its runs are read without it: ``family`` and ``metrics``."""
    return dict(_facts.get(name, {}))


def known_algorithms() -> dict[str, type[AlgorithmConfig]]:
    """Return the algorithms whose settings are known, by name."""
    return dict(_known)


def settings_of(name: str, look: Callable[[str], None] = lambda _: None) -> type[AlgorithmConfig] | None:
    """Return the settings of an algorithm; None where nobody knows it.

    Args:
        name: What ``algo.name`` says.
        look: Asked to look for it, where it is not known yet.
    """
    if name not in _known:
        look(name)
    return _known.get(name)


def unknown_algorithm(name: object, others: list[str] = []) -> str:  # noqa: B006 — never changed
    """Return what to tell of a name that no algorithm has."""
    names = sorted({*_known, *others})
    guess = difflib.get_close_matches(str(name), names, 1)
    hint = f"; did you mean {guess[0]}?" if guess else ""
    return f"{name!r} is not allowed; one of {', '.join(map(repr, names))}{hint}"


def algorithm_settings(value: Any) -> AlgorithmConfig:
    """Validate a section ``algo`` by the algorithm that it names."""
    if isinstance(value, AlgorithmConfig):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "must be a mapping")
    name = value.get("name", "ppo")
    model = _known.get(name) if isinstance(name, str) else None
    if model is None:
        raise PydanticCustomError("algorithm", "{told}", {"told": unknown_algorithm(name)})
    return model.model_validate(value)


@cache
def for_algorithm(model: type[Model], settings: type[AlgorithmConfig]) -> type[Model]:
    """Return a configuration's model whose section ``algo`` is of one algorithm, with its keys, ranges and defaults."""
    field: Any = (settings, Field(default_factory=settings))
    return create_model(model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, algo=field)


def whole_iterations(steps: float, iteration: int) -> int:
    """Return a number of environment steps rounded up to whole iterations."""
    return math.ceil(steps / iteration) * iteration
