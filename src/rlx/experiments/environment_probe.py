"""Trying an environment out, in a process of its own that it may take down: is it what it says it is?

It is made, reset and stepped at random for a moment, a second copy beside it. What is found is told piece by piece, so that
what was known before it died or hung is not lost.
"""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.config import EnvConfig, ReadFiles, hashes_of, missing_data
from rlx.envs import (
    OLD,
    WRAPPERS,
    around,
    described,
    entry_module,
    episode_limit,
    kind_of,
    make_wrapped,
    own_registrations,
    space_to_data,
    tells_masks,
    wrapper_calls,
)
from rlx.errors import ConfigError, EnvironmentUnusable
from rlx.experiments.environment_trial import ID, Found, Tell, Trial, close, configured
from rlx.launch import Activity, Call, calling, doing
from rlx.records import Complaint, Key, SpaceFacts


def examine_environment(root: Path, env: EnvConfig, tell: Tell) -> None:
    """Try an environment out.

    Args:
        root: The project.
        env: The environment, with its wrappers.
        tell: Told ``step`` with the number of each random step, ``found`` with what is known so far (the last one counts), and
            ``refused`` with the message of a :class:`~rlx.errors.ConfigError` of the project's own files.
    """
    os.chdir(root)  # where stages run
    found, files = Found(env.id), ReadFiles(root)
    with files.listening(), doing(Activity.CHECKING), calling(Call.CHECK):
        _examine(root, env, found, tell)
    found.facts["data"] = files.names
    tell("found", found.as_data())


def _examine(root: Path, env: EnvConfig, found: Found, tell: Tell) -> None:
    try:
        with calling(Call.IMPORT):
            own_registrations(root)
        made = _made(env, found)
        try:
            _look(root, env, made, found)
            tell("found", found.as_data())
            if not found.problems:
                Trial(env, made, found, tell).run()
        finally:
            tell("found", found.as_data())
            close(made, found)
    except EnvironmentUnusable as error:
        found.problems.append(Complaint(error.key, str(error) + missing_data(root, error), "unusable"))
    except ConfigError as error:
        tell("refused", str(error))


def _made(env: EnvConfig, found: Found) -> gym.Env[Any, Any]:
    started = time.monotonic()
    with calling(Call.MAKE):
        made = make_wrapped(env)
    found.seconds["make"] = time.monotonic() - started
    for name in ("observation_space", "action_space"):
        space = _space_of(made, name)
        if not isinstance(space, gym.Space):
            what = "has none" if space is None else f"is {kind_of(space)}"
            message = (
                f"{env.id} does not say what its {name.partition('_')[0]}s are: `{name}` {what}; set "
                f"`self.{name}` to a space of gymnasium.spaces in `__init__`"
            )
            close(made, found)
            raise EnvironmentUnusable(message, _declarer(made, env, name))
    return made


def _space_of(made: Any, name: str) -> Any:
    try:
        return getattr(made, name)
    except AttributeError:
        return None


def _declarer(made: Any, env: EnvConfig, name: str) -> Key:
    """Return the setting of what spoils a space: the innermost configured wrapper around which it is none."""
    layers = configured(made, env)
    for index, layer in enumerate(layers):
        if isinstance(_space_of(layer.env, name), gym.Space) and not isinstance(_space_of(layer, name), gym.Space):
            return (*WRAPPERS, index)
    return ID


def _look(root: Path, env: EnvConfig, made: gym.Env[Any, Any], found: Found) -> None:
    """Note what can be known without a step: registration, limit, spaces, code behind it."""
    facts, spec = found.facts, made.spec
    _check_spelling(root, env, made)
    modules, registration = _environment_code(root, env)
    facts |= {
        "registered": spec.id if spec else env.id,
        "episode_limit": episode_limit(made),
        "reward_threshold": _finite(spec.reward_threshold) if spec else None,
        "modules": tuple(dict.fromkeys(modules)),
        "registration": registration,
    }
    seen = around(made, env)
    for name in ("observation_space", "action_space"):
        space = getattr(seen, name)
        own = getattr(made, name)
        facts[name] = SpaceFacts(described(own), space_to_data(space), bool(own.is_np_flattenable))
    facts["max_entropy"] = _entropy(seen.action_space)
    facts["masks"] = tells_masks(seen)
    parameters = inspect.signature(made.unwrapped.render).parameters.values()
    if needed := [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]:
        found.remark("render", f"its `render` wants {', '.join(needed)} ({OLD}), so there will be no film")


def _finite(value: float | None) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _entropy(action: Any) -> float | None:
    choices: Sequence[int]
    if isinstance(action, spaces.Discrete):
        choices = [int(action.n)]
    elif isinstance(action, spaces.MultiDiscrete):
        choices = [int(count) for count in np.ravel(action.nvec)]
    elif isinstance(action, spaces.MultiBinary):
        choices = [2] * int(np.prod(action.shape))
    else:
        return None
    return sum(math.log(count) for count in choices)


def _check_spelling(root: Path, env: EnvConfig, made: gym.Env[Any, Any]) -> None:
    """Refuse ids that Gymnasium understands but that hide which registration, and so which code, is meant."""
    module, _, name = env.id.rpartition(":")
    if name not in gym.registry:
        raise EnvironmentUnusable(f"write the id in full, with its version: {made.spec.id if made.spec else name}")
    if module and hashes_of(root, [module]):
        raise EnvironmentUnusable(
            f"register {name} in envs/__init__.py and write `{name}`, so that edits of {module} are noticed"
        )


def _environment_code(root: Path, env: EnvConfig) -> tuple[list[str], dict[str, Any]]:
    """Return the modules behind the environment and its wrappers, and how the project registers the environment.

    The second is empty for an environment that Gymnasium or an installed package registers.
    """
    modules = [name.rpartition(".")[0] for name, _ in wrapper_calls(env)]
    spec = own_registrations(root).get(env.id.rpartition(":")[2])
    if spec is None:
        return modules, {}
    wrappers = [(wrapper.entry_point, wrapper.kwargs) for wrapper in spec.additional_wrappers]
    name = (
        spec.entry_point
        if isinstance(spec.entry_point, str)
        else f"{entry_module(spec)}:{spec.entry_point!r}".split(" at 0x")[0]
    )
    registration = {
        "id": spec.id,
        "entry_point": name,
        "max_episode_steps": spec.max_episode_steps,
        "order_enforce": spec.order_enforce,
        "kwargs": _plain(spec.kwargs),
        "additional_wrappers": [[entry, _plain(arguments)] for entry, arguments in wrappers],
    }
    return [entry_module(spec), *(entry.partition(":")[0] for entry, _ in wrappers), *modules], registration


def _plain(value: Any) -> Any:
    """Return ``value`` as what YAML can hold; anything else as its text, without memory addresses."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value).split(" at 0x")[0]
