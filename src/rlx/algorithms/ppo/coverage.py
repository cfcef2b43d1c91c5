"""Which runs the fast engine covers; the others train on Stable-Baselines3's own code."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from rlx.algorithms.kernels.network import ACTIVATIONS
from rlx.algorithms.policies import device_for
from rlx.config import RunConfig
from rlx.envs import is_vector


def uncovered(config: RunConfig, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> str | None:
    """Return why the fast engine cannot train a run, None if it can.

    Args:
        config: The run.
        observation_space: Of one copy of its environment.
        action_space: Of one copy of its environment.
    """
    device = device_for(config)
    unknown = unknown_policy(config, observation_space, action_space)
    return unknown or (f"device is {device}, and the kernels run on the CPU" if device != "cpu" else None)


def unknown_policy(
    config: RunConfig, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> str | None:
    """Return why the kernels cannot compute a run's policy, wherever it is trained; None if they can."""
    policy = config.policy
    start = action_space.start if isinstance(action_space, spaces.Discrete) else 0
    obstacles = [
        (policy.type != "mlp", f"policy.type is {policy.type!r}, and the kernels compute multilayer perceptrons"),
        (
            policy.activation not in ACTIVATIONS,
            f"policy.activation is {policy.activation!r}, and the kernels compute {', '.join(ACTIVATIONS)}",
        ),
        (bool(config.algo.setting("use_sde")), "algo.use_sde: the kernels do not draw state-dependent exploration"),
        (
            not is_vector(observation_space),
            f"the observations are {observation_space}, and the kernels take vectors of real numbers",
        ),
        (start != 0, f"the actions are numbered from {start}, and the kernels number them from 0"),
    ]
    return next((reason for obstructs, reason in obstacles if obstructs), None)
