"""NumPy's global generator, stepped in compiled code: the Mersenne Twister (Matsumoto & Nishimura 1998, MT19937).

``words`` are its 624 words of state and, last, how many of them are used up, as NumPy keeps them
(:mod:`rlx.algorithms.off_policy.streams`). Numbers are made of them as ``np.random.rand`` and ``np.random.randint`` make them
(numpy/random/src/distributions/distributions.c and numpy/random/mtrand.pyx, the legacy streams that NumPy promises to keep).
"""

from __future__ import annotations

import numpy as np

from rlx.launch import exact

WORDS, MIDDLE = 624, 397
HIGH, LOW, TWIST = np.uint32(0x80000000), np.uint32(0x7FFFFFFF), np.uint32(0x9908B0DF)
MASK1, MASK2 = np.uint32(0x9D2C5680), np.uint32(0xEFC60000)


@exact
def next_word(words):
    """Return the next 32 random bits."""
    if words[WORDS] >= WORDS:
        for k in range(WORDS):
            joined = (words[k] & HIGH) | (words[(k + 1) % WORDS] & LOW)
            odd = TWIST if joined & np.uint32(1) else np.uint32(0)
            words[k] = words[(k + MIDDLE) % WORDS] ^ (joined >> np.uint32(1)) ^ odd
        words[WORDS] = 0
    y = words[words[WORDS]]
    words[WORDS] += np.uint32(1)
    y ^= y >> np.uint32(11)
    y ^= (y << np.uint32(7)) & MASK1
    y ^= (y << np.uint32(15)) & MASK2
    return np.uint32(y ^ (y >> np.uint32(18)))


@exact
def uniform(words):
    """Return what ``np.random.rand()`` would: 53 random bits in [0, 1)."""
    a, b = next_word(words) >> np.uint32(5), next_word(words) >> np.uint32(6)
    return (np.float64(a) * 67108864.0 + np.float64(b)) / 9007199254740992.0


@exact
def integers(words, upper, drawn_B):
    """Write what ``np.random.randint(0, upper, size=B)`` would draw: bits under a mask, until they are small enough."""
    largest = np.int64(upper - 1)
    if largest == 0:  # nothing to draw
        drawn_B[:] = 0
        return
    mask = largest
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> shift
    for i in range(drawn_B.size):
        drawn = np.int64(next_word(words)) & mask
        while drawn > largest:
            drawn = np.int64(next_word(words)) & mask
        drawn_B[i] = drawn
