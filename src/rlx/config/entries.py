"""Whole entries of rl-zoo: what one leaves out has its library's defaults, as it had where it was tuned.

An entry is whole where it stands under its environment's id, or has both ``n_timesteps`` and ``policy: '…Policy'`` at
its level. Anything less is a renaming of single settings (:mod:`rlx.config.aliases`), and what is left out has the
base configuration's values. ``zoo_defaults: true`` or ``false`` in a config says it outright. Of several entries in one file, such
as rl-zoo's own, the one for the run's environment counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import algorithm_in, owners_of
from rlx.config.aliases import renamed
from rlx.config.document import Document, KeyPath
from rlx.config.schema import EnvConfig, PolicyConfig, RunConfig
from rlx.config.unsupported import says_nothing, unsupported
from rlx.errors import Problem

SWITCH = "zoo_defaults"
LEVELS: tuple[KeyPath, ...] = ((), ("algo",))
"""Where an entry may be pasted: at the top of a config, or under ``algo``."""
KEPT = ("name", "engine", "total_timesteps", "iteration_steps")
"""Settings of ``algo`` that are not hyperparameters of the libraries, or stand in every entry."""
OTHERWISE = ("atari", "default")
"""Entries of rl-zoo's files for environments without one of their own."""
ARCADE = re.compile(r"^(ale_py:)?ALE/|NoFrameskip-v\d+$")


def source_of(algorithm: str) -> str:
    """Return whose defaults fill an entry, in words."""
    return "SBX's default" if algorithm.startswith("sbx_") else "Stable-Baselines3's default"


def unfold(
    document: Document, settings: type[AlgorithmConfig], env_id: str | None = None
) -> tuple[list[Problem], list[KeyPath]]:
    """Lay the entries of a document out at their level, under the names that rlx shares with Stable-Baselines3.

    Args:
        document: The file.
        settings: Of the algorithm that it is for.
        env_id: The run's environment, as far as others than this file say; it chooses among several entries.

    Returns:
        What cannot be laid out, and the levels at which a whole entry stood.
    """
    problems: list[Problem] = []
    whole: list[KeyPath] = []
    reasons, names = unsupported(settings), renamed(settings)
    switch = document.data.pop(SWITCH, None)
    if switch is not None and not isinstance(switch, bool):
        problems.append(document.problem((SWITCH,), "must be true or false", at_value=True))
    spell(document)
    for level in LEVELS:
        named = [*_named(document, level, settings)]
        is_chosen = len(named) > 1
        if is_chosen:
            problems += _choose(document, level, named, env_id)
            named = [*_named(document, level, settings)]
        for name in named:
            problems += _lift(document, level, name, names_environment=not is_chosen)
        section = _section(document, level)
        if section is None:
            continue
        policy = section.get("policy")
        is_entry = bool(named) or any(key in names for key in section)
        if named or ("n_timesteps" in section and isinstance(policy, str) and policy.endswith("Policy")):
            whole.append(level)
        for key in [key for key in section if (is_entry or level) and key in reasons]:
            if not says_nothing(key, section[key]):
                problems.append(document.problem((*level, key), f"rlx has no such setting: {reasons[key]}; remove it"))
            document.remove((*level, key))
        if level == () and is_entry:
            for key in [key for key in section if _belongs_to_algo(key, settings)]:
                problems += _move(document, (key,), ("algo", key))
    return problems, [] if switch is False else whole or ([()] if switch else [])


