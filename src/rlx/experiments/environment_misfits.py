"""Why a run, as configured, cannot train in the spaces of its environment: each with the setting and the cure."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import spaces

from rlx.algorithms import algorithm
from rlx.config import SMALL_IMAGE, Inconsistency, RunConfig, hidden_sizes
from rlx.envs import is_image, is_image_channels_first, space_from_data
from rlx.errors import EnvironmentUnusable
from rlx.records import EnvironmentFacts, SpaceFacts

ID = ("env", "id")
ISOLATED = "isolated"


def misfits(config: RunConfig, facts: EnvironmentFacts) -> Iterator[Inconsistency]:
    """Yield why a run cannot train in an environment that was made and keeps to its interface."""
    if facts.isolated_only and config.env.vectorization != ISOLATED:
        why = next((each.message for each in facts.remarks if each.kind == ISOLATED), "")
        yield (
            ID,
            f"{why}; rlx trains and evaluates many copies: write `vectorization: isolated` under `env` (each copy gets its own "
            "process, and evaluation plays one at a time), or let each object hold its own state",
        )
    if config.env.backend != "auto":
        from rlx.envs import backend_of  # imports what is compiled, which few configs need to be checked

        try:
            backend_of(config.env)
            backend_of(config.env, many=True)
        except EnvironmentUnusable as error:
            yield ("env", "backend"), str(error)
            return
    seen, acts = facts.observation_space, facts.action_space
    if seen is None or acts is None:
        return
    action = space_from_data(dict(acts.data)) if acts.data else None
    observation = space_from_data(dict(seen.data)) if seen.data else None
    found = [*_action_misfits(config, acts, action), *_observation_misfits(config, seen, observation)]
    yield from found
    if found or observation is None or action is None:
        return
    yield from _size_misfits(config, observation, action)
    row = algorithm(config.algo.name)
    if refusal := row.refusal(observation, action, has_masks=facts.masks):
        yield ("algo", "name"), refusal
    elif row.misfit is not None and (found_one := row.misfit(config, observation, action)):
        yield found_one


def _action_misfits(config: RunConfig, facts: SpaceFacts, action: Any) -> Iterator[Inconsistency]:
    if action is None or isinstance(action, spaces.Dict):
        kinds = "Discrete, MultiDiscrete, MultiBinary and Box work"
        yield (
            ID,
            f"{config.algo.title} cannot act in {facts.text}: {kinds}; turn it into one of these in a wrapper of your own (env.wrappers)",
        )
    elif _is_empty(action):
        yield ID, f"there is nothing to choose in {facts.text}; declare at least one element"
    elif isinstance(action, spaces.Box) and not np.issubdtype(action.dtype, np.floating):
        yield (
            ID,
            f"{config.algo.title}'s continuous actions are real numbers, and {facts.text} holds whole ones; add `- rlx.space_wrappers.RoundActions` "
            "to env.wrappers, or declare it as MultiDiscrete",
        )
    elif isinstance(action, spaces.Box) and not (np.isfinite(action.low).all() and np.isfinite(action.high).all()):
        yield (
            ID,
            f"{config.algo.title} needs bounds for continuous actions, and {facts.text} lacks some; declare them, or add "
            "`- rlx.space_wrappers.BoundActions: {low: -1.0, high: 1.0}` to env.wrappers",
        )


def _observation_misfits(config: RunConfig, facts: SpaceFacts, observation: Any) -> Iterator[Inconsistency]:
    members = _members(observation)
    cure = (
        "add `- gymnasium.wrappers.FlattenObservation` to env.wrappers" if facts.flattens else "write a wrapper for it"
    )
    if observation is None or any(isinstance(member, spaces.Dict) for member in members):
        kinds = "Box, Discrete, MultiDiscrete, MultiBinary and a Dict of these, by names, work"
        yield ID, f"the networks cannot read observations from {facts.text}: {kinds}; {cure}"
        return
    if not members or any(_is_empty(member) for member in members):
        yield ID, f"there is nothing to see in {facts.text}: a part of it has no elements; leave that out"
        return
    if isinstance(observation, spaces.Dict) and (taken := _unusable_names(config, observation)):
        yield (
            ID,
            f"a network has a part for each key of a Dict, which cannot be called {', '.join(map(repr, taken))} (empty, with a dot, "
            f"or a word of PyTorch's own); rename it in a wrapper of your own (env.wrappers), or {cure}",
        )
        return
    if config.env.normalize_observation and not all(isinstance(member, spaces.Box) for member in members):
        yield (
            ("env", "normalize_observation"),
            f"only array observations can be normalised, not {facts.text}; set it to false",
        )
    images = [member for member in members if is_image(member)]
    if images and config.env.normalize_observation:
        yield ("env", "normalize_observation"), "images are scaled by the network itself; set it to false"
    yield from _image_misfits(config, facts, members, images)


def _unusable_names(config: RunConfig, observation: spaces.Dict) -> list[str]:
    """Return the keys that no part of a network of Stable-Baselines3's can have as its name."""
    if config.policy.type not in ("mlp", "cnn"):
        return []
    import torch  # few environments have a Dict

    parts = torch.nn.ModuleDict()
    return [key for key in observation.spaces if not key or "." in key or hasattr(parts, key)]


