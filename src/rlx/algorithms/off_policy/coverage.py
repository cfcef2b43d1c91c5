"""Which runs of DQN, SAC and TD3 the fast engines cover; the others train on Stable-Baselines3's own code."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from rlx.algorithms.policies import device_for
from rlx.algorithms.ppo import coverage as actor_critic
from rlx.config import RunConfig


def uncovered(config: RunConfig, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> str | None:
    """Return why the fast engine of the run's algorithm cannot train it, None if it can.

    Args:
        config: The run.
        observation_space: Of one copy of its environment.
        action_space: Of one copy of its environment.
    """
    unknown = unknown_policy(config, observation_space, action_space)
    if unknown:
        return unknown
    algo, device = config.algo, device_for(config)
    replay, noise = algo.setting("replay"), algo.setting("action_noise")
    obstacles = [
        (device != "cpu", f"device is {device}, and the kernels run on the CPU"),
        ((algo.setting("return_steps") or 1) != 1, "algo.return_steps: the kernels learn from returns over one step"),
        (_type_of(replay) not in ("uniform", "none"), "algo.replay: the kernels draw rows of the replay uniformly"),
        (_type_of(noise) not in ("normal", "none"), "algo.action_noise: the kernels add normal noise alone"),
    ]
    return next((reason for obstructs, reason in obstacles if obstructs), None)


def unknown_policy(
    config: RunConfig, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> str | None:
    """Return why the kernels cannot compute a run's policy, wherever it is trained; None if they can."""
    return actor_critic.unknown_policy(config, observation_space, action_space)


def _type_of(setting: Any) -> str:
    return "none" if setting is None else str(getattr(setting, "type", None) or "none")
