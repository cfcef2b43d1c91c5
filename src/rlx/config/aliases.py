"""The names and spellings of Stable-Baselines3 and rl-zoo, so that their hyperparameters can be pasted.

Inside ``algo`` (or at the top of a file) ``ent_coef: 0.01`` means ``algo.entropy_coef: 0.01``, ``n_envs: 8`` means
``env.num_envs: 8``, ``normalize: true`` switches both normalisations on, and ``policy_kwargs: "dict(…)"`` is read as data, never
run. What a name means depends on the algorithm: ``n_steps`` is the length of rollouts, or of the returns of off-policy ones.
"""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

from rlx.config.document import Document, KeyPath
from rlx.config.moving import give, literal, move
from rlx.config.policy_names import read_arguments, read_policy
from rlx.config.replay_names import read_off_policy
from rlx.errors import Problem

if TYPE_CHECKING:
    from rlx.config.algorithm_config import AlgorithmConfig

PARENTS: tuple[tuple[str, ...], ...] = (("algo",), ("env",), ())
"""Where such names may stand: in the section, or pasted at the top of a file."""
OF_ENVIRONMENTS: dict[str, KeyPath] = {
    "n_envs": ("env", "num_envs"),
    "env_kwargs": ("env", "kwargs"),
    "env_wrapper": ("env", "wrappers"),
    "frame_stack": ("env", "frame_stack"),
}
ZOO_WRAPPERS = (
    *("ActionNoiseWrapper", "ActionSmoothingWrapper", "DelayedRewardWrapper", "FrameSkip", "HistoryWrapper"),
    *("HistoryWrapperObsDict", "LowPassFilterWrapper", "MaskVelocityWrapper", "TruncatedOnSuccessWrapper"),
)
TIME_FEATURE = "sb3_contrib.common.wrappers.TimeFeatureWrapper"


def renamed(settings: type[AlgorithmConfig]) -> dict[str, KeyPath]:
    """Return where in a configuration other libraries' names lead: those that an algorithm knows, and environments'."""
    own = {theirs: ours for theirs, ours in settings.other_names.items() if ours in settings.model_fields}
    return {**{theirs: ("algo", ours) for theirs, ours in own.items()}, **OF_ENVIRONMENTS}


def translate(document: Document, settings: type[AlgorithmConfig]) -> list[Problem]:
    """Rewrite SB3's and rl-zoo's names in ``document`` into rlx's, in place.

    Args:
        document: The file.
        settings: Of the algorithm that it is for; what it calls so itself is its own.

    Returns:
        What could not be translated, or is given under both names.
    """
    problems: list[Problem] = []
    names = renamed(settings)
    implied: dict[str, Any] = {}
    for parent in PARENTS:
        own = settings.model_fields if parent == ("algo",) else {}
        section: Any = document.data
        for part in parent:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            continue
        if isinstance(section.get("policy"), str) and "policy" not in own:
            implied |= read_policy(document, (*parent, "policy"), section["policy"], settings, problems)
        for key in [key for key in section if key in (*names, "normalize", "policy_kwargs") and key not in own]:
            source = (*parent, key)
            value = section[key]
            if key == "normalize":
                _normalize(document, source, value, problems)
            elif key == "policy_kwargs":
                read_arguments(document, source, value, settings, problems)
            elif key == "env_wrapper":
                wrappers = value if isinstance(value, list) else [value] if value else []
                problems += [document.problem(source, told) for told in map(_unknown_wrapper, wrappers) if told]
                move(document, source, names[key], wrappers, problems)
            else:
                move(document, source, names[key], value, problems)
        if parent != ("env",):
            read_off_policy(document, parent, settings, problems)
    _spellings(document)
    policy = document.data.get("policy")
    for name, value in implied.items():
        if isinstance(policy, dict) and name not in policy:
            give(document, ("policy", "type"), ("policy", name), value, problems)
    return problems


