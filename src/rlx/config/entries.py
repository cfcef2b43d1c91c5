"""Whole entries of rl-zoo for PPO: what one leaves out has Stable-Baselines3's defaults, as it had where it was tuned.

An entry is whole where it stands under its environment's id, or has both ``n_timesteps`` and ``policy: '…Policy'`` at
its level. Anything less is a renaming of single settings (:mod:`rlx.config.aliases`), and what is left out has the
base configuration's values. ``zoo_defaults: true`` or ``false`` in a config says it outright.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

from rlx.config.aliases import renamed
from rlx.config.document import Document, KeyPath
from rlx.config.ppo_config import PPOConfig
from rlx.config.schema import EnvConfig, PolicyConfig, RunConfig
from rlx.errors import Problem

RENAMED = renamed(PPOConfig)
SWITCH = "zoo_defaults"
SOURCE = "Stable-Baselines3's default"
LEVELS: tuple[KeyPath, ...] = ((), ("algo",))
"""Where an entry may be pasted: at the top of a config, or under ``algo``."""
KEPT = ("name", "engine", "total_timesteps")
"""Settings of ``algo`` that are not hyperparameters of Stable-Baselines3, or stand in every entry."""
UNSUPPORTED = {
    "vec_env_wrapper": "rlx wraps each copy by itself (env.wrappers), not the vector of them",
    "callback": "rlx runs no callbacks; validation, checkpoints and early stops are settings of their own",
    "noise_type": "PPO takes no action noise",
    "noise_std": "PPO takes no action noise",
    "her_kwargs": "PPO has no replay buffer",
    "buffer_size": "PPO has no replay buffer",
    "replay_buffer_class": "PPO has no replay buffer",
    "rollout_buffer_class": "rlx uses Stable-Baselines3's own rollout buffer",
    "rollout_buffer_kwargs": "rlx uses Stable-Baselines3's own rollout buffer",
    "normalize_kwargs": "write `normalize: \"{'norm_obs': …, 'norm_reward': …}\"`",
    "monitor_kwargs": "rlx records episodes itself",
    "verbose": "what is printed is said with -q and -v",
    "tensorboard_log": "TensorBoard's events are in runs/<run>/logs/, unless `log.sinks` of params.yaml leaves them out",
    "stats_window_size": "rlx logs every episode of a rollout",
}
"""Keys of rl-zoo's entries and Stable-Baselines3's PPO that have no counterpart, each with the reason."""


def algorithm_in(section: Any) -> str | None:
    """Return the algorithm that a section ``algo`` names; None where it names none. rl-zoo writes ``ppo`` in any case."""
    name = section.get("name") if isinstance(section, dict) else section
    if isinstance(name, str) and name.lower() == "ppo":
        return "ppo"
    return name if isinstance(section, dict) and isinstance(name, str) else None


def unfold(document: Document) -> tuple[list[Problem], list[KeyPath]]:
    """Lay the entries of a document out at their level, under the names that rlx shares with Stable-Baselines3.

    Returns:
        What cannot be, and the levels at which a whole entry stood.
    """
    problems: list[Problem] = []
    whole: list[KeyPath] = []
    switch = document.data.pop(SWITCH, None)
    if switch is not None and not isinstance(switch, bool):
        problems.append(document.problem((SWITCH,), "must be true or false", at_value=True))
    if isinstance(document.data.get("algo"), str) and algorithm_in(document.data["algo"]):
        document.data["algo"] = {"name": "ppo"}
    for level in LEVELS:
        named = [*_named(document, level)]
        for name in named:
            problems += _lift(document, level, name)
        section = _section(document, level)
        if section is None:
            continue
        policy = section.get("policy")
        is_entry = bool(named) or any(key in RENAMED for key in section)
        if named or ("n_timesteps" in section and isinstance(policy, str) and policy.endswith("Policy")):
            whole.append(level)
        for key in [key for key in section if is_entry and key in UNSUPPORTED]:
            if section[key] is None:
                del section[key]
                continue
            problems.append(document.problem((*level, key), f"rlx has no such setting: {UNSUPPORTED[key]}; remove it"))
            document.remove((*level, key))
        if level == () and is_entry:
            shared = [key for key in section if key in PPOConfig.model_fields and key != "name"]
            for key in shared:
                problems += _move(document, (key,), ("algo", key))
    algo = _section(document, ("algo",)) or {}
    if algorithm_in(algo) == "ppo":
        algo["name"] = "ppo"
    return problems, [] if switch is False else whole or ([()] if switch else [])


def fill(document: Document) -> None:
    """Give what a document with a whole entry leaves out Stable-Baselines3's defaults, and note that it was given."""
    policy = document.data.get("policy")
    kind = policy.get("type") if isinstance(policy, dict) else None
    sizes = [] if kind == "cnn" else PolicyConfig().hidden_sizes  # behind its convolutions SB3 puts no more layers
    values: dict[str, dict[str, Any]] = {
        "algo": {key: value for key, value in PPOConfig().model_dump().items() if key not in KEPT},
        "policy": {**PolicyConfig().model_dump(), "hidden_sizes": sizes},
        "env": {
            **{
                key: EnvConfig().model_dump()[key]
                for key in ("normalize_observation", "normalize_reward", "frame_stack")
            },
            "num_envs": 1,
        },
    }
    for name, section in values.items():
        here = document.data.setdefault(name, {})
        if not isinstance(here, dict):
            continue
        for key, value in section.items():
            if key not in here and key != "kwargs":
                here[key] = value
                document.filled.add((name, key))


def _section(document: Document, level: KeyPath) -> dict[str, Any] | None:
    found: Any = document.data
    for part in level:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _named(document: Document, level: KeyPath) -> Iterator[str]:
    """Yield the environments' ids under which entries stand."""
    section = _section(document, level) or {}
    known = RunConfig.model_fields if level == () else PPOConfig.model_fields
    env = document.data.get("env")
    here = env.get("id") if isinstance(env, dict) else None
    for key, value in section.items():
        if key in known or key in RENAMED or not isinstance(value, dict) or key in ("defaults", "policy_kwargs"):
            continue
        if key == here or re.search(r"-v\d+$", key) or "n_timesteps" in value:
            yield key


def _lift(document: Document, level: KeyPath, name: str) -> Iterator[Problem]:
    """Move the settings of an entry from under its environment's id up to its level."""
    section = _section(document, level)
    assert section is not None
    env = document.data.get("env")
    given = env.get("id") if isinstance(env, dict) else None
    source: KeyPath = (*level, name)
    if given not in (None, name) and re.search(r"-v\d+$", name):
        yield document.problem(source, f"this entry is for {name}, and env.id is {given}; keep one of them")
    for key in list(section[name]):
        yield from _move(document, (*source, key), (*level, key))
    place = document.keys[source]
    document.remove(source)
    if given is None and re.search(r"-v\d+$", name):
        env = document.data.setdefault("env", {})
        if isinstance(env, dict):
            env["id"] = name
            document.keys.setdefault(("env",), place)
            document.keys["env", "id"] = document.values["env", "id"] = place
            document.origins["env", "id"] = None


def _move(document: Document, source: KeyPath, target: KeyPath) -> Iterator[Problem]:
    section = _section(document, target[:-1])
    if section is not None and target[-1] in section:
        yield document.problem(source, f"`{'.'.join(map(str, target))}` is given too; keep one")
        document.remove(source)
        return
    if section is None and target[:-1] and target[0] in document.data:
        return  # the section is no mapping, which validation says
    document.move(source, target, reduce(getitem, source, document.data))  # type: ignore[arg-type]
