"""The process-wide state that an environment's code shares with the learner's, kept apart.

Many environments draw from the global generators of NumPy, Python or torch, or seed them in ``reset``; some switch
torch's default type or gradients. Were that state shared, seeding it in ``reset`` would give every rollout the same noise.
So environments have a set of their own, swapped in around their calls, and the learner's streams never know of it.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_numpy: Any = np.random  # its stubs do not know of exchanging generators


class Surroundings:
    """An environment's own global generators and torch settings; entered (also repeatedly) around its calls.

    Swapping costs about 10 µs; with Python's generator, whose state is a tuple of 625 numbers, 40 µs.
    """

    def __init__(self, seed: int, *, python: bool = True):
        """Make them; ``python`` tells whether Python's generator is swapped too: needed where a learner draws from it."""
        self._python, self._depth = python, 0
        self._own: dict[str, Any] = {}
        self._other: dict[str, Any] = {}
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the environment's generators anew, as ``seed`` says."""
        own = int.from_bytes(hashlib.sha256(f"rlx environment {seed}".encode()).digest()[:4], "big")
        self._own["numpy"] = np.random.MT19937()
        self._own["numpy"]._legacy_seeding(own)
        self._own["python"] = random.Random(own).getstate() if self._python else None
        self._own["torch"] = None
        if "torch" in sys.modules:
            import torch

            self._own["torch"] = torch.Generator().manual_seed(own).get_state()
            self._own["devices"] = {}

    def __enter__(self) -> None:
        """Swap the environment's state in."""
        self._depth += 1
        if self._depth == 1:
            self._other = self._taken()
            _put(self._own)

    def __exit__(self, *_: object) -> None:
        """Swap it out."""
        self._depth -= 1
        if self._depth == 0:
            self._own = self._taken()
            _put(self._other)

    def _taken(self) -> dict[str, Any]:
        return _global_state(python=self._python)


def _global_state(*, python: bool) -> dict[str, Any]:
    """Return the state as it is now; NumPy's by reference, so whoever puts another back leaves it as it is."""
    state: dict[str, Any] = {"numpy": _numpy.get_bit_generator(), "python": random.getstate() if python else None}
    torch = sys.modules.get("torch")
    if torch is not None:
        state["torch"] = torch.get_rng_state()
        state["dtype"], state["grad"] = torch.get_default_dtype(), torch.is_grad_enabled()
        if torch.cuda.is_initialized():
            state["devices"] = {index: torch.cuda.get_rng_state(index) for index in range(torch.cuda.device_count())}
    return state


def _put(state: dict[str, Any]) -> None:
    _numpy.set_bit_generator(state["numpy"])
    if state["python"] is not None:
        random.setstate(state["python"])
    torch = sys.modules.get("torch")
    if torch is None or state.get("torch") is None:
        return
    torch.set_rng_state(state["torch"])
    for index, device_state in state.get("devices", {}).items():
        torch.cuda.set_rng_state(device_state, index)
    if "dtype" in state and torch.get_default_dtype() != state["dtype"]:
        torch.set_default_dtype(state["dtype"])
    if "grad" in state and torch.is_grad_enabled() != state["grad"]:
        torch.set_grad_enabled(state["grad"])


@contextmanager
def preserved() -> Iterator[None]:
    """Put generators and torch's settings back as they were, whatever the block does to them."""
    bits = _numpy.get_bit_generator()
    before, numpy = _global_state(python=True), bits.state
    try:
        yield
    finally:
        bits.state = numpy
        _put(before)