def _spellings(document: Document) -> None:
    """Read a negative ``clip_range_vf``, by which rl-zoo says that there is none, as null, and ``1_000_000`` as a number."""
    algo = document.data.get("algo")
    if not isinstance(algo, dict):
        return
    value = algo.get("clip_range_vf")
    if isinstance(value, int | float) and value < 0:
        algo["clip_range_vf"] = None
    for key, word in algo.items():
        if isinstance(word, str) and re.fullmatch(r"[0-9]+(_[0-9]+)+", word):
            algo[key] = int(word)


def _unknown_wrapper(said: Any) -> str | None:
    """Return what to say of a wrapper that is not where an entry says; None of one that may be there."""
    name = next(iter(said), "") if isinstance(said, dict) else said
    if not isinstance(name, str):
        return None  # validation says what wrappers are
    module, _, last = name.rpartition(".")
    old_zoo = module in ("utils.wrappers", "rl_zoo.wrappers")
    if old_zoo and last == "TimeFeatureWrapper":
        return f"{name} is {TIME_FEATURE} now"
    if name.startswith("gym.wrappers."):
        return f"{name} is of a package that is no more; gymnasium.wrappers.{last} is its successor"
    is_of_zoo = module.startswith("rl_zoo3.") or (old_zoo and last in ZOO_WRAPPERS)
    if is_of_zoo and (old_zoo or importlib.util.find_spec("rl_zoo3") is None):
        new = f"rl_zoo3.wrappers.{last}"
        told = f"{name} is {new} now, and" if old_zoo else f"{name} is rl-zoo's, which"
        return f"{told} is not installed with rlx: `pip install rl_zoo3` and write {new}, or write the wrapper in envs/"
    return None


FLAGS = ("norm_obs", "norm_reward")
NORMALIZES = {"clip_obs": 10.0, "clip_reward": 10.0, "epsilon": 1e-8, "training": True}
"""What Stable-Baselines3's ``VecNormalize`` does where nothing else is said, and rlx always."""
NO_SUCH = {"gamma": "is the algorithm's discount factor always (algo.gamma)", "norm_obs_keys": "are all keys always"}


def _normalize(document: Document, source: KeyPath, value: Any, problems: list[Problem]) -> None:
    """Read rl-zoo's ``normalize: true`` or ``normalize: "{'norm_obs': True, 'norm_reward': False}"``."""
    try:
        value = literal(value)
    except ValueError:
        value = None
    if isinstance(value, bool):
        value = {"norm_obs": value, "norm_reward": value}
    if not isinstance(value, dict) or not all(isinstance(value.get(flag, True), bool) for flag in FLAGS):
        text = "must be true, false, or \"{'norm_obs': …, 'norm_reward': …}\""
        problems.append(document.problem(source, text, at_value=True))
        document.remove(source)
        return
    algo = document.data.get("algo")
    own = algo if isinstance(algo, dict) and "gamma" in algo else document.data
    usual = {**NORMALIZES, **({"gamma": own["gamma"]} if "gamma" in own else {})}
    other = [key for key in value if key not in FLAGS and not (key in usual and value[key] == usual[key])]
    for key in other:
        why = f"is {usual[key]} always" if key in usual else NO_SUCH.get(key, "is no setting of it here")
        text = f"{key}: {str(value[key])[:40]} cannot be had: {key} {why}; leave it out"
        problems.append(document.problem(source, text, at_value=True))
    place, section = document.keys[source], document.data.setdefault("env", {})
    document.remove(source)
    if not isinstance(section, dict):
        return
    for flag, name in zip(FLAGS, ("normalize_observation", "normalize_reward"), strict=True):
        if name in section:
            problems.append(
                Problem(document.name, place.line, place.column, "normalize", f"`env.{name}` is given too; keep one")
            )
        section[name] = value.get(flag, True)
        document.keys["env", name] = document.values["env", name] = place
        document.origins["env", name] = None
