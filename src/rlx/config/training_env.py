"""``env.training``: in what training's environment differs from the task, and what of that does not fit together.

Validation, held-out episodes, films and random actions have the environment of ``env`` alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from rlx.config.values import Section, Since

if TYPE_CHECKING:
    from rlx.config.document import Inconsistency

TRAINING_PLACE = ("env", "training")
Number = int | float
CAME = "2026-11-30"
"""The day since which there is such a section; a snapshot has of it what is said."""


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, Number) and not isinstance(value, bool)


def _range(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 2 or not all(is_number(bound) for bound in value):
        raise PydanticCustomError("range", "must be a list of two numbers, the lower first, such as [0.4, 0.7]")
    if not all(math.isfinite(bound) for bound in value):
        raise PydanticCustomError("range", "must have finite bounds")
    if value[0] >= value[1]:
        raise PydanticCustomError("range", "must have its lower bound first, below the upper one")
    return value


Range = Annotated[list[Number], BeforeValidator(_range)]


class Stage(Section):
    """A stretch of training with keyword arguments of its own."""

    until: Annotated[float, Field(gt=0, le=1)]
    """The share of `algo.total_timesteps` at which it ends; that of the last stage is 1.0."""
    kwargs: dict[str, Any] = {}
    """What its episodes have beside `env.kwargs`; the last stage is the task, and has none."""


class Case(Section):
    """Keyword arguments that some episodes have."""

    weight: Annotated[float, Field(gt=0)]
    """How often, relative to the other cases."""
    kwargs: dict[str, Any] = {}
    """What they have beside `env.kwargs`; none is the task."""


class EnvTraining(Section):
    """In what the environment of training differs from the task; nothing else ever sees it (docs/concepts.md)."""

    kwargs: Annotated[dict[str, Any], Since(CAME, older={})] = {}
    """Keyword arguments in training, over `env.kwargs`: a reward with other weights, say."""
    ranges: Annotated[dict[str, Range], Since(CAME, older={})] = {}
    """Numbers that each episode draws anew, uniformly and from the seed: `{length: [0.4, 0.7]}`. Bounds that are written as whole
    numbers mean whole numbers, both bounds included, unless the argument's own value is a real number."""
    stages: Annotated[list[Stage], Since(CAME, older=[])] = []
    """A curriculum: `[{until: 0.4, kwargs: {length: 0.3}}, {until: 1.0, kwargs: {}}]`. An episode has the arguments of the stage in
    which it begins."""
    interpolate: Annotated[bool, Since(CAME, older=False)] = False
    """Numbers of `stages` move in a straight line from a stage's value to the next one's; others change at once."""
    mixture: Annotated[list[Case], Since(CAME, older=[])] = []
    """Each episode draws one of these, by weight and from the seed: `[{weight: 3, kwargs: {length: 0.3}}, {weight: 1, kwargs: {}}]`."""

    @property
    def varies(self) -> bool:
        """Whether episodes may differ from one another in their arguments."""
        return bool(self.ranges or self.stages or self.mixture)

    @property
    def arguments(self) -> list[dict[str, Any]]:
        """All keyword arguments that stand here as they are."""
        return [self.kwargs, *self.by_case]

    @property
    def by_case(self) -> list[dict[str, Any]]:
        """The arguments of each stage, or of each case of the mixture."""
        return [*(stage.kwargs for stage in self.stages), *(case.kwargs for case in self.mixture)]


def training_mistakes(training: EnvTraining, task: Mapping[str, Any]) -> Iterator[Inconsistency]:
    """Yield what does not fit together in ``env.training``: the key to look at, and what to do about it.

    Args:
        training: The section.
        task: The task's own keyword arguments, ``env.kwargs``.
    """
    if training.stages and training.mixture:
        yield (
            (*TRAINING_PLACE, "mixture"),
            "stands beside stages, and an episode has its arguments from one of them; keep one",
        )
    yield from _mistakes_in_stages(training, task)
    if training.interpolate and len(training.stages) < 2:
        yield (
            (*TRAINING_PLACE, "interpolate"),
            "moves numbers from one stage to the next, and needs at least two in env.training.stages",
        )
    what = "stages" if training.stages else "mixture"
    for index, kwargs in enumerate(training.by_case):
        for name in kwargs:
            if name in training.kwargs:
                told = f"env.training.kwargs has {name} for all of training; say it in one of the two"
                yield (*TRAINING_PLACE, what, index, "kwargs", name), told
    for name in training.ranges:
        if name in training.kwargs:
            yield (*TRAINING_PLACE, "ranges", name), f"env.training.kwargs has {name} too; say it in one of the two"
        elif any(name in kwargs for kwargs in training.by_case):
            yield (*TRAINING_PLACE, "ranges", name), f"env.training.{what} has {name} too; say it in one of the two"


def _mistakes_in_stages(training: EnvTraining, task: Mapping[str, Any]) -> Iterator[Inconsistency]:
    stages = training.stages
    for index, (before, stage) in enumerate(itertools.pairwise(stages), 1):
        if stage.until <= before.until:
            told = f"must be above {before.until}, where the stage before ends, not {stage.until}"
            yield (*TRAINING_PLACE, "stages", index, "until"), told
    if not stages:
        return
    last = len(stages) - 1
    if stages[-1].until != 1.0:
        told = f"must be 1.0, the end of training, since it is the last stage, not {stages[-1].until}; add `- {{until: 1.0}}` after it"
        yield (*TRAINING_PLACE, "stages", last, "until"), told
    for name, value in stages[-1].kwargs.items():
        if name not in task or task[name] != value:
            told = "the last stage holds the task itself (env.kwargs): leave its kwargs empty, or add a stage after it"
            yield (*TRAINING_PLACE, "stages", last, "kwargs", name), told
