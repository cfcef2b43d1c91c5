"""Settings that are fine alone and wrong together, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator

import rlx
from rlx.config.document import Inconsistency
from rlx.config.schema import EngineConfig, RunConfig, SeparateSizes, StudyConfig
from rlx.config.training_env import training_mistakes
from rlx.errors import EngineVersionMismatch

VALIDATION_STEP_LIMIT = 100_000
"""Where validation cuts an episode when ``eval.step_limit`` does not say."""
BUILT_IN_NETWORKS = ("mlp", "cnn", "multi_input", "lstm")
"""What ``policy.type`` can be beside a network of the project's own."""
HARDLY = 0.05
"""A policy whose continuous actions are smaller than this share of the largest ones, on average, hardly acts."""


def inconsistencies(config: RunConfig) -> Iterator[Inconsistency]:
    """Yield each inconsistency of ``config`` as the key to look at and what to do about it."""
    algo = config.algo
    yield from algo.inconsistencies(config.env.num_envs)
    yield from training_mistakes(config.env.training, config.env.kwargs)
    if config.eval.every > algo.total_timesteps:
        yield (
            ("eval", "every"),
            f"validation every {config.eval.every} steps never happens within total_timesteps = {algo.total_timesteps}; "
            f"try {max(1, algo.total_timesteps // 10)}",
        )
    if config.seed + config.num_seeds > 2**31:
        yield ("seed",), f"seed + num_seeds must stay below 2147483648; try {2**31 - config.num_seeds - 1}"
    if config.policy.type in BUILT_IN_NETWORKS:
        yield from _network_mistakes(config)


def _network_mistakes(config: RunConfig) -> Iterator[Inconsistency]:
    """Yield what a built-in network of the algorithm cannot be."""
    algo, policy = config.algo, config.policy
    if policy.type not in algo.networks:
        told = f"{algo.name} has no network {policy.type!r}; its own are {', '.join(algo.networks)}"
        yield ("policy", "type"), f"{told}; `lstm` is recurrent_ppo's" if policy.type == "lstm" else told
    for name, value in policy.kwargs.items():
        wanted = algo.policy_arguments.get(name)
        if wanted is None:
            known = ", ".join(algo.policy_arguments)
            cure = f"{algo.name}'s take {known}" if known else "remove them, or name your network in policy.type"
            told = f"{name}: only a network of the project's own takes kwargs, and policy.type is {policy.type!r}"
            yield ("policy", "kwargs"), f"{told}; {cure}"
        elif type(value) is not wanted and not (wanted is float and type(value) is int):
            kind = {int: "a whole number", bool: "true or false", float: "a number"}[wanted]
            yield ("policy", "kwargs"), f"{name} must be {kind}, not {value!r}"
        elif wanted is int and int(str(value)) < 1:
            yield ("policy", "kwargs"), f"{name} must be at least 1, not {value}"
    if isinstance(policy.hidden_sizes, SeparateSizes) and not algo.has_critic:
        yield (
            ("policy", "hidden_sizes"),
            f"{algo.name} has one network, not an actor and a critic; write one list, such as {policy.hidden_sizes.actor}",
        )


def roster_mistakes(study: StudyConfig) -> Iterator[Inconsistency]:
    """Yield what does not fit together in the list of runs, the methods and the baseline."""
    if not study.runs:
        yield ("study",), "study.runs is missing: which runs? (`study: {runs: [baseline, variant]}`)"
    for index, run in enumerate(study.runs):
        if run in study.runs[:index]:
            yield ("study", "runs", index), f"{run} is listed twice; keep one"
    owners: dict[str, str] = {}
    for method, runs in study.methods.items():
        for index, run in enumerate(runs):
            if run not in study.runs:
                yield ("study", "methods", method, index), f"{run!r} is not one of study.runs: {', '.join(study.runs)}"
            if run in owners:
                yield ("study", "methods", method, index), f"{run} belongs to {owners[run]} already; keep one"
            owners[run] = method
    known = list(study.methods) or study.runs
    if study.baseline and study.baseline not in known:
        what = "study.methods" if study.methods else "study.runs"
        yield ("study", "baseline"), f"{study.baseline!r} is not one of {what}: {', '.join(known)}"


def hidden_sizes(config: RunConfig) -> tuple[list[int], list[int]]:
    """Return the widths of the actor's and of the critic's hidden layers."""
    sizes = config.policy.hidden_sizes
    return (sizes.actor, sizes.critic) if isinstance(sizes, SeparateSizes) else (sizes, sizes)


WHAT_A_POLICY_IS = {
    "env": ("normalize_observation", "normalize_reward", "frame_stack"),
    "policy": ("type", "hidden_sizes", "activation", "kwargs"),
}
"""Settings that a training which goes on from another must share with it: the weights and scales it takes over.

Those of the algorithm it says itself (:attr:`rlx.config.AlgorithmConfig.shapes_policy`).
"""


def cannot_go_on(before: RunConfig, after: RunConfig) -> list[str]:
    """Return the settings by which a training cannot take over the policy of another, in words; empty where it can."""
    shaping = {"algo": ("name", *after.algo.shapes_policy), **WHAT_A_POLICY_IS}
    old, new = before.model_dump(), after.model_dump()
    return [
        f"{section}.{key} is {new[section].get(key)} and was {old[section].get(key)}"
        for section, keys in shaping.items()
        for key in keys
        if old[section].get(key) != new[section].get(key)
    ]


CHANGED = "since training 3 and evaluation 2 the fast engine gives the same bits on every processor"
"""What the newest versions of the semantics changed."""


def check_engine(engine: EngineConfig) -> None:
    """Check that the project pins the semantics that this rlx computes.

    Raises:
        EngineVersionMismatch: It pins others; going on would mix results that do not compare.
    """
    pinned = engine.model_dump()
    different = {name: version for name, version in rlx.STAGE_VERSIONS.items() if pinned[name] != version}
    if different:
        facts = "; ".join(
            f"engine.{name} is {pinned[name]} and rlx {rlx.__version__} computes {version}"
            for name, version in different.items()
        )
        cure = " and ".join(f"`engine.{name}: {version}`" for name, version in different.items())
        raise EngineVersionMismatch(
            f"params.yaml: {facts}. Results of different versions do not compare: install the rlx this project was made "
            f"with, or let `rlx upgrade` set {cure}, after which `dvc repro` makes all results anew ({CHANGED})"
        )
