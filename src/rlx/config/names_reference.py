"""The part of ``docs/configuration.md`` about the names of Stable-Baselines3 and rl-zoo."""

from __future__ import annotations

from collections.abc import Iterator

from rlx.config.algorithm_names import all_settings
from rlx.config.aliases import OF_ENVIRONMENTS
from rlx.config.policy_names import ARGUMENTS, REFUSED
from rlx.config.replay_names import AS_EVER
from rlx.config.unsupported import ALWAYS

NOISY = "action_noise"
INTRODUCTION = """## Names of Stable-Baselines3 and rl-zoo

Understood in `algo`, in `env` and at the top of a file, for the algorithms that the third column names. `algo: SAC` is
`algo: {name: sac}`. Changing the algorithm of a config is a change of that word: a setting that the other has not is refused by
name, with whose it is.
"""
WHOLE_ENTRIES = """
An entry of rl-zoo may be pasted at the top of a config or under `algo:`, with or without its environment's id above it.
A **whole entry** stands under that id, or has both `n_timesteps` and `policy: '…Policy'` at its level: what it leaves
out has the defaults of its library (and one copy of the environment), as where it was tuned. Anything less only renames,
and what is left out has the base's values. `zoo_defaults: true` or `false` in the config says which. Of several entries, such as a
whole file of rl-zoo's with its anchors (`<<: *defaults`), the one for the run's environment counts, else another version's, else
`atari` (for Atari's games) or `default`. `rlx train` says where values come from, and `rlx info` shows the source of each.
"""


def names_section() -> list[str]:
    """Return the lines of the section."""
    lines = [INTRODUCTION, "| theirs | ours | of |", "| --- | --- | --- |"]
    lines += [f"| {theirs} | {ours} | {of} |" for theirs, ours, of in _rows()]
    lines += ["", WHOLE_ENTRIES.strip(), "", "| rl-zoo's or SB3's | why there is no such setting |", "| --- | --- |"]
    lines += [f"| `{theirs}` | {reason} |" for theirs, reason in ALWAYS.items()]
    lines += [f"| `policy_kwargs`: `{theirs}` | {reason} |" for theirs, reason in REFUSED.items()]
    lines += [
        f"| `{theirs}: {'false' if usual else 'true'}` | {reason} |" for theirs, (usual, reason) in AS_EVER.items()
    ]
    return lines


def _rows() -> Iterator[tuple[str, str, str]]:
    """Yield what others call a setting, what rlx does, and for which algorithms."""
    models = all_settings()
    owners: dict[tuple[str, str], list[str]] = {}
    for name, model in models.items():
        for theirs, ours in model.other_names.items():
            if ours in model.model_fields:
                owners.setdefault((theirs, ours), []).append(name)
    for (theirs, ours), names in owners.items():
        yield f"`{theirs}`", f"`algo.{ours}`", _listed(names)
    for theirs, path in OF_ENVIRONMENTS.items():
        yield f"`{theirs}`", f"`{'.'.join(map(str, path))}`", "all"
    normalized = "`env.normalize_observation`, `env.normalize_reward`"
    yield "`normalize: true` (or `\"{'norm_obs': …}\"`)", normalized, "all"
    noisy = _listed([name for name, model in models.items() if NOISY in model.model_fields])
    yield "`noise_type`, `noise_std`", "`algo.action_noise: {type, std}`", noisy
    replaying = _listed([name for name, model in models.items() if "replay" in model.model_fields])
    her = '`replay_buffer_class: HerReplayBuffer`, `replay_buffer_kwargs: "dict(goal_selection_strategy=…, n_sampled_goal=…)"`'
    yield her, "`algo.replay: {type: her, …}`", replaying
    policies: dict[str, list[str]] = {}
    for name, model in models.items():
        for theirs, meaning in model.policy_names.items():
            said = ", ".join(f"`policy.{key}: {value}`" for key, value in meaning.items())
            policies.setdefault(f"`policy: {theirs}`|{said}", []).append(name)
    for row, names in policies.items():
        theirs, _, ours = row.partition("|")
        yield theirs, ours, _listed(names)
    arguments = ", ".join(f"{theirs}=…" for theirs in ARGUMENTS)
    yield (
        f'`policy_kwargs: "dict({arguments})"` (never run as code)',
        "`policy.…`",
        "all, as far as their networks have them",
    )
    kwargs: dict[str, list[str]] = {}
    for name, model in models.items():
        for argument in model.policy_arguments:
            kwargs.setdefault(argument, []).append(name)
    for argument, names in kwargs.items():
        yield f"`policy_kwargs`: `{argument}`", f"`policy.kwargs.{argument}`", _listed(names)


def _listed(names: list[str]) -> str:
    every = [*all_settings()]
    missing = [name for name in every if name not in names]
    if not missing:
        return "all"
    if len(missing) <= 3:
        return f"all but {', '.join(missing)}"
    return ", ".join(names)
