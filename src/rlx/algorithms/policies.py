"""Networks: SB3's policies as configured, and networks of the project's own by name.

A network of one's own is a features extractor (Stable-Baselines3's term): it turns an observation into features, and
the actor and critic layers of ``policy.hidden_sizes`` stand on top of it::

    from rlx.policies import register
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    @register("residual")
    class Residual(BaseFeaturesExtractor):
        def __init__(self, observation_space, width=64, blocks=2): ...
        def forward(self, observations): ...

``policies/__init__.py`` imports the module, and a config says ``policy: {type: residual, kwargs: {width: 128}}``.

An algorithm of one's own puts its networks together of the same parts (:mod:`rlx.algorithms.networks`)::

    from rlx.policies import backbone, compose, head

    actor = compose(backbone(config, env.observation_space, env.root), head("policy", env.action_space))
    critic = compose(backbone(config, env.observation_space, env.root, role="critic"), head("value"))
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rlx.config import BUILT_IN_NETWORKS, RunConfig, hidden_sizes, load_package
from rlx.errors import PolicyUnusable
from rlx.launch import skip_compiler
from rlx.stats import nearest

Network = TypeVar("Network", bound=type[Any])
ACTIVATIONS = {
    "tanh": "Tanh",
    "relu": "ReLU",
    "elu": "ELU",
    "leaky_relu": "LeakyReLU",
    "silu": "SiLU",
    "gelu": "GELU",
}
"""``policy.activation``, and torch's name of it."""
COMPOSING = {"backbone": "networks", "compose": "networks", "head": "networks", "flax_mlp": "flax_networks"}
_networks: dict[str, type[Any]] = {}


def __getattr__(name: str) -> Any:
    """Give what composes networks, whose modules import torch or JAX."""
    if name not in COMPOSING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"rlx.algorithms.{COMPOSING[name]}"), name)


def register(name: str) -> Callable[[Network], Network]:
    """Make a features extractor class known as ``policy.type: <name>`` (a decorator)."""
    if name in BUILT_IN_NETWORKS:
        raise ValueError(f"{name!r} is built in; choose another name")

    def add(network: Network) -> Network:
        _networks[name] = network
        return network

    return add


def own_network(root: Path, name: str) -> type[Any] | None:
    """Return the project's network of that name, or None for a built-in one.

    Raises:
        PolicyUnusable: There is no such network.
    """
    if name in BUILT_IN_NETWORKS:
        return None
    load_package(root, "policies")
    if name not in _networks:
        known = [*BUILT_IN_NETWORKS, *sorted(_networks)]
        raise PolicyUnusable(f"there is no network {name!r}; {nearest(name, known)}")
    return _networks[name]


def own_modules(root: Path, name: str) -> list[str]:
    """Return the modules of the project that the network ``name`` lives in (none for a built-in one)."""
    network = own_network(root, name)
    return [network.__module__] if network else []


def check_arguments(root: Path, config: RunConfig) -> None:
    """Check that the project's network takes the arguments of ``policy.kwargs``.

    Raises:
        PolicyUnusable: It does not; the message says which it takes.
    """
    network = own_network(root, config.policy.type)
    if network is None:
        return
    signature = inspect.signature(network)
    try:
        signature.bind(None, **config.policy.kwargs)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[1:]) or "none"
        raise PolicyUnusable(f"{config.policy.type!r} cannot be built: {error}; its arguments are: {known}") from None


def policy_arguments(root: Path, config: RunConfig, observation_space: Any) -> tuple[type[Any], dict[str, Any]]:
    """Return SB3's policy class and its keyword arguments for a configuration.

    Args:
        root: The project.
        config: The run.
        observation_space: Of the environment (a dict space takes SB3's multi-input policy).
    """
    from gymnasium import spaces
    from stable_baselines3.common.policies import ActorCriticCnnPolicy, ActorCriticPolicy, MultiInputActorCriticPolicy
    from torch import nn

    skip_compiler()
    policy = config.policy
    actor, critic = hidden_sizes(config)
    arguments: dict[str, Any] = {
        "net_arch": {"pi": actor, "vf": critic},
        "activation_fn": getattr(nn, ACTIVATIONS[policy.activation]),
        "ortho_init": policy.ortho_init,
        "log_std_init": policy.log_std_init,
    }
    network = own_network(root, policy.type)
    if network is not None:
        arguments["features_extractor_class"] = network
        arguments["features_extractor_kwargs"] = policy.kwargs
    if config.algo.setting("use_sde"):
        arguments["use_sde"] = True
    if isinstance(observation_space, spaces.Dict):
        return MultiInputActorCriticPolicy, arguments
    return (ActorCriticCnnPolicy if policy.type == "cnn" else ActorCriticPolicy), arguments


def device_for(config: RunConfig) -> str:
    """Return the torch device to use.

    ``auto`` is a CUDA device for image networks where there is one, else the CPU: for small networks, sending each
    step to a GPU takes longer than computing it (SB3's own advice for PPO with an MLP).

    Raises:
        PolicyUnusable: The device asked for does not exist on this machine.
    """
    wanted = config.device
    if wanted == "cpu" or (wanted == "auto" and config.policy.type != "cnn"):
        return "cpu"
    import torch  # takes a second; most runs need none to know

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    cure = "use `device: auto` (or `-S device=auto`)"
    if wanted.startswith("cuda"):
        if not torch.cuda.is_available():
            raise PolicyUnusable(f"device: {wanted}: this machine has no usable CUDA device; {cure}")
        if int(wanted.partition(":")[2] or 0) >= torch.cuda.device_count():
            raise PolicyUnusable(
                f"device: {wanted}: this machine has {torch.cuda.device_count()} CUDA device(s); {cure}"
            )
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise PolicyUnusable(f"device: mps: this machine has no usable Metal device; {cure}")
    return wanted
