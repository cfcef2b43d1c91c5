"""NumPy's global generator as compiled code and Python step it together, and what is drawn ahead of a run of steps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise

Array = np.ndarray[Any, Any]
WORDS = 625
"""Of the generator's state: 624, and how many are used up (numpy/random/src/mt19937/mt19937.h, ``mt19937_state``)."""
_numpy: Any = np.random  # its stubs do not know of exchanging generators


class GlobalStream:
    """NumPy's global generator as it is when this is made, whoever becomes the global one later.

    Attributes:
        words: Its own memory, as kernels step it (:mod:`rlx.algorithms.off_policy.kernels.streams`).
        numbers: Draws from it what ``np.random`` would. Its own memory of every second normal number outlasts exchanges of the
            global generator, which ``np.random``'s does not.
    """

    def __init__(self) -> None:
        self.bits: Any = _numpy.get_bit_generator()
        address = self.bits.ctypes.state_address
        self.words: Array = np.ctypeslib.as_array((ctypes.c_uint32 * WORDS).from_address(address))
        self.numbers = np.random.RandomState(self.bits)
        state = self.bits.state["state"]
        if not (np.array_equal(self.words[:-1], state["key"]) and self.words[-1] == state["pos"]):
            raise TypeError("NumPy keeps the state of its global generator otherwise than the fast engine reads it")

    @property
    def is_global(self) -> bool:
        """Whether it is the global one now."""
        return self.bits is _numpy.get_bit_generator()


def action_noise(noise: Any, stream: GlobalStream) -> Array:
    """Return what a normal action noise of Stable-Baselines3's would draw next, of every copy that it is for."""
    if isinstance(noise, VectorizedActionNoise):
        return np.stack([action_noise(each, stream) for each in noise.noises])
    assert isinstance(noise, NormalActionNoise)
    return stream.numbers.normal(noise._mu, noise._sigma).astype(noise._dtype)


@contextmanager
def drawn_ahead(space: Any, count: int) -> Iterator[tuple[Array, list[int]]]:
    """Give the numbers that ``count`` calls of a ``Discrete`` space's ``sample()`` would draw, as float32.

    The block writes into the list how many it used, and as many are drawn from the space's generator when it ends: many at once
    are the same as one by one.
    """
    generator, used = space.np_random, [0]
    before = generator.bit_generator.state
    ahead = generator.integers(space.n, size=count).astype(np.float32)
    try:
        yield ahead, used
    finally:
        generator.bit_generator.state = before
        generator.integers(space.n, size=used[0])
