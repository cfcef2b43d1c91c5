"""What the files of a new project say where it starts on an environment of the person's choice."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlx.config import RunConfig, dump, look_for_algorithm

if TYPE_CHECKING:
    from rlx.records import EnvironmentFacts


def settings_of(
    env_id: str, algorithm: str, facts: EnvironmentFacts, wrappers: list[str]
) -> tuple[dict[str, Any], str]:
    """Return everything that `params.yaml` shall say of a run on an environment, and where that comes from.

    Args:
        env_id: The environment.
        algorithm: One of rlx's own, or of the pages of a new project.
        facts: What is known of the environment.
        wrappers: What a policy needs around it.
    """
    from rlx.config import settings_for

    seen, acts = (None if space is None else space.data for space in (facts.observation_space, facts.action_space))
    section, source = settings_for(env_id, seen, acts, algorithm)
    total = section["algo"]["total_timesteps"]
    section["env"] |= {"wrappers": wrappers} if wrappers else {}
    return section | {"checkpoint": {"save_every": total // 4}, "eval": {"every": total // 10}}, source


def for_environment(
    files: Mapping[str, bytes], env_id: str, section: Mapping[str, Any], source: str, *, seeds: int
) -> dict[str, bytes]:
    """Return the project with a study of its own: a baseline on ``env_id`` and a variant to start from.

    Args:
        files: The default project, by path.
        env_id: The environment.
        section: What the base configuration says; see :func:`settings_of`.
        source: Where that comes from.
        seeds: Of the study.
    """
    made = dict(files)
    shipped = [name for name in made if name.startswith("configs/")]
    for name in shipped:
        if not name.startswith("configs/bossfight"):
            del made[name]
    made["configs/baseline.yaml"] = (
        f"# The baseline: the base configuration as it stands in params.yaml.\nrun_name: {env_id} baseline\n".encode()
    )
    made["configs/variant.yaml"] = (
        f"# One change, to be judged against the baseline: make it yours.\n{dump(_variant(env_id, section['algo']))}".encode()
    )
    made["configs/bossfight.yaml"] = _completed(made["configs/bossfight.yaml"].decode(), section).encode()
    made["params.yaml"] = edited(made["params.yaml"].decode(), section, source, seeds=seeds).encode()
    return made


def _variant(env_id: str, algo: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with one change that means something to the algorithm."""
    settings = look_for_algorithm(None, algo.get("name", "ppo"))
    assert settings is not None
    entropy = settings.model_fields.get("entropy_coef")
    if entropy is not None and isinstance(entropy.default, float):
        if algo.get("entropy_coef") == 0.01:
            return {"run_name": f"{env_id} without entropy bonus", "algo": {"entropy_coef": 0.0}}
        return {"run_name": f"{env_id} with an entropy bonus", "algo": {"entropy_coef": 0.01}}
    rate = algo.get("learning_rate", settings.model_fields["learning_rate"].default)
    half = {key: end / 2 for key, end in rate.items()} if isinstance(rate, dict) else rate / 2
    return {"run_name": f"{env_id} with half the learning rate", "algo": {"learning_rate": half}}


def _completed(text: str, section: Mapping[str, Any]) -> str:
    """Return a full config that also says what this project's base would otherwise decide for it."""
    yaml, defaults = _yaml(), RunConfig().model_dump()
    data: Any = yaml.load(text)
    for name in ("env", "algo", "policy"):
        for key in section[name]:
            if key in defaults[name] and (name, key) != ("policy", "kwargs"):  # only what such a config could say, too
                data[name].setdefault(key, defaults[name][key])
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    return buffer.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def edited(text: str, section: Mapping[str, Any], source: str, *, seeds: int) -> str:
    """Return ``params.yaml`` with another base configuration: what it says is what the baseline is trained with.

    Args:
        text: The file as it ships.
        section: What it shall say; see :func:`settings_of`.
        source: Where that comes from, for a comment.
        seeds: Of the study.
    """
    yaml = _yaml()
    lines = text.splitlines(keepends=True)
    mark = next(index for index, line in enumerate(lines) if line.startswith("# --- The base configuration"))
    lines.insert(mark + 1, f"# {source}\n")
    if section["algo"].get("name", "ppo") != "ppo":  # none of the settings there need mean anything to it
        start = lines.index("algo:\n")
        end = next(index for index, line in enumerate(lines) if index > start and not line.strip())
        lines[start:end] = dump({"algo": section["algo"]}).splitlines(keepends=True)
    data: Any = yaml.load("".join(lines))
    data["study"]["runs"][:] = ["baseline", "variant"]
    data["study"]["baseline"] = "baseline"
    data["num_seeds"] = seeds
    defaults = RunConfig.model_validate({name: section[name] for name in ("algo", "policy")}).model_dump()
    for name, values in section.items():
        said = {key: defaults[name][key] for key in data[name] if name in ("algo", "policy") and key != "name"} | values
        for key, value in said.items():
            if key not in data[name]:
                data[name].insert(len(data[name]) - 1, key, value)  # before the last, which holds the blank line behind
            elif data[name][key] != value:
                data[name][key] = value
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    return buffer.getvalue()
