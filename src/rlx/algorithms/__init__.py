"""Training algorithms by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config.schema import RunConfig

if TYPE_CHECKING:
    from rlx.algorithms.ppo import PPO


def build(root: Path, config: RunConfig, seed: int, venv: Any) -> PPO:
    """Make the untrained algorithm of a configuration.

    Args:
        root: The project (for networks of its own).
        config: The run.
        seed: The training seed: initial weights and everything random until the first segment begins.
        venv: The vectorised environment to train in.
    """
    from rlx.algorithms import ppo

    builders = {"ppo": ppo.build}
    return builders[config.algo.name](root, config, seed, venv)
