"""The engines that compute an algorithm: compiled kernels where they cover a run, else Stable-Baselines3's own code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rlx.algorithms.kernels import WIDE
from rlx.algorithms.registry import Engine
from rlx.errors import PolicyUnusable

FAST, STOCK = "fast", "stable-baselines3"


def engine_of(asked: str | None, obstacle: str | None, widths: Sequence[Sequence[int]]) -> Engine:
    """Choose what computes a run: what is asked for, else the fast one where it can.

    Args:
        asked: What ``algo.engine`` says.
        obstacle: Why the fast one cannot; None where it can.
        widths: Of each of the run's networks: its inputs, and its hidden layers.

    Raises:
        PolicyUnusable: The fast one was asked for, and cannot.
    """
    if asked == STOCK:
        return Engine(STOCK, "algo.engine asks for it")
    if obstacle and asked == FAST:
        raise PolicyUnusable(f"algo.engine: fast cannot train this run: {obstacle}; set algo.engine: auto")
    if obstacle:
        return Engine(STOCK, obstacle)
    wide = any(min(sides) >= WIDE for network in widths for sides in pairwise(network))
    return Engine(FAST, "everything the run asks for is covered", portable=not wide)
