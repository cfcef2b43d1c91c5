"""The space that a search draws settings from: for each key a list of values, or a range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DIGITS = 6
"""Significant digits of a drawn number: what a person can still read and type."""
FROM_ONE = "from_one"
ALGORITHM = "algo.name"
"""The setting that others may depend on."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones where both bounds are whole.

    Attributes:
        low: The lowest.
        high: The highest.
        log: Whether each factor is as likely as each other one of its size; ``from_one``: that of 1 − x, for discounts.
        step: The distance of neighbours, from ``low`` on; None: any number (of whole ones: 1).
    """

    low: float
    high: float
    log: bool | Literal["from_one"] = False
    step: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def values(self) -> list[float] | None:
        """All its numbers, where they can be counted; None where they cannot."""
        if self.step is None and (not self.is_whole or self.log):
            return None
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self._plain(self.low + step * index) for index in range(count)]

    def at(self, share: float) -> float:
        """Return the number at a share (from 0 to below 1) of the range, by which equal shares are equally likely."""
        if (values := self.values) is not None:
            return values[min(int(share * len(values)), len(values) - 1)]
        if self.log == FROM_ONE:
            return self.inside(1.0 - _between(1.0 - self.high, 1.0 - self.low, 1.0 - share, log=True))
        if self.is_whole:
            return self.inside(round(_between(self.low - 0.5, self.high + 0.5, share, log=True)))
        return self.inside(_between(self.low, self.high, share, log=bool(self.log)))

    def inside(self, value: float) -> float:
        """Return a number as it is written: with few digits, whole where it must be, and never outside."""
        if self.is_whole:
            return int(min(max(round(value), self.low), self.high))
        short = 1.0 - _short(1.0 - value) if self.log == FROM_ONE else _short(value)
        return float(min(max(round(short, 12), self.low), self.high))

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in the range."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            return False
        return (values := self.values) is None or any(math.isclose(value, each) for each in values)

    def __str__(self) -> str:
        kind = "whole numbers " if self.is_whole else ""
        scale = {False: "", True: ", log scale", FROM_ONE: ", log scale of 1 - x"}[self.log]
        step = "" if self.step is None else f" by {self.step:g}"
        return f"{kind}{self.low:g} to {self.high:g}{step}{scale}"

    def _plain(self, value: float) -> float:
        return int(value) if self.is_whole else float(round(value, 12))


Domain = Sequence[Any] | Range
"""What one setting may be: one of some values, or a number of a range."""


@dataclass(frozen=True)
class Tried:
    """A trial that a sampler can learn from.

    Attributes:
        settings: What it set.
        value: What came of it, the larger the better; None while that is not known, or where it failed.
        seeds: Over how many seeds that is a mean.
        failed: Whether it has ended without a value.
    """

    settings: Mapping[str, Any]
    value: float | None = None
    seeds: int = 0
    failed: bool = False


@dataclass(frozen=True)
class Space(Mapping[str, Domain]):
    """What each setting may be, by its dotted key, in the order of the file.

    Attributes:
        domains: The settings.
        only: Settings that only some algorithms have: which those are. Others apply always.
        name: The algorithm of the config itself, where no trial says another.
        seed: What chance is drawn from, together with a trial's number.
        tried: The trials so far, the config's own first; it grows.
        own: What the config itself says of the settings: its own trial, which a list of all combinations leaves out.
    """

    domains: Mapping[str, Domain]
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    name: str = ""
    seed: int = 0
    tried: list[Tried] = field(default_factory=list)
    own: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Domain:
        return self.domains[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.domains)

    def __len__(self) -> int:
        return len(self.domains)

    def applies(self, key: str, settings: Mapping[str, Any]) -> bool:
        """Tell whether a setting means something to the algorithm that settings choose."""
        return key not in self.only or settings.get(ALGORITHM, self.name) in self.only[key]

    def fitting(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings without those that the algorithm they choose does not have."""
        return {key: value for key, value in settings.items() if self.applies(key, settings)}

    def at(self, shares: Sequence[float]) -> dict[str, Any]:
        """Return the settings at a point of the unit cube, a share for each key."""
        found = {}
        for share, (key, domain) in zip(shares, self.domains.items(), strict=True):
            found[key] = domain.at(share) if isinstance(domain, Range) else domain[int(share * len(domain))]
        return self.fitting(found)

    def holds(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether settings are a point of the space."""
        keys = {key for key in self.domains if self.applies(key, settings)}
        return keys == set(settings) and all(_holds(self.domains[key], value) for key, value in settings.items())


def _holds(domain: Domain, value: Any) -> bool:
    return domain.holds(value) if isinstance(domain, Range) else value in domain


def _between(low: float, high: float, share: float, *, log: bool) -> float:
    if not log:
        return low + share * (high - low)
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
