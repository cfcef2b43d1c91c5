"""Where randomness starts: seeds for training, validation and held-out episodes, from ranges that do not overlap.

So no held-out episode is ever seen by training or by the choice of a checkpoint, whatever seeds a user picks.
"""

from __future__ import annotations

import hashlib

import numpy as np

TRAINING = range(2**30 - 2**12)
"""Reset seeds of training; the gap above it is for the copies of a vectorised environment, which count up."""
VALIDATION = range(2**30, 2**30 + 2**29)
HELD_OUT = range(2**30 + 2**29, 2**31 - 1)


def boundary_seed(seed: int, boundary: int) -> int:
    """Return the seed from which everything random restarts at a checkpoint: SHA-256 of (seed, boundary index)."""
    digest = hashlib.sha256(f"rlx training {seed} {boundary}".encode()).digest()
    return TRAINING[int.from_bytes(digest[:8], "big") % len(TRAINING)]


def validation_seeds(episodes: int) -> list[int]:
    """Return the reset seeds of the validation episodes, the same for every run and every training seed."""
    return [VALIDATION[index] for index in range(episodes)]


def held_out_seeds(episodes: int, list_seed: int) -> list[int]:
    """Return the reset seeds of the held-out episodes.

    Args:
        episodes: How many.
        list_seed: Which list (``final_eval.seed``); a longer list of the same seed starts with the shorter one.

    Returns:
        Distinct reset seeds.
    """
    found: dict[int, None] = {}
    rng = np.random.default_rng([list_seed, 0x686F])
    while len(found) < episodes:
        found.setdefault(int(rng.integers(HELD_OUT.start, HELD_OUT.stop)))
    return list(found)