def fill(document: Document, settings: type[AlgorithmConfig]) -> None:
    """Give what a document with a whole entry leaves out its library's defaults, and note that it was given."""
    policy = document.data.get("policy")
    kind = policy.get("type") if isinstance(policy, dict) else None
    network = {**PolicyConfig().model_dump(), **settings.policy_defaults}
    if kind == "cnn":  # behind its convolutions SB3 puts no more layers, or others
        learns_from_rollouts = "rollout_steps" in settings.model_fields
        sizes = [] if settings.image_sizes is None and learns_from_rollouts else settings.image_sizes
        network["hidden_sizes"] = network["hidden_sizes"] if sizes is None else sizes
    usual = EnvConfig().model_dump()
    values: dict[str, dict[str, Any]] = {
        "algo": {key: value for key, value in settings.model_validate({}).model_dump().items() if key not in KEPT},
        "policy": network,
        "env": {
            **{key: usual[key] for key in ("normalize_observation", "normalize_reward", "frame_stack")},
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


def spell(document: Document) -> None:
    """Write the algorithm as rlx does, in place: ``algo: SAC`` is ``algo: {name: sac}``."""
    algo = document.data.get("algo")
    name = algorithm_in(algo)
    if isinstance(algo, str):
        document.data["algo"] = {"name": name}
        for places in (document.keys, document.values):
            if ("algo",) in places:
                places["algo", "name"] = places["algo",]
    elif isinstance(algo, dict) and name is not None:
        algo["name"] = name


def _belongs_to_algo(key: str, settings: type[AlgorithmConfig]) -> bool:
    """Tell whether a key at the top is a setting of this algorithm, or of another, which ``algo`` then refuses."""
    if key in RunConfig.model_fields or key in ("name", "defaults") or key in renamed(settings):
        return False
    return key in settings.model_fields or bool(owners_of(key))


def _section(document: Document, level: KeyPath) -> dict[str, Any] | None:
    found: Any = document.data
    for part in level:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _named(document: Document, level: KeyPath, settings: type[AlgorithmConfig]) -> Iterator[str]:
    """Yield the environments' ids under which entries stand."""
    section = _section(document, level) or {}
    known = RunConfig.model_fields if level == () else settings.model_fields
    names = renamed(settings)
    here = _environment(document)
    for key, value in section.items():
        if key in known or key in names or not isinstance(value, dict) or key in ("defaults", "policy_kwargs"):
            continue
        if key == here or re.search(r"-v\d+$", key) or "n_timesteps" in value:
            yield key


def _environment(document: Document) -> str | None:
    env = document.data.get("env")
    found = env.get("id") if isinstance(env, dict) else None
    return found if isinstance(found, str) else None


def _choose(document: Document, level: KeyPath, named: list[str], env_id: str | None) -> Iterator[Problem]:
    """Leave the entry of several that is for the run's environment: of its id, of another version of it, or for all."""
    wanted = _environment(document) or env_id
    found = None
    if wanted is not None:
        fitting = [wanted, *(name for name in named if _bare(name) == _bare(wanted))]
        fitting += [name for name in OTHERWISE if name != "atari" or ARCADE.search(wanted)]
        found = next((name for name in fitting if name in named), None)
    if found is None:
        shown = ", ".join(named[:5]) + (", …" if len(named) > 5 else "")
        which = f"none is for {wanted}" if wanted else "which? (`env: {id: …}` says the environment)"
        yield document.problem((*level, named[0]), f"there are {len(named)} entries ({shown}), and {which}")
    for name in named:
        if name != found:
            document.remove((*level, name))
            for places in (document.keys, document.values):
                for path in [path for path in places if path[: len(level) + 1] == (*level, name)]:
                    del places[path]


def _bare(env_id: str) -> str:
    """Return an environment's id without its version."""
    return re.sub(r"-v\d+$", "", env_id.rpartition(":")[2])


def _lift(document: Document, level: KeyPath, name: str, *, names_environment: bool) -> Iterator[Problem]:
    """Move the settings of an entry from under its environment's id up to its level; alone, it names the environment, too."""
    section = _section(document, level)
    assert section is not None
    given = _environment(document)
    source: KeyPath = (*level, name)
    is_id = re.search(r"-v\d+$", name) is not None
    if is_id and given is not None and _bare(given) != _bare(name):
        yield document.problem(source, f"this entry is for {name}, and env.id is {given}; keep one of them")
    for key in list(section[name]):
        yield from _move(document, (*source, key), (*level, key))
    place = document.keys[source]
    document.remove(source)
    if given is None and is_id and names_environment:
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
