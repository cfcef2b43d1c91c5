"""What an algorithm is tried with: which environments, with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.algorithms import Algorithm, algorithm
from rlx.config import RunConfig, algorithm_in, compose_run, parse_yaml
from rlx.errors import ConfigError
from rlx.training.probe_environments import SEEN, TAKEN, probe_id

EPISODE = 20
"""Steps after which an episode of an environment that somebody named is cut."""


def trial_configs(
    root: Path, name: str, config: str | None, env_ids: Sequence[str], settings: Sequence[str]
) -> list[RunConfig]:
    """Return the configurations to try an algorithm with: those of environments asked for, of a config, or of tiny ones.

    Args:
        root: The project.
        name: What ``algo.name`` says.
        config: A file of ``configs/`` whose settings hold; None: the algorithm's defaults.
        env_ids: Environments to try it in.
        settings: ``KEY=VALUE`` that hold instead.

    Raises:
        ConfigError: Something of that is wrong; the message says what.
    """
    name = algorithm_in(name) or name
    row = algorithm(name, root)
    base = compose_run(root, config).config if config else RunConfig.model_validate({"algo": {"name": name}})
    if base.algo.name != name:
        raise ConfigError(
            f"--config {config}: trains {base.algo.name}, not {name}; leave --config out, or name another"
        )
    data = base.model_dump()
    for setting in settings:
        key, equals, value = setting.partition("=")
        *sections, last = key.split(".")
        place: Any = data
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if not equals or not isinstance(place, dict):
            raise ConfigError(
                f"-S {setting}: write it as `-S SECTION.KEY=VALUE`, such as `-S algo.learning_rate=0.001`"
            )
        place[last] = parse_yaml(value)
    try:
        chosen = RunConfig.model_validate({**data, "device": "cpu"})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if env_ids:
        return [_in_short_episodes(chosen, {"id": one, "num_envs": 2}) for one in env_ids]
    found = [_in_short_episodes(chosen, {})] if config else _fitting(row, chosen)
    if not found:
        raise ConfigError(f"{name} takes what no tiny environment shows; name one of your own: `--env ID`")
    return found


def _in_short_episodes(config: RunConfig, env: dict[str, Any]) -> RunConfig:
    """Return a configuration in an environment whose episodes are cut early: checkpoints lie several episodes apart."""
    kwargs = {**config.env.kwargs, "max_episode_steps": EPISODE}
    return config.model_copy(update={"env": config.env.task.model_copy(update={**env, "kwargs": kwargs})})


def _fitting(row: Algorithm, config: RunConfig) -> list[RunConfig]:
    """Return a configuration in tiny environments: every kind of observations and actions that a row declares comes up."""
    sees, takes = (
        [kind for kind in own if kind in known] for own, known in ((row.observations, SEEN), (row.actions, TAKEN))
    )
    pairs = [(sees[0], taken) for taken in takes] + [(seen, takes[0]) for seen in sees[1:]] if sees and takes else []
    found = []
    for seen, taken in pairs:
        env = config.env.task.model_copy(update={"id": probe_id(seen, taken), "num_envs": 2})
        convolves = seen == "image" and row.reads_policy and config.policy.type == "mlp"
        policy = config.policy.model_copy(update={"type": "cnn"} if convolves else {})
        found.append(config.model_copy(update={"env": env, "policy": policy}))
    return found
