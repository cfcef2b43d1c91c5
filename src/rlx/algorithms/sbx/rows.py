"""The rows of SBX's algorithms: all that is known of them before they train; light, JAX comes with the first learner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.algorithms.registry import Engine, kinds, register
from rlx.algorithms.sb3.rows import misfit
from rlx.algorithms.sbx.metrics import metrics_of
from rlx.algorithms.sbx.table import TABLE
from rlx.config import Inconsistency, RunConfig, hidden_sizes

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Learner
    from rlx.envs import Environments

JAX = ("jax", "sbx")
"""What has to be installed."""


def _engine(config: RunConfig, _: Any, __: Any) -> Engine:
    return Engine("sbx", f"{config.algo.name} is SBX's")


def _misfit(config: RunConfig, observation_space: Any, action_space: Any) -> Inconsistency | None:
    from rlx.config import BUILT_IN_NETWORKS

    if config.policy.type not in BUILT_IN_NETWORKS:
        told = f"SBX's networks are JAX's, and {config.policy.type!r} is a features extractor in PyTorch"
        return ("policy", "type"), f"{told}; use `mlp`, or {config.algo.name.removeprefix('sbx_')}"
    if config.policy.activation not in ACTIVATIONS:
        return ("policy", "activation"), f"SBX knows {', '.join(ACTIVATIONS)}; use one of them"
    sizes, _ = hidden_sizes(config)
    if config.algo.name == "sbx_dqn" and (len(sizes) != 2 or len(set(sizes)) != 1):
        return (
            "policy",
            "hidden_sizes",
        ), f"sbx_dqn has two hidden layers of one width, not {sizes}; write such as [64, 64]"
    if kinds(observation_space, action_space)[0] == "image" and config.policy.type != "cnn":
        return ("policy", "type"), f"{config.algo.name} reads images with the cnn only; set it to cnn"
    parts = getattr(observation_space, "spaces", {})
    if isinstance(parts, Mapping) and (other := [key for key, part in parts.items() if len(part.shape or ()) != 1]):
        told = f"SBX joins the parts of a dictionary into one vector, and {', '.join(map(repr, other))} {'is' if len(other) == 1 else 'are'} none"
        cure = f"encode {'it' if len(other) == 1 else 'them'} in a wrapper (env.wrappers), or use {config.algo.name.removeprefix('sbx_')}"
        return ("algo", "name"), f"{told}; {cure}"
    return misfit(config, observation_space, action_space)


ACTIVATIONS = ("tanh", "relu", "elu", "leaky_relu", "silu", "gelu")


def _actor(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    from rlx.algorithms.sbx.acting import actor_of

    return actor_of(env, policy, seed)


def _save_stock(env: Environments, state: Mapping[str, Any], target: Path) -> None:
    from rlx.algorithms.sbx.acting import save_stock

    save_stock(env, state, target)


def make_sbx(config: RunConfig, env: Environments, seed: int, device: str) -> Learner:
    """Make an untrained learner of one of SBX's algorithms."""
    from rlx.algorithms.sbx.learner import SBXLearner

    return SBXLearner(config, env, seed, device)


for _name, _row in TABLE.items():
    register(
        _name,
        Config=_row.Config,
        metrics=metrics_of(_name),
        observations=_row.observations,
        actions=_row.actions,
        family=_row.family,
        needs=JAX,
        extra="jax",
        engine=_engine,
        misfit=_misfit,
        actor=_actor,
        save_stock=_save_stock,
    )(make_sbx)