def _image_misfits(
    config: RunConfig, facts: SpaceFacts, members: list[Any], images: list[Any]
) -> Iterator[Inconsistency]:
    is_dict, built_in = (facts.data or {}).get("kind") == "Dict", config.policy.type in ("mlp", "cnn")
    if is_dict and built_in and len({is_image_channels_first(image) for image in images}) > 1:
        yield (
            ID,
            f"the images of {facts.text} have their channels first and last, and a network reads one Dict one way; transpose "
            "some in a wrapper of your own (env.wrappers)",
        )
    convolved = images if built_in and (is_dict or config.policy.type == "cnn") else []
    small = next((image for image in convolved if min(sorted(image.shape)[1:]) < SMALL_IMAGE), None)
    if small is not None:
        least = f"images of at least {SMALL_IMAGE} × {SMALL_IMAGE}"
        if is_dict:
            yield (
                ID,
                f"a network for Dict observations convolves their images and needs {least}, not {small.shape}; enlarge them",
            )
        else:
            yield ("policy", "type"), f"the cnn needs {least}, not {small.shape}; use `mlp`"
    if config.policy.type != "cnn" or images:
        return
    if any(isinstance(member, spaces.Box) and len(member.shape) == 3 for member in members):
        cure = "" if is_dict else ": add `- rlx.space_wrappers.ByteImages` to env.wrappers, or use `mlp`"
        yield (
            ("policy", "type"),
            f"a cnn reads images in bytes (type uint8, bounds 0 and 255), and this environment has {facts.text}{cure}",
        )
    else:
        yield ("policy", "type"), f"a cnn reads images (height × width × channels), not {facts.text}; use `mlp`"


def _members(space: Any) -> list[Any]:
    return list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]


def _is_empty(space: Any) -> bool:
    return 0 in (getattr(space, "shape", None) or ())


def _size_misfits(config: RunConfig, observation: Any, action: Any) -> Iterator[Inconsistency]:
    """Yield why a rollout, or the network, does not fit into this machine's memory."""
    memory = _memory()
    rollout = (config.algo.setting("rollout_steps") or 1) * config.env.num_envs
    each = sum(int(np.prod(member.shape or (1,))) * (1 if is_image(member) else 4) for member in _members(observation))
    if each * rollout > memory:
        yield (
            ("algo", "rollout_steps"),
            f"one rollout of {rollout:,} observations of {each / 2**20:.1f} MiB each takes {each * rollout / 2**30:.1f} GiB, and this "
            f"machine has {memory / 2**30:.1f}; collect shorter rollouts, or make the observation smaller in a wrapper (env.wrappers)",
        )
    yield from _replay_size(config, observation, action, memory)
    if config.policy.type != "mlp":
        return
    inputs, outputs = sum(map(_width, _members(observation))), _width(action)
    actor, critic = hidden_sizes(config)
    layers = [pair for net in ([inputs, *actor, outputs], [inputs, *critic, 1]) for pair in pairwise(net)]
    takes = 16 * sum(a * b for a, b in layers) / 2**30  # weights, gradients and Adam's two moments, four bytes each
    if takes * 2**30 > memory:
        of_hidden = max(*max(layers, key=math.prod)) in (*actor, *critic)
        cure = (
            "smaller layers"
            if of_hidden
            else "encode choices and observations in fewer numbers in a wrapper (env.wrappers)"
        )
        yield (
            ("policy", "hidden_sizes") if of_hidden else ID,
            f"a network with {inputs:,} inputs, {outputs:,} outputs and these hidden layers takes {takes:,.1f} GiB, and this machine "
            f"has {memory / 2**30:.1f}; {cure}",
        )


def _replay_size(config: RunConfig, observation: Any, action: Any, memory: int) -> Iterator[Inconsistency]:
    """Yield why what a training adds to its replay buffer does not fit into memory."""
    size = config.algo.setting("buffer_size")
    if size is None:
        return
    stacked = config.env.frame_stack if is_image(observation) else 1  # of stacked images each frame is kept once
    seen = sum(
        int(np.prod(member.shape or (1,))) * (1 / stacked if is_image(member) else 2 * 4)
        for member in _members(observation)
    )
    each = seen + 4 * _width(action) + 16
    if each * size > memory:
        fits = min(int(0.5 * memory / each), config.algo.total_timesteps)
        yield (
            ("algo", "buffer_size"),
            f"{size:,} transitions of {each / 2**10:.1f} KiB each take {each * size / 2**30:,.1f} GiB, and this machine has "
            f"{memory / 2**30:.1f}; try {fits}",
        )


def _width(space: Any) -> int:
    """Return how many numbers a network reads or gives for a space: choices are encoded one by one."""
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(np.sum(space.nvec, dtype=float))
    return math.prod(space.shape or (1,))


def _memory() -> int:
    """Return the bytes of memory of this machine; without bound where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62
