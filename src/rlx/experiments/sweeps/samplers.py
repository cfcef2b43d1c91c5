"""Samplers: which settings are tried, by name; and the contract that they keep."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlx.config import plugins
from rlx.errors import ConfigError, PluginBroken, UsageError
from rlx.experiments.sweeps.space import Domain, Range, Space
from rlx.stats import nearest

Choices = Mapping[str, Domain]
"""By setting, the values that it may have, or a range of them. In a search a :class:`Space`."""
GROUP = "rlx.samplers"
GRID, SOBOL, RANDOM, TPE = "grid", "sobol", "random", "tpe"
COHORT = 8
"""Trials that are proposed before the first of them is told, to a sampler that learns."""


class Sampler(Protocol):
    """Says what to try next.

    It keeps no files: one that is made anew, asked the same and told again what is known by now, says the same. So ``rlx``
    remembers what was tried and what came of it, and a sampler that has chance in it draws from a seed and the number alone.
    A grid of experiments asks for all its points before the first of them is trained; a search asks for a cohort of trials,
    and tells what came of each, in the order of their numbers, before it asks for the next.
    """

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return the settings of a trial, numbered from 0; None where there are no more."""

    def tell(self, number: int, value: float) -> None:
        """Take in what came of a trial: the larger, the better. One that failed or was cut short is told what it had."""


@dataclass(frozen=True)
class SamplerRow:
    """A sampler that can be chosen.

    Attributes:
        name: What it is called in the file of a sweep.
        what: What it is, in a line.
        make: Makes it for the settings to try: values or a :class:`Range` by setting; in a search a :class:`Space`, which has
            the search's seed and what was tried, too.
        cohort: How many trials of a search it is asked for before what came of them is told; None: for all, it learns nothing.
        extra: The extra of rlx (``pip install "rlx[…]"``) that it needs; None where it needs none.
        needs: The module that that installs.
        remembers: Whether it has a state that only asking and telling again brings back after a kill.
    """

    name: str
    what: str
    make: Callable[[Any], Sampler]
    cohort: int | None = COHORT
    extra: str | None = None
    needs: str = ""
    remembers: bool = True

    def check_needs(self) -> None:
        """Refuse it where what it needs is not installed.

        Raises:
            ConfigError: With the command that installs it.
        """
        if self.needs and importlib.util.find_spec(self.needs) is None:
            others = "or one of grid, sobol, random"
            raise ConfigError(
                f"the sampler {self.name} needs {self.needs}, which is not here; `pip install 'rlx[{self.extra}]'`, {others}"
            )


def answered(row: SamplerRow, settings: Any, where: str) -> dict[str, Any]:
    """Return the settings that a sampler asks for as plain values: numbers of NumPy are taken as what they are.

    Args:
        row: The sampler.
        settings: What it said.
        where: Of what: ``trial 3``.

    Raises:
        PluginBroken: That is no mapping of settings to plain values, or a number in it is not finite.
    """
    if not isinstance(settings, Mapping):
        raise PluginBroken(f"the sampler {row.name} asks for no settings at {where}: {settings!r:.60}")
    if row in _OWN:
        return dict(settings)
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(settings), default=_plain, allow_nan=False))
    except (TypeError, ValueError):
        told = "must be numbers that are finite, words, true, false, null, or lists of them"
        raise PluginBroken(
            f"the sampler {row.name} asks for {dict(settings)!r:.100} at {where}; values {told}"
        ) from None
    return found


def _plain(value: Any) -> Any:
    """Return a number or an array of NumPy as Python's; raises TypeError for anything else."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError


class GridSampler:
    """Every combination once, the last setting changing fastest; what comes of them changes nothing."""

    def __init__(self, choices: Choices):
        self._points: list[dict[str, Any]] = []
        lists = [_values(domain) for domain in choices.values()]
        for values in itertools.product(*lists):
            point = dict(zip(choices, values, strict=True))
            if isinstance(choices, Space):
                point = choices.fitting(point)
                if point == choices.own or point in self._points:  # differing only in what its algorithm does not have
                    continue
            self._points.append(point)

    def ask(self, number: int) -> Mapping[str, Any] | None:
        """Return the combination with a number."""
        return self._points[number] if number < len(self._points) else None

    def tell(self, number: int, value: float) -> None:
        """Ignore what came of a combination."""


def _values(domain: Domain) -> list[Any]:
    return list(domain) if not isinstance(domain, Range) else domain.values or []


def _made_by(name: str) -> Callable[[Any], Sampler]:
    """Return what makes a sampler whose libraries a list of names has no use for."""

    def make(space: Space) -> Sampler:
        module, _, made = name.partition(":")
        found: Sampler = getattr(importlib.import_module(f"rlx.experiments.sweeps.{module}"), made)(space)
        return found

    return make


_OWN = (
    SamplerRow(GRID, "Every combination of the values.", GridSampler, cohort=None, remembers=False),
    SamplerRow(SOBOL, "Even coverage (Sobol).", _made_by("drawing:SobolSampler"), cohort=None, remembers=False),
    SamplerRow(RANDOM, "Random points.", _made_by("drawing:RandomSampler"), cohort=None, remembers=False),
    SamplerRow(
        TPE,
        "Near what was good (Optuna's TPE).",
        _made_by("tpe:TPESampler"),
        extra="optuna",
        needs="optuna",
        remembers=False,
    ),
)
SAMPLERS = {row.name: row for row in _OWN}
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
        told = f"there are: {', '.join(known)}"
        raise UsageError(f"there is no sampler {name!r}; {nearest(name, known, told)}")
    row = added[name].load()
    if not isinstance(row, SamplerRow):
        raise added[name].broken("it is no rlx.experiments.SamplerRow")
    return row
