"""From config files to a snapshot: compose, check against the environment and network, and hash the project's code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.config.checks import boundary_interval
from rlx.config.composition import Composed, compose_run, read_parameters
from rlx.config.document import KeyPath
from rlx.config.schema import EnvConfig, RunConfig
from rlx.config.settings import as_setting
from rlx.config.snapshot import ProjectCode, Snapshot, read_snapshot
from rlx.diagnosis.diagnosing import diagnose
from rlx.diagnosis.record import RunRecord, Task
from rlx.envs import entry_module, episode_limit, make_env, own_registrations, wrapper_calls
from rlx.errors import EnvironmentUnusable, PolicyUnusable, RlxError
from rlx.policies import check_arguments, own_modules
from rlx.project_code import hashes_of
from rlx.task_probe import task_of

TRAINABLE = spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary | spaces.Box


@dataclass(frozen=True)
class Resolved:
    """A run ready to train, and what its owner should know."""

    snapshot: Snapshot
    notices: tuple[str, ...]


def resolve_run(root: Path, run: str, configs_from: Path | None = None) -> Resolved:
    """Compose, check and snapshot ``configs/<run>.yaml`` of the project at ``root``.

    Args:
        root: The project.
        run: The run's name.
        configs_from: A folder with other ``params.yaml`` and ``configs/`` than the project's.

    Raises:
        ConfigError: Anything is wrong with it; the message names file, line and cure.
    """
    composed = compose_run(configs_from or root, run)
    config = composed.config
    own_registrations(root)
    made = _made(composed)
    try:
        _check_spelling(root, composed, made)
        misfits = [*_misfits(config, made.observation_space, made.action_space), *_engine_misfits(config, made)]
        problems = [composed.problem(*found) for found in misfits]
        if problems:
            raise EnvironmentUnusable(problems)
        limit, task = episode_limit(made), _task(made)
    finally:
        made.close()
    try:
        network_modules = own_modules(root, config.policy.type)
    except PolicyUnusable as error:
        raise PolicyUnusable([composed.problem(("policy", "type"), str(error))]) from None
    try:
        check_arguments(root, config)
    except PolicyUnusable as error:
        raise PolicyUnusable([composed.problem(("policy", "kwargs"), str(error))]) from None
    modules, registration = _environment_code(root, config.env)
    known = _known_hashes(root, run) if modules or network_modules else {}
    code = ProjectCode(hashes_of(root, [*modules, *network_modules], known), registration)
    notices = (*_notices(config, limit), *_smells(run, config, task))
    return Resolved(Snapshot(config, code), notices)


def _known_hashes(root: Path, run: str) -> dict[str, set[str]]:
    """Return the hashes of code in the snapshots of a run and the study, so that equal code keeps its hash.

    Older versions hashed bytes. Were such a hash written anew, the run would train again for nothing, and runs whose
    environment is the same could not be compared.
    """
    found: dict[str, set[str]] = {}
    for name in dict.fromkeys([run, *read_parameters(root).study.runs]):
        try:
            files = read_snapshot(root / "runs" / name / "config_snapshot.yaml").code.files
        except RlxError:
            continue
        for path, digest in files.items():
            found.setdefault(path, set()).add(str(digest))
    return found


def _task(made: gym.Env[Any, Any]) -> Task | None:
    """Return what is known of the environment; None where its own code fails, which training will tell better."""
    try:
        return task_of(made)
    except Exception:  # noqa: BLE001 — an environment may raise anything
        return None


def _smells(run: str, config: RunConfig, task: Task | None) -> Iterator[str]:
    """Yield what the diagnosis finds in the configuration before anything is trained."""
    found = diagnose(RunRecord(run, config, "resolved", (), task=task, seeds_wanted=config.num_seeds))
    for finding in found.findings:
        settings = " ".join(
            f"-S {as_setting(key, value)}" for s in finding.suggestions[:1] for key, value in s.overrides.items()
        )
        yield f"{finding.severity}: {finding.what}" + (f" Try `{settings}`." if settings else "")


def _made(composed: Composed) -> gym.Env[Any, Any]:
    try:
        return make_env(composed.config.env)
    except EnvironmentUnusable as error:
        raise EnvironmentUnusable([composed.problem(("env", "id"), str(error))]) from None


def _check_spelling(root: Path, composed: Composed, made: gym.Env[Any, Any]) -> None:
    """Refuse ids that Gymnasium understands but that hide which registration, and so which code, is meant."""
    written = composed.config.env.id
    module, _, name = written.rpartition(":")
    problem = None
    if name not in gym.registry:
        problem = f"write the id in full, with its version: {made.spec.id if made.spec else name}"
    elif module and hashes_of(root, [module]):
        problem = f"register {name} in envs/__init__.py and write `{name}`, so that edits of {module} are noticed"
    if problem:
        raise EnvironmentUnusable([composed.problem(("env", "id"), problem)])


def _misfits(config: RunConfig, observation: gym.Space[Any], action: gym.Space[Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield why PPO, as configured, cannot train in these spaces."""
    cure = "convert it in a wrapper (env.wrappers)"
    if not isinstance(action, TRAINABLE):
        yield ("env", "id"), f"PPO cannot act in {action}: Discrete, MultiDiscrete, MultiBinary and Box work; {cure}"
    elif isinstance(action, spaces.Box) and not np.issubdtype(np.dtype(action.dtype), np.floating):
        yield ("env", "id"), f"PPO's continuous actions are real numbers, and {action} is not; {cure}"
    elif isinstance(action, spaces.Box) and not (np.isfinite(action.low).all() and np.isfinite(action.high).all()):
        yield ("env", "id"), f"PPO needs bounds for continuous actions, and {action} has none; {cure}"
    elif isinstance(action, spaces.Discrete) and action.start != 0:
        yield ("env", "id"), f"PPO's discrete actions count from 0, and {action} from {action.start}; {cure}"
    elif isinstance(action, spaces.MultiBinary | spaces.MultiDiscrete) and len(action.shape) != 1:
        yield ("env", "id"), f"PPO needs a flat list of choices, and {action} has shape {action.shape}; {cure}"
    elif config.algo.use_sde and not isinstance(action, spaces.Box):
        yield ("algo", "use_sde"), f"gSDE is for continuous actions, and this environment has {action}; remove it"
    members = list(observation.spaces.values()) if isinstance(observation, spaces.Dict) else [observation]
    for member in members:
        if not isinstance(member, TRAINABLE):
            yield ("env", "id"), f"the networks cannot read observations from {member}; {cure}"
    if config.env.normalize_observation and not all(isinstance(member, spaces.Box) for member in members):
        yield (
            ("env", "normalize_observation"),
            f"only array observations can be normalised, not {observation}; set it to false",
        )
    images = [m for m in members if isinstance(m, spaces.Box) and len(m.shape) == 3 and m.dtype == np.uint8]
    if images and config.env.normalize_observation:
        yield ("env", "normalize_observation"), "images are scaled by the network itself; set it to false"
    if config.policy.type == "cnn" and images and min(sorted(images[0].shape)[1:]) < 36:
        yield ("policy", "type"), f"the cnn needs images of at least 36 × 36, not {images[0].shape}; use `mlp`"
    if config.policy.type == "cnn" and not any(isinstance(m, spaces.Box) and len(m.shape) == 3 for m in members):
        yield ("policy", "type"), f"a cnn reads images (height × width × channels), not {observation}; use `mlp`"


