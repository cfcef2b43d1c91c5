"""What has to be compiled on this machine before a run is trained or played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlx.algorithms import Algorithm, prepare_kernels
from rlx.config import RunConfig
from rlx.envs import is_plain


def make_ready(algorithm: Algorithm, config: RunConfig, env: Any, say: Callable[[str], None]) -> None:
    """Make sure that the kernels of a run, or else those of its environment, are compiled.

    Args:
        algorithm: The run's.
        config: The run.
        env: One copy of its environment, for its spaces.
        say: Called with a line for people, before something that takes a while.
    """
    if algorithm.is_compiled(config, env.observation_space, env.action_space):
        (algorithm.kernels or prepare_kernels)(say)
    elif is_plain(config.env):
        prepare_kernels(say)
