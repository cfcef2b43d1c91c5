"""Samplers: which settings are tried, by name; and the contract that they keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rlx.config import plugins
from rlx.errors import UsageError
from rlx.stats import nearest

Choices = Mapping[str, Sequence[Any]]
"""By setting, the values that it may have."""
GROUP = "rlx.samplers"


class Sampler(Protocol):
    """Says what to try next.

    It keeps no files: one that is made anew, and told again what is known by now, says the same. So ``rlx`` remembers what
    was tried and what came of it, and a sampler that has chance in it draws from a seed and the number alone. A sweep asks
    for all its points before the first of them is trained, so nothing is told to it yet: there ``ask`` decides alone.
    """

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return the settings of a trial, numbered from 0; None where there are no more."""

    def tell(self, number: int, value: float) -> None:
        """Take in what came of a trial: the larger, the better. `rlx sweep` never calls it."""


@dataclass(frozen=True)
class SamplerRow:
    """A sampler that can be chosen.

    Attributes:
        name: What it is called in the file of a sweep.
        what: What it is, in a line.
        make: Makes it for the settings to try.
    """

    name: str
    what: str
    make: Callable[[Choices], Sampler]


class GridSampler:
    """Every combination once, the last setting changing fastest; what comes of them changes nothing."""

    def __init__(self, choices: Choices):
        self._choices = choices

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return the combination with a number."""
        if number >= math.prod(map(len, self._choices.values())):
            return None
        found: dict[str, Any] = {}
        for key, values in reversed(list(self._choices.items())):
            number, index = divmod(number, len(values))
            found[key] = values[index]
        return {key: found[key] for key in self._choices}

    def tell(self, number: int, value: float) -> None:
        """Ignore what came of a combination."""


GRID = "grid"
SAMPLERS = {GRID: SamplerRow(GRID, "Every combination of the values.", GridSampler)}
"""Those of rlx itself, by name."""


def sampler(name: str) -> SamplerRow:
    """Return a sampler by its name.

    Raises:
        UsageError: There is none; the message names the nearest.
        PluginBroken: The package that has it is broken.
    """
    if name in SAMPLERS:
        return SAMPLERS[name]
    added = plugins(GROUP)
    if name not in added:
        known = [*SAMPLERS, *added]
        raise UsageError(f"there is no sampler {name!r}; {nearest(name, known)}")
    row = added[name].load()
    if not isinstance(row, SamplerRow):
        raise added[name].broken("it is no rlx.experiments.SamplerRow")
    return row