def _engine_misfits(config: RunConfig, made: gym.Env[Any, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield why the engine that a config insists on cannot train it."""
    if config.algo.engine == "fast":
        from rlx.algorithms.ppo.coverage import uncovered  # imports torch, which few configs need to be checked

        if obstacle := uncovered(config, made.observation_space, made.action_space):
            yield ("algo", "engine"), f"the fast engine cannot train this run: {obstacle}; set it to auto"


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


def _notices(config: RunConfig, limit: int | None) -> Iterator[str]:
    """Yield what rlx does differently from what a reader of the config may expect."""
    rollout = config.algo.rollout_steps * config.env.num_envs
    used, asked = boundary_interval(config, limit), config.checkpoint.save_every
    if used > asked + rollout:
        yield (
            f"checkpoints every {used} steps instead of checkpoint.save_every = {asked}: training starts new episodes at each "
            f"checkpoint, so they stay 5 episode limits ({limit} steps) of {config.env.num_envs} environments apart"
        )
    total = config.algo.total_timesteps
    if total % rollout:
        yield f"trains {-(-total // rollout) * rollout} steps: total_timesteps = {total} rounded up to whole rollouts of {rollout}"
    if limit is None:
        yield f"{config.env.id} sets no limit to an episode; held-out episodes are cut at final_eval.step_limit"
