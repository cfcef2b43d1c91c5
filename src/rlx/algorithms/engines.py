"""Training algorithms by name, and the engine that computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import RunConfig

if TYPE_CHECKING:
    from rlx.algorithms.ppo import PPO

FAST, STOCK = "fast", "stable-baselines3"


@dataclass(frozen=True)
class Engine:
    """What computes the training of a run.

    Attributes:
        name: ``fast`` (compiled kernels) or ``stable-baselines3``.
        reason: Why this one, for ``metadata.json``.
    """

    name: str
    reason: str


def choose_engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    """Choose what computes a run: what ``algo.engine`` asks for, else the fast one where it can.

    Raises:
        PolicyUnusable: The fast one was asked for, and cannot.
    """
    from rlx.algorithms.ppo.coverage import uncovered
    from rlx.errors import PolicyUnusable

    asked = config.algo.engine
    if asked == STOCK:
        return Engine(STOCK, "algo.engine asks for it")
    obstacle = uncovered(config, observation_space, action_space)
    if obstacle and asked == FAST:
        raise PolicyUnusable(f"algo.engine: fast cannot train this run: {obstacle}; set algo.engine: auto")
    return Engine(STOCK, obstacle) if obstacle else Engine(FAST, "everything the run asks for is covered")


def prepare_fast(say: Callable[[str], None]) -> None:
    """Make sure that the fast engine is compiled on this machine; ``say`` is told before that takes a while."""
    from rlx.algorithms.ppo.trial import try_all_kernels
    from rlx.launch import ready

    ready("ppo", try_all_kernels, say)


def build(root: Path, config: RunConfig, seed: int, venv: Any) -> PPO:
    """Make the untrained algorithm of a configuration.

    Args:
        root: The project (for networks of its own).
        config: The run.
        seed: The training seed: initial weights and everything random until the first segment begins.
        venv: The vectorised environment to train in, of the engine that was chosen.
    """
    from rlx.algorithms import ppo

    builders = {"ppo": ppo.build}
    return builders[config.algo.name](root, config, seed, venv)
