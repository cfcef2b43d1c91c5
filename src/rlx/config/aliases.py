"""The names and spellings of Stable-Baselines3 and rl-zoo, so that their hyperparameters can be pasted.

Inside ``algo`` of PPO (or at the top of a file) ``n_steps: 32`` means ``algo.rollout_steps: 32``, ``n_envs: 8`` means
``env.num_envs: 8``, ``normalize: true`` switches both normalisations on, and ``policy_kwargs: "dict(…)"`` is read
as data, never run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rlx.config.document import Document, KeyPath
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
POLICIES = {"MlpPolicy": "mlp", "MultiInputPolicy": "mlp", "CnnPolicy": "cnn"}
POLICY_ARGUMENTS = {
    "ortho_init": "ortho_init",
    "log_std_init": "log_std_init",
    "net_arch": "hidden_sizes",
    "activation_fn": "activation",
}
ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "ELU": "elu", "LeakyReLU": "leaky_relu", "SiLU": "silu", "GELU": "gelu"}
NETWORK_CLASSES = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
"""PyTorch's classes of activations, by their names in `policy.activation`."""


def renamed(settings: type[AlgorithmConfig]) -> dict[str, KeyPath]:
    """Return where in a configuration other libraries' names lead: those that an algorithm knows, and environments'."""
    return {**{theirs: ("algo", ours) for theirs, ours in settings.other_names.items()}, **OF_ENVIRONMENTS}


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
    for parent in PARENTS:
        own = settings.model_fields if parent == ("algo",) else {}
        section: Any = document.data
        for part in parent:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            continue
        if isinstance(section.get("policy"), str) and "policy" not in own:
            _policy(document, (*parent, "policy"), section["policy"], problems)
        for key in [key for key in section if key in (*names, "normalize", "policy_kwargs") and key not in own]:
            source = (*parent, key)
            value = section[key]
            if key == "normalize":
                _normalize(document, source, value, problems)
            elif key == "policy_kwargs":
                _policy_kwargs(document, source, value, problems)
            elif key == "env_wrapper" and not isinstance(value, list):
                _move(document, source, names[key], [value] if value else [], problems)
            else:
                _move(document, source, names[key], value, problems)
    return problems


def _move(document: Document, source: KeyPath, target: KeyPath, value: Any, problems: list[Problem]) -> None:
    container: Any = document.data
    for part in target[:-1]:
        container = container.get(part, {})
        if not isinstance(container, dict):  # validation says what is wrong with the section
            document.remove(source)
            return
    if target[-1] in container and source != target:
        both = f"`{source[-1]}` and `{'.'.join(map(str, target))}` are the same setting; keep one"
        problems.append(document.problem(source, both))
        document.remove(source)
        return
    document.move(source, target, value)


def _policy(document: Document, source: KeyPath, value: str, problems: list[Problem]) -> None:
    if value in POLICIES:
        if source == ("policy",):
            document.data["policy"] = {"type": POLICIES[value]}
            document.keys[("policy", "type")] = document.keys[source]
            document.origins[("policy", "type")] = None
        else:
            _move(document, source, ("policy", "type"), POLICIES[value], problems)
            document.origins[("policy", "type")] = None
    else:
        names = ", ".join(POLICIES)
        problems.append(
            document.problem(source, f"unknown policy {value!r}; rlx knows {names}, or `policy: {{type: …}}`")
        )


def _normalize(document: Document, source: KeyPath, value: Any, problems: list[Problem]) -> None:
    """Read rl-zoo's ``normalize: true`` or ``normalize: "{'norm_obs': True, 'norm_reward': False}"``."""
    if isinstance(value, str):
        try:
            value = _literal(ast.parse(value, mode="eval").body)
        except (ValueError, SyntaxError, TypeError):
            value = None
    if isinstance(value, bool):
        value = {"norm_obs": value, "norm_reward": value}
    known = {"norm_obs", "norm_reward"}
    if (
        not isinstance(value, dict)
        or not set(value) <= known
        or not all(isinstance(flag, bool) for flag in value.values())
    ):
        text = "must be true, false, or \"{'norm_obs': …, 'norm_reward': …}\""
        problems.append(document.problem(source, text, at_value=True))
        return
    place, section = document.keys[source], document.data.setdefault("env", {})
    document.remove(source)
    if not isinstance(section, dict):
        return
    for flag, name in (("norm_obs", "normalize_observation"), ("norm_reward", "normalize_reward")):
        if name in section:
            problems.append(
                Problem(document.name, place.line, place.column, "normalize", f"`env.{name}` is given too; keep one")
            )
        section[name] = value.get(flag, True)
        document.keys["env", name] = document.values["env", name] = place
        document.origins["env", name] = None


def _policy_kwargs(document: Document, source: KeyPath, value: Any, problems: list[Problem]) -> None:
    """Read ``policy_kwargs``, as a mapping or as rl-zoo's text ``dict(net_arch=dict(pi=[256], vf=[256]), …)``."""
    try:
        arguments = _literal(ast.parse(value.strip(), mode="eval").body) if isinstance(value, str) else value
    except (ValueError, SyntaxError, TypeError):
        arguments = None
    if not isinstance(arguments, dict):
        problems.append(
            document.problem(source, "must be a mapping or the text `dict(…)` with plain values", at_value=True)
        )
        return
    translated: dict[str, Any] = {}
    for key, argument in arguments.items():
        if key not in POLICY_ARGUMENTS:
            message = f"policy_kwargs has {key!r}, which rlx has no setting for; it knows {', '.join(POLICY_ARGUMENTS)}"
            problems.append(document.problem(source, message))
            continue
        name = POLICY_ARGUMENTS[key]
        if name == "activation":
            argument = ACTIVATIONS.get(str(argument).rpartition(".")[2], argument)  # noqa: PLW2901
        if (
            name == "hidden_sizes"
            and isinstance(argument, list)
            and len(argument) == 1
            and isinstance(argument[0], dict)
        ):
            argument = argument[0]  # noqa: PLW2901 — the list of one that older versions of SB3 wanted
        if name == "hidden_sizes" and isinstance(argument, dict) and set(argument) == {"pi", "vf"}:
            same = argument["pi"] == argument["vf"]
            argument = argument["pi"] if same else {"actor": argument["pi"], "critic": argument["vf"]}  # noqa: PLW2901
        translated[name] = argument
    place = document.keys[source]
    document.remove(source)
    policy = document.data.setdefault("policy", {})
    if not isinstance(policy, dict):
        return
    document.keys.setdefault(("policy",), place)
    for name, argument in translated.items():
        if name in policy:
            problems.append(document.problem(source, f"`policy.{name}` is given too; keep one"))
            continue
        policy[name] = argument
        document.keys[("policy", name)] = place
        document.origins[("policy", name)] = None


def _literal(node: ast.expr) -> Any:
    """Evaluate ``dict(a=1)``, lists, numbers, words and dotted names (as text). Nothing is ever called."""
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return {keyword.arg: _literal(keyword.value) for keyword in keywords if keyword.arg}
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            return {_literal(key): _literal(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case _:
            return ast.literal_eval(node)
