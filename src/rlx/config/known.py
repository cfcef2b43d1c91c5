"""A config to start with for an environment: tuned settings where they are known (:mod:`rlx.config.presets`), else defaults."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rlx.config.algorithm_config import look_for_algorithm
from rlx.config.presets import SECTIONS, Entry, Settings, presets_of

SMALL_IMAGE = 36
"""Images with a side below this are too small for the cnn."""


def settings_for(
    env_id: str, observation: Any = None, action: Any = None, algorithm: str = "ppo"
) -> tuple[Settings, str]:
    """Return a config for an environment, and a sentence about where its values come from.

    Args:
        env_id: Its id, with or without `module:`.
        observation: The observation space as data (:class:`rlx.records.environment_facts.SpaceFacts`), where it is known.
        action: The action space likewise.
        algorithm: One of rlx's own.
    """
    bare = env_id.rpartition(":")[2]
    name = bare.rpartition("-v")[0] or bare
    presets = presets_of(algorithm)
    if name in presets.entries:
        entry, source = presets.entries[name], f"{presets.source} for {name}"
    else:
        kind, entry = _otherwise(algorithm, observation or {}, action or {})
        whom = bare if algorithm == "ppo" else f"{bare} with {algorithm}"
        told = entry.told or f"{presets.source} for Atari"
        cnn = ", with the cnn" if kind == "default" and entry.policy.get("type") == "cnn" else ""
        source = f"Nothing tuned is known for {whom}: these are {told}{cnn}"
    said = {section: deepcopy(getattr(entry, section)) for section in SECTIONS}
    named = {} if algorithm == "ppo" else {"name": algorithm}
    return {**said, "env": {"id": env_id, **said["env"]}, "algo": {**named, **said["algo"]}}, f"{source}."


def _otherwise(algorithm: str, seen: Mapping[str, Any], acts: Mapping[str, Any]) -> tuple[str, Entry]:
    """Return what an environment without an entry is started with, and of which kind that is."""
    others = presets_of(algorithm).otherwise
    is_large_image = is_image_data(seen) and sorted(seen["shape"])[1] >= SMALL_IMAGE
    if is_large_image and "images" in others:
        return "images", others["images"]
    if is_large_image:
        settings, usual = look_for_algorithm(None, algorithm), others["default"]
        policy = {"type": "cnn"} if settings is not None and "cnn" in settings.networks else {}
        return "default", Entry(usual.env, usual.algo, {**usual.policy, **policy}, usual.told)
    if acts.get("kind") == "Box" and seen.get("kind") == "Box" and "continuous" in others:
        return "continuous", others["continuous"]
    return "default", others["default"]


def is_image_data(space: Mapping[str, Any]) -> bool:
    """Tell whether a space as data is of images in bytes."""
    return space.get("kind") == "Box" and len(space["shape"]) == 3 and space["dtype"] == "uint8"
