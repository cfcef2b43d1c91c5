"""A trained policy from its weights and the configuration, without the algorithm around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from rlx.algorithms.learner import Actor
from rlx.algorithms.policies import device_for, policy_arguments
from rlx.algorithms.ppo.playing import actor_for
from rlx.envs import PLACES, Environments, preserved


def actor_of(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    """Build the policy of a checkpoint from the run's configuration, and load its weights.

    With gSDE its noise is drawn anew, from ``seed`` and with the trained ``log_std``: the matrices are in no state.
    """
    import torch

    config = env.config
    space = _as_network_sees(env.observation_space)
    policy_class, arguments = policy_arguments(env.root, config, space)
    made = policy_class(space, env.action_space, _no_learning, **arguments)
    made.load_state_dict(policy["network"])
    made.to(device_for(config))
    made.set_training_mode(False)
    if config.algo.setting("use_sde"):
        with preserved():
            torch.manual_seed(seed)
            made.reset_noise(PLACES)  # for each of the episodes that are played beside one another
    return actor_for(made, env)


def _no_learning(_: float) -> float:
    """Give the learning rate of a policy that is only played."""
    return 0.0


def _as_network_sees(space: gym.Space[Any]) -> gym.Space[Any]:
    """Return the observation space with images' channels first, as SB3 wraps environments in training."""
    from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
    from stable_baselines3.common.vec_env import VecTransposeImage

    if isinstance(space, gym.spaces.Dict):
        return gym.spaces.Dict({key: _as_network_sees(member) for key, member in space.spaces.items()})
    if isinstance(space, gym.spaces.Box) and is_image_space(space) and not is_image_space_channels_first(space):
        return VecTransposeImage.transpose_space(space)
    return space
