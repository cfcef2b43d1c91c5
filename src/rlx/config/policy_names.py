"""Stable-Baselines3's policies and their arguments, as rl-zoo writes them: ``policy: 'MlpPolicy'``, ``policy_kwargs: "dict(…)"``."""

from __future__ import annotations

from typing import Any

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import algorithm_name, all_settings
from rlx.config.document import Document, KeyPath
from rlx.config.moving import give, literal, move
from rlx.errors import Problem

ARGUMENTS = {
    "ortho_init": "ortho_init",
    "log_std_init": "log_std_init",
    "net_arch": "hidden_sizes",
    "activation_fn": "activation",
}
"""What of `policy_kwargs` is a setting of `policy`, by Stable-Baselines3's name."""
ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "ELU": "elu", "LeakyReLU": "leaky_relu", "SiLU": "silu", "GELU": "gelu"}
NETWORK_CLASSES = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
"""PyTorch's classes of activations, by their names in `policy.activation`."""
OWN_NETWORK = "a network of your own is a class in policies/, named in `policy.type`, its arguments in `policy.kwargs`"
OPTIMIZER = "the optimiser is the one that the library's own policies have (Adam, or of a2c RMSprop)"
RMSPROP = "RMSprop is a setting of a2c itself: `use_rms_prop` and `rms_prop_eps` in `algo`, and Adam without"
REFUSED = {
    "optimizer_class": OPTIMIZER,
    "optimizer_kwargs": OPTIMIZER,
    "features_extractor_class": OWN_NETWORK,
    "features_extractor_kwargs": OWN_NETWORK,
    "normalize_images": "images are scaled by the network always",
}
"""What of `policy_kwargs` has no counterpart, with the reason."""
UNLESS = {"normalize_images": True}
"""Values of those that say what rlx does anyway."""


def read_policy(
    document: Document, source: KeyPath, value: str, settings: type[AlgorithmConfig], problems: list[Problem]
) -> dict[str, Any]:
    """Put what the name of a policy means into ``policy``; return what else it means where nothing else is said."""
    meaning = settings.policy_names.get(value)
    if meaning is None:
        of = [name for name, other in all_settings().items() if value in other.policy_names]
        whose = f"; it is {of[0]}'s: `algo: {{name: {of[0]}}}`" if of else ""
        names = ", ".join(settings.policy_names)
        told = f"unknown policy {value!r}; {algorithm_name(settings)} knows {names}, or `policy: {{type: …}}`{whose}"
        problems.append(document.problem(source, told))
        document.remove(source)  # said once is enough
        return {}
    if source == ("policy",):
        document.data["policy"] = {"type": meaning["type"]}
        document.keys["policy", "type"] = document.keys[source]
    else:
        move(document, source, ("policy", "type"), meaning["type"], problems)
    document.origins["policy", "type"] = None
    return {name: said for name, said in meaning.items() if name != "type"}


def read_arguments(
    document: Document, source: KeyPath, value: Any, settings: type[AlgorithmConfig], problems: list[Problem]
) -> None:
    """Read ``policy_kwargs``, as a mapping or as rl-zoo's text ``dict(net_arch=dict(pi=[256], vf=[256]), …)``."""
    try:
        arguments = literal(value)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        told = "must be a mapping or the text `dict(…)` with plain values"
        problems.append(document.problem(source, told, at_value=True))
        document.remove(source)  # said once is enough
        return
    translated: dict[str, Any] = {}
    kwargs: dict[str, Any] = {}
    for key, argument in arguments.items():
        if key in settings.policy_arguments:
            kwargs[key] = argument
        elif key in ARGUMENTS and _has(settings, key):
            translated[ARGUMENTS[key]] = _argument(key, argument, settings)
        elif key not in UNLESS or argument != UNLESS[key]:
            problems.append(document.problem(source, _refusal(key, settings)))
    if kwargs:
        translated["kwargs"] = kwargs
    for name, argument in translated.items():
        give(document, source, ("policy", name), argument, problems)
    document.data.setdefault("policy", {})
    document.keys.setdefault(("policy",), document.keys[source])
    document.remove(source)


def _has(settings: type[AlgorithmConfig], key: str) -> bool:
    """Tell whether the networks of an algorithm have an argument."""
    learns_from_rollouts = "rollout_steps" in settings.model_fields
    if key == "ortho_init":
        return learns_from_rollouts
    if key == "log_std_init":
        is_jax = algorithm_name(settings).startswith("sbx_")
        return "use_sde" in settings.model_fields and (learns_from_rollouts or not is_jax)
    return True


def _argument(key: str, argument: Any, settings: type[AlgorithmConfig]) -> Any:
    if key == "activation_fn":
        word = str(argument).rpartition(".")[2]
        return ACTIVATIONS.get(word, word if word in NETWORK_CLASSES else argument)
    if key != "net_arch":
        return argument
    if isinstance(argument, list) and len(argument) == 1 and isinstance(argument[0], dict):
        argument = argument[0]  # the list of one that older versions of SB3 wanted
    critic = "vf" if "rollout_steps" in settings.model_fields else "qf"
    if isinstance(argument, dict) and set(argument) <= {"pi", critic}:
        both = [argument.get("pi", []), argument.get(critic, [])]
        return both[0] if both[0] == both[1] else {"actor": both[0], "critic": both[1]}
    return argument


def _refusal(key: str, settings: type[AlgorithmConfig]) -> str:
    if reason := RMSPROP if "use_rms_prop" in settings.model_fields and "optimizer" in key else REFUSED.get(key):
        return f"policy_kwargs has {key!r}, for which rlx has no setting: {reason}; remove it"
    known = [name for name in ARGUMENTS if _has(settings, name)]
    return (
        f"policy_kwargs has {key!r}, which rlx has no setting for with {algorithm_name(settings)}; "
        f"it knows {', '.join([*known, *settings.policy_arguments])}"
    )
