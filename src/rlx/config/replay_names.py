"""rl-zoo's keys for what off-policy algorithms have: noise on the actions, and how transitions are replayed.

``noise_type: normal`` with ``noise_std: 0.1`` is ``algo.action_noise: {type: normal, std: 0.1}``; ``replay_buffer_class:
HerReplayBuffer`` with its ``replay_buffer_kwargs: "dict(…)"``, and the keys of rl-zoo's old ``her.yml``, are ``algo.replay``.
"""

from __future__ import annotations

from typing import Any

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import algorithm_name
from rlx.config.document import Document, KeyPath
from rlx.config.moving import give, literal
from rlx.errors import Problem

NOISES = ("normal", "ornstein-uhlenbeck")
GOALS = ("goal_selection_strategy", "n_sampled_goal")
"""Arguments of hindsight replay that are settings of ``algo.replay``."""
AS_EVER: dict[str, tuple[Any, str]] = {
    "online_sampling": (True, "goals are sampled when transitions are replayed, never before"),
    "handle_timeout_termination": (True, "episodes that a time limit cuts are bootstrapped always"),
    "copy_info_dict": (False, "`info` is not handed to compute_reward from the buffer"),
    "optimize_memory_usage": (False, "a buffer kept so cannot hold a segment's end; images are stored once anyway"),
}
"""Arguments of buffers with the value by which rlx does anyway, and the reason why another is refused."""
LENGTH = "max_episode_length"
"""What older versions of hindsight replay had to be told; episodes end by themselves."""
BUFFER, ARGUMENTS, OLD_ARGUMENTS, MODEL = "replay_buffer_class", "replay_buffer_kwargs", "her_kwargs", "model_class"
NOISE = ("noise_type", "noise_std")
REPLAY = (BUFFER, ARGUMENTS, OLD_ARGUMENTS, MODEL, *GOALS, LENGTH, *AS_EVER)


def read_off_policy(
    document: Document, parent: KeyPath, settings: type[AlgorithmConfig], problems: list[Problem]
) -> None:
    """Translate the keys of one section for what the algorithm has; what it has not is left, and told elsewhere."""
    section: Any = document.data
    for part in parent:
        section = section.get(part)
    if "action_noise" in settings.model_fields and any(key in section for key in NOISE):
        _noise(document, parent, section, problems)
    if "replay" in settings.model_fields:
        keys = [key for key in REPLAY if key in section and key not in settings.model_fields]
        if keys:
            _replay(document, parent, {key: section[key] for key in keys}, settings, problems)
        for key in keys:
            document.remove((*parent, key))
        frequency = section.get("train_freq")
        if isinstance(frequency, str):  # YAML has no tuples: (1, "episode")
            try:
                section["train_freq"] = literal(frequency)
            except ValueError:
                return  # which validation says


def _noise(document: Document, parent: KeyPath, section: dict[str, Any], problems: list[Problem]) -> None:
    kind, size = (section.get(key) for key in NOISE)
    here = (*parent, next(key for key in NOISE if key in section))
    if kind is not None and kind not in NOISES:
        told = f"{kind!r} is no noise that rlx has; one of {', '.join(NOISES)}"
        problems.append(document.problem((*parent, "noise_type"), told, at_value=True))
    elif (kind is None) != (size is None):
        given, missing = NOISE if size is None else NOISE[::-1]
        problems.append(document.problem(here, f"`{given}` says nothing without `{missing}`; write both, or neither"))
    elif kind is not None:
        noise = None if size == 0 else {"type": kind, "std": size}
        give(document, here, ("algo", "action_noise"), noise, problems)
        for name, key in (("type", "noise_type"), ("std", "noise_std")):
            for places in (document.keys, document.values):
                places["algo", "action_noise", name] = places[*parent, key]
            document.origins["algo", "action_noise", name] = None
    for key in [key for key in NOISE if key in section]:
        document.remove((*parent, key))


def _replay(
    document: Document,
    parent: KeyPath,
    said: dict[str, Any],
    settings: type[AlgorithmConfig],
    problems: list[Problem],
) -> None:
    arguments: dict[str, Any] = {key: value for key, value in said.items() if key in (*GOALS, *AS_EVER, LENGTH)}
    where: dict[str, KeyPath] = {key: (*parent, key) for key in arguments}
    for key in (ARGUMENTS, OLD_ARGUMENTS):
        try:
            inner = literal(said.get(key)) or {}
        except ValueError:
            inner = None
        if not isinstance(inner, dict):
            told = "must be a mapping or the text `dict(…)` with plain values"
            problems.append(document.problem((*parent, key), told, at_value=True))
            continue
        arguments |= inner
        where |= dict.fromkeys(inner, (*parent, key))
    buffer = str(said.get(BUFFER) or "").rpartition(".")[2]
    if buffer not in ("", "HerReplayBuffer", "ReplayBuffer", "DictReplayBuffer"):
        told = (
            f"rlx has no buffer {buffer!r}; it replays uniformly, or with hindsight: `algo: {{replay: {{type: her}}}}`"
        )
        problems.append(document.problem((*parent, BUFFER), told, at_value=True))
    model = said.get(MODEL)
    if model is not None and str(model).lower() != algorithm_name(settings).removeprefix("sbx_"):
        told = f"this entry is for {model}, and the algorithm is {algorithm_name(settings)}; write `algo: {{name: {model}}}`"
        problems.append(document.problem((*parent, MODEL), told, at_value=True))
    hindsight = buffer == "HerReplayBuffer" or OLD_ARGUMENTS in said or any(key in said for key in (MODEL, *GOALS))
    replay: dict[str, Any] = {"type": "her"}
    for key, value in arguments.items():
        if key in GOALS and hindsight:
            replay[key] = str(value).rpartition(".")[2].lower() if key == GOALS[0] else value
        elif (misfit := _misfit(key, value, hindsight=hindsight)) is not None:
            problems.append(document.problem(where[key], misfit))
    if hindsight:
        here = (*parent, BUFFER if BUFFER in said else next(iter(said)))
        give(document, here, ("algo", "replay"), replay, problems)


def _misfit(key: str, value: Any, *, hindsight: bool) -> str | None:
    """Return why an argument of a buffer cannot be had; None where rlx does as it says."""
    if key in GOALS:
        return f"{key!r} is hindsight replay's; write `{BUFFER}: HerReplayBuffer` beside it" if not hindsight else None
    if key == LENGTH:
        return None
    if key not in AS_EVER:
        return f"rlx has no setting for {key!r} of a replay buffer; it knows {', '.join(GOALS)}"
    usual, reason = AS_EVER[key]
    return None if value in (usual, None) else f"{key}: {value} cannot be had: {reason}; remove it"
