"""The arguments that an environment declares, and the values they have where nobody says otherwise."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from rlx.errors import EnvironmentUnusable
from rlx.launch import Call, calling
from rlx.stats import raised


def declared_arguments(name: str) -> dict[str, Any]:
    """Return the keyword arguments that an environment declares, with their defaults.

    Those of its registration come before those of the function or class behind it. Nothing is made or stepped, but the module
    behind the id is imported: to be called in a worker process, the project's registrations loaded.

    Args:
        name: The id, as a configuration has it.

    Raises:
        EnvironmentUnusable: There is no such environment, or it cannot be imported.
    """
    try:
        with calling(Call.IMPORT):
            spec = gym.spec(name)
            entry = spec.entry_point
            creator: Any = load_env_creator(entry) if isinstance(entry, str) else entry
        parameters = inspect.signature(creator).parameters.values()
    except Exception as error:
        raise EnvironmentUnusable(f"{name}: its arguments cannot be read: {raised(error)}") from error
    declared = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
    return declared | dict(spec.kwargs)
