"""Makes a library's algorithm, as configured."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise

from rlx.algorithms.orthogonal import same_initial_weights
from rlx.algorithms.policies import own_network
from rlx.algorithms.sb3.settings import Noise, ReplayConfig
from rlx.algorithms.sb3.table import Library
from rlx.algorithms.schedules import schedule
from rlx.config import NETWORK_CLASSES, RunConfig, Schedule, hidden_sizes
from rlx.envs import is_image
from rlx.errors import PolicyUnusable
from rlx.launch import skip_compiler

COUNTS = ("train/n_updates", "train/iterations")


class Means(Logger):
    """Keeps everything that was logged since the last look, and gives its means."""

    def __init__(self) -> None:
        super().__init__(None, [])
        self._values: dict[str, list[float]] = {}

    def record(self, key: str, value: Any, exclude: Any = None) -> None:
        """Keep a number; see :meth:`stable_baselines3.common.logger.Logger.record`."""
        if value is not None:
            self._values.setdefault(key, []).append(float(value))

    def take(self) -> dict[str, float]:
        """Return the mean of each number, of counts the newest, and forget them."""
        values, self._values = self._values, {}
        return {key: _summary(key, each) for key, each in values.items()}


def _summary(key: str, values: list[float]) -> float:
    if key in COUNTS:
        return int(values[-1]) if values[-1].is_integer() else values[-1]
    return values[0] if min(values) == max(values) else float(np.mean(values))


def class_of(row: Library) -> type[Any]:
    """Return the class of an algorithm, from its library."""
    found: type[Any] = getattr(importlib.import_module(row.package), row.cls)
    return found


def build(  # noqa: PLR0913
    root: Path, config: RunConfig, seed: int, venv: Any, device: str, row: Library, make: Any = None, **given: Any
) -> Any:
    """Make an untrained algorithm.

    Args:
        root: The project (for networks of its own).
        config: The run.
        seed: The training seed: initial weights and everything random until the first segment begins.
        venv: The vectorised environment to train in.
        device: Torch's name of it.
        row: Which.
        make: What makes it in place of the library's class, which takes all that the class takes.
        **given: Arguments that count before the configuration's.

    Raises:
        PolicyUnusable: The network cannot be built.
    """
    skip_compiler()
    cls = class_of(row)
    policy, policy_kwargs = network_of(root, config, row, venv.observation_space)
    arguments = {**_arguments(config, cls, venv.observation_space, venv.action_space), **given}
    arguments = {name: value for name, value in arguments.items() if name in inspect.signature(cls.__init__).parameters}
    try:
        with same_initial_weights():
            model = (make or cls)(
                policy, venv, policy_kwargs=policy_kwargs, seed=seed, device=device, verbose=0, **arguments
            )
    except TypeError as error:
        told = f"policy: network {config.policy.type!r} cannot be built with policy.kwargs: {error}"
        raise PolicyUnusable(told) from error
    model.observation_space.seed(seed)  # networks for images try themselves on a sample of it, and SB3 pickles it
    model.set_logger(Means())
    return model


def network_of(root: Path, config: RunConfig, row: Library, observation_space: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of the library's policy and its keyword arguments."""
    name, policy = config.algo.name, config.policy
    actor, critic = hidden_sizes(config)
    value = "vf" if row.family == "on-policy" else "qf"
    sizes = {"pi": list(actor), value: list(critic)} if config.algo.has_critic else list(actor)
    arguments: dict[str, Any] = {"net_arch": sizes, "activation_fn": _activation(row, policy.activation)}
    if row.family == "on-policy":
        arguments["ortho_init"] = policy.ortho_init
        if name != "maskable_ppo":  # which has no continuous actions
            arguments["log_std_init"] = policy.log_std_init
    elif "use_sde" in type(config.algo).model_fields and row.package != "sbx":
        arguments["log_std_init"] = policy.log_std_init
    network = own_network(root, policy.type)
    if network is not None:
        arguments |= {"features_extractor_class": network, "features_extractor_kwargs": dict(policy.kwargs)}
    else:
        arguments |= policy.kwargs
    if isinstance(observation_space, spaces.Dict):
        kind = "MultiInput"
    elif policy.type == "cnn" or (policy.type == "lstm" and is_image(observation_space)):
        kind = "Cnn"
    else:
        kind = "Mlp"
    if name == "ars" and not actor:
        return "LinearPolicy", {}
    return f"{kind}{'Lstm' if name == 'recurrent_ppo' else ''}Policy", arguments


def _activation(row: Library, name: str) -> Any:
    """Return an activation as the library's networks take it: PyTorch's class, or Flax's function."""
    if row.package == "sbx":
        from flax import linen

        return getattr(linen, name)
    from torch import nn

    return getattr(nn, NETWORK_CLASSES[name])


def _arguments(config: RunConfig, cls: type[Any], observation_space: Any, action_space: Any) -> dict[str, Any]:
    """Return the settings as the constructor takes them."""
    algo = config.algo
    theirs = {ours: name for name, ours in type(algo).other_names.items()}
    known = inspect.signature(cls.__init__).parameters
    found: dict[str, Any] = {}
    for ours in type(algo).model_fields:
        name = theirs.get(ours, ours)
        if name in known:
            found[name] = _argument(getattr(algo, ours), action_space)
    replay = algo.setting("replay")
    if isinstance(replay, ReplayConfig) and replay.type == "her":
        from stable_baselines3 import HerReplayBuffer

        sampled = {
            "n_sampled_goal": replay.n_sampled_goal,
            "goal_selection_strategy": replay.goal_selection_strategy,
        }
        found |= {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": sampled}
    elif replay is not None and is_image(observation_space) and algo.setting("return_steps") == 1:
        from rlx.algorithms.frames import FrameReplayBuffer

        frames = {"frames": config.env.frame_stack}
        found |= {"replay_buffer_class": FrameReplayBuffer, "replay_buffer_kwargs": frames}
    return found


def _argument(value: Any, action_space: Any) -> Any:
    if isinstance(value, Schedule):
        return schedule(value)
    if isinstance(value, Noise):
        size = int(np.prod(action_space.shape))
        noise = NormalActionNoise if value.type == "normal" else OrnsteinUhlenbeckActionNoise
        return noise(np.zeros(size), np.full(size, value.std))
    return tuple(value) if isinstance(value, list) else value
