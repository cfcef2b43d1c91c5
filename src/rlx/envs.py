"""Environments from a configuration: single ones for evaluation and film, vectorised ones for training."""

from __future__ import annotations

import difflib
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rlx.config.schema import EnvConfig, RunConfig
from rlx.errors import EnvironmentUnusable, RlxError
from rlx.project import load_package

_own: dict[Path, dict[str, EnvSpec]] = {}


def own_registrations(root: Path) -> dict[str, EnvSpec]:
    """Import the project's ``envs`` package and return what it registers (also anew, over a built-in), by id.

    Raises:
        ConfigError: Importing the package fails.
    """
    if root not in _own:
        imported_before = "envs" in sys.modules
        before = dict(gym.registry)
        load_package(root, "envs")
        _own[root] = {
            name: spec
            for name, spec in gym.registry.items()
            if before.get(name) is not spec or (imported_before and entry_module(spec).partition(".")[0] == "envs")
        }
    return _own[root]


def entry_module(spec: EnvSpec) -> str:
    """Return the module that holds the class behind a registration."""
    entry = spec.entry_point
    return entry.partition(":")[0] if isinstance(entry, str) else str(getattr(entry, "__module__", ""))


def wrapper_calls(env: EnvConfig) -> list[tuple[str, dict[str, Any]]]:
    """Return the configured wrappers as (``module.Class``, arguments), innermost first."""
    return [next(iter(item.items())) if isinstance(item, dict) else (item, {}) for item in env.wrappers]


def make_env(env: EnvConfig, render_mode: str | None = None) -> gym.Env[Any, Any]:
    """Make one environment with the configured wrappers.

    Args:
        env: What to make; the project's registrations must have been loaded (:func:`own_registrations`).
        render_mode: ``"rgb_array"`` to film it.

    Raises:
        EnvironmentUnusable: It does not exist, or cannot be built; the message says why.
    """
    try:
        rendering: dict[str, Any] = (
            {"render_mode": render_mode} if render_mode else {}
        )  # not every environment has the parameter
        made: gym.Env[Any, Any] = _owning(gym.make(env.id, disable_env_checker=True, **rendering, **env.kwargs))
        for name, arguments in wrapper_calls(env):
            made = _wrapper(name)(made, **arguments)
        from rlx.env_wrappers import OwnObservations, StackFrames

        if (
            env.wrappers or gym.spec(env.id.rpartition(":")[2]).additional_wrappers
        ):  # wrappers may reuse their memory as well
            made = OwnObservations(made)
        if env.frame_stack > 1:
            return StackFrames(made, env.frame_stack)
        return made  # noqa: TRY300
    except RlxError:
        raise
    except gym.error.DependencyNotInstalled as error:
        raise EnvironmentUnusable(f"{env.id} needs a package that is not installed: {error}") from None
    except gym.error.UnregisteredEnv as error:
        raise EnvironmentUnusable(f"there is no environment {env.id!r}{_nearest(env.id)}") from error
    except Exception as error:
        raise EnvironmentUnusable(f"{env.id} cannot be made: {type(error).__name__}: {error}") from error


def _owning(made: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """Put :class:`OwnObservations` directly around an environment, inside the wrappers that Gymnasium put around it."""
    from rlx.env_wrappers import OwnObservations

    outer, env = None, made
    while isinstance(env, gym.Wrapper):
        outer, env = env, env.env
    if outer is None:
        return OwnObservations(env)
    outer.env = OwnObservations(env)
    return made


def _wrapper(name: str) -> Any:
    """Import the wrapper class ``module.Class``."""
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, gym.Wrapper)):
        raise EnvironmentUnusable(f"env.wrappers: {name} is not a Gymnasium wrapper")
    if issubclass(found, gym.wrappers.NormalizeObservation | gym.wrappers.NormalizeReward):
        cure = "use env.normalize_observation and env.normalize_reward, whose statistics travel in the checkpoint"
        raise EnvironmentUnusable(
            f"env.wrappers: {name} keeps statistics that evaluation and resuming would lose; {cure}"
        )
    return found


def _nearest(wanted: str) -> str:
    """Return a hint at environments with a similar name."""

    def stem(name: str) -> str:
        return name.lower().rpartition("-v")[0] or name.lower()

    same = sorted(name for name in gym.registry if stem(name) == stem(wanted))
    guesses = same[-1:] or difflib.get_close_matches(wanted, sorted(gym.registry), 3, cutoff=0.5)
    return f"; did you mean {' or '.join(guesses)}?" if guesses else "; the project's `envs/` package can register it"


def episode_limit(made: gym.Env[Any, Any]) -> int | None:
    """Return the most steps one episode can take (None: no limit is known)."""
    return made.spec.max_episode_steps if made.spec else None


@dataclass(frozen=True)
class _Maker:
    """Makes one copy of an environment, in this process or in a spawned one."""

    root: Path
    env: EnvConfig

    def __call__(self) -> gym.Env[Any, Any]:
        own_registrations(self.root)
        return make_env(self.env)


def make_vector_env(root: Path, config: RunConfig, *, fast: bool) -> tuple[Any, Any]:
    """Make the vectorised environment that training steps: copies, episode records, finite checks, normalisation.

    Args:
        root: The project.
        config: The run.
        fast: Whether the fast engine will train in it.

    Returns:
        The Stable-Baselines3 ``VecEnv``, and the object inside it whose ``take()`` gives the episodes that ended.
    """
    makers: list[Any] = [_Maker(root, config.env)] * config.env.num_envs
    if fast:
        made = _fast_vector_env(config, makers)
        return made, made
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

    from rlx.env_wrappers import EpisodeRecorder

    env = config.env
    copies: Any = SubprocVecEnv(makers, start_method="spawn") if env.vectorization == "async" else DummyVecEnv(makers)
    recorder = EpisodeRecorder(copies, env.id)
    if not (env.normalize_observation or env.normalize_reward):
        return recorder, recorder
    normalized = VecNormalize(
        recorder, norm_obs=env.normalize_observation, norm_reward=env.normalize_reward, gamma=config.algo.gamma
    )
    return normalized, recorder


def _fast_vector_env(config: RunConfig, makers: list[Any]) -> Any:
    from rlx.vector_envs import native, sources
    from rlx.vector_envs.training_env import TrainingEnv

    env = config.env
    source: sources.Source
    if env.vectorization == "async":
        source = sources.ProcessSource(makers)
    elif native.is_plain(env) and native.stands_in(env.id):
        source = native.NativeSource(env.id, env.num_envs, config.algo.rollout_steps)
    else:
        source = sources.GymnasiumSource(makers)
    return TrainingEnv(
        source,
        env.id,
        norm_obs=env.normalize_observation,
        norm_reward=env.normalize_reward,
        gamma=config.algo.gamma,
    )
