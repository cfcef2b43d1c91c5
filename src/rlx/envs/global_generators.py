"""Whether code touches the global random generators: of NumPy, of Python, and of torch where it is loaded."""

from __future__ import annotations

import random
import sys
from collections.abc import Hashable
from typing import Any

import numpy as np


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch (where it is loaded), which libraries draw from."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 — Stable-Baselines3 draws its minibatches from it
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


class Generators:
    """Notes, around two plays that begin with different global seeds, which generators they touched."""

    def __init__(self) -> None:
        self._seeds, self._touched, self._after_reset = dict[str, Hashable](), set[str](), dict[str, Hashable]()

    def seed(self, number: int) -> None:
        """Seed all of them, so that what does not depend on a reset's own seed comes out otherwise."""
        seed_generators(number)
        self._seeds = _states()

    def note_reset(self) -> None:
        """Note the states after the first reset."""
        self._after_reset = _states()
        self._compare(self._after_reset)

    def note_play(self) -> None:
        """Note the states after the first play."""
        self._compare(_states())

    def note_other_reset(self) -> None:
        """Note the states after the reset of the second play."""
        self._compare(_states())

    @property
    def touched(self) -> tuple[str, ...]:
        """The generators that were seeded or drawn from."""
        return tuple(sorted(self._touched))

    def _compare(self, states: dict[str, Hashable]) -> None:
        self._touched |= {name for name, state in states.items() if name in self._seeds and state != self._seeds[name]}


def _states() -> dict[str, Hashable]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    states: dict[str, Any] = {"python": random.getstate(), "numpy": (name, np.asarray(keys).tobytes(), *rest)}
    if torch := sys.modules.get("torch"):
        states["torch"] = bytes(torch.get_rng_state().numpy().tobytes())
    return states
