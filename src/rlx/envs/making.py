"""Environments from a configuration: single ones for evaluation and film, vectorised ones for training."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rlx.config import BUILT_IN_NETWORKS, EnvConfig, RunConfig, load_package
from rlx.envs.observation_wrappers import OwnObservations, StackFrames
from rlx.envs.space_wrappers import fitted
from rlx.envs.surroundings import Surroundings, preserved
from rlx.errors import EnvironmentUnusable, RlxError
from rlx.launch import Call, calling
from rlx.stats import raised

WRAPPERS = ("env", "wrappers")
"""Where the configuration lists wrappers."""
PACKAGES = (
    ("MiniGrid-", "minigrid"), ("BabyAI-", "minigrid"), ("ALE/", "ale_py"), ("Fetch", "gymnasium_robotics"),
    ("AntMaze", "gymnasium_robotics"), ("PointMaze", "gymnasium_robotics"), ("Adroit", "gymnasium_robotics"),
    ("FrankaKitchen", "gymnasium_robotics"), ("Hand", "gymnasium_robotics"), ("Panda", "panda_gym"),
    ("highway-", "highway_env"), ("merge-v", "highway_env"), ("roundabout-", "highway_env"), ("parking-", "highway_env"),
    ("dm_control/", "shimmy"), ("FlappyBird-", "flappy_bird_gymnasium"), ("Meta-World/", "metaworld"),
)  # fmt: skip
"""How ids begin that well-known packages register once they are imported."""
EXTRAS = ("box2d", "mujoco")
"""The extras of Gymnasium that rlx has too."""
_own: dict[Path, dict[str, EnvSpec]] = {}


def own_registrations(root: Path) -> dict[str, EnvSpec]:
    """Import the project's ``envs`` package and return what it registers (also anew, over a built-in), by id.

    Raises:
        ConfigError: Importing the package fails.
    """
    if root not in _own:
        imported_before = "envs" in sys.modules
        before = dict(gym.registry)
        with calling(Call.IMPORT), preserved():
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
    """Make one environment with the configured wrappers, its spaces such as algorithms can work in.

    Args:
        env: What to make; the project's registrations must have been loaded (:func:`own_registrations`).
        render_mode: ``"rgb_array"`` to film it.

    Raises:
        EnvironmentUnusable: It does not exist, or cannot be built; the message says why.
    """
    made = make_wrapped(env, render_mode)
    try:
        return around(made, env)
    except BaseException:
        made.close()
        raise


def make_wrapped(env: EnvConfig, render_mode: str | None = None) -> gym.Env[Any, Any]:
    """Make one environment with the configured wrappers and nothing else; see :func:`make_env`."""
    rendering: dict[str, Any] = {"render_mode": render_mode} if render_mode else {}  # not every one has the parameter
    try:
        arguments = {**{key: value for key, value in env.kwargs.items() if not opens_windows(key, value)}, **rendering}
        with calling(Call.MAKE):
            made: gym.Env[Any, Any] = _owning(gym.make(env.id, disable_env_checker=True, **arguments))
    except RlxError:
        raise
    except gym.error.DependencyNotInstalled as error:
        raise EnvironmentUnusable(f"{env.id} needs {missing_package(error)}") from None
    except gym.error.UnregisteredEnv as error:
        raise EnvironmentUnusable(f"there is no environment {env.id!r}{_nearest(env.id)}") from error
    except ModuleNotFoundError as error:
        package = env.id.partition(":")[0].partition(".")[0]
        if ":" in env.id and importlib.util.find_spec(package) is None:
            cure = f"install it (`pip install {package}`), or mend its name"
            raise EnvironmentUnusable(f"{env.id}: there is no package {package!r} here; {cure}") from None
        raise EnvironmentUnusable(f"{env.id} cannot be made: {raised(error)}") from error
    except Exception as error:
        raise EnvironmentUnusable(f"{env.id} cannot be made: {raised(error)}") from error
    for index, (name, given) in enumerate(wrapper_calls(env)):
        try:
            with calling(Call.MAKE):
                made = _wrapper(name)(made, **given)
        except Exception as error:
            made.close()
            told = (
                str(error) if isinstance(error, RlxError) else f"{name} cannot be put around {env.id}: {raised(error)}"
            )
            raise EnvironmentUnusable(told, (*WRAPPERS, index)) from error
    return made


def missing_package(error: gym.error.DependencyNotInstalled) -> str:
    """Return what to tell where an environment lacks a package: how to install it, by an extra of rlx where there is one."""
    extra = re.search(r"gymnasium\[(\w+)\]", str(error))
    if extra is None or extra[1] not in EXTRAS:
        return f"a package that is not installed: {error}"
    return f'a package that is not installed; `pip install "rlx[{extra[1]}]"`'


def opens_windows(argument: str, value: Any) -> bool:
    """Tell whether an argument of an environment asks for a window to be opened for each copy; none is."""
    return argument == "render_mode" and value == "human"


def around(made: gym.Env[Any, Any], env: EnvConfig) -> gym.Env[Any, Any]:
    """Put around a wrapped environment what a configuration and its spaces need.

    Raises:
        EnvironmentUnusable: Its frames cannot be stacked.
    """
    if env.wrappers or gym.spec(env.id.rpartition(":")[2]).additional_wrappers:
        made = OwnObservations(made)  # wrappers may reuse their memory as well
    made = fitted(made)
    return StackFrames(made, env.frame_stack) if env.frame_stack > 1 else made


def _owning(made: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """Put :class:`OwnObservations` directly around an environment, inside the wrappers that Gymnasium put around it."""
    outer, env = None, made
    while isinstance(env, gym.Wrapper):
        outer, env = env, env.env
    if outer is None:
        return OwnObservations(env)
    outer.env = OwnObservations(env)
    return made


def _wrapper(name: str) -> Any:
    """Import the wrapper class ``module.Class``.

    Raises:
        EnvironmentUnusable: There is none, or it is no wrapper that can be used.
    """
    module, _, attribute = name.rpartition(".")
    try:
        holder = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise EnvironmentUnusable(f"{name}: there is no module {error.name!r}") from None
        raise
    if not hasattr(holder, attribute):
        wrappers = [
            name for name, value in vars(holder).items() if isinstance(value, type) and issubclass(value, gym.Wrapper)
        ]
        guess = difflib.get_close_matches(attribute, wrappers, 1)
        hint = f"; did you mean {module}.{guess[0]}?" if guess else ""
        raise EnvironmentUnusable(f"{module} has no wrapper {attribute!r}{hint}")
    found = getattr(holder, attribute)
    if not (isinstance(found, type) and issubclass(found, gym.Wrapper)):
        raise EnvironmentUnusable(f"{name} is not a Gymnasium wrapper")
    if issubclass(found, gym.wrappers.NormalizeObservation | gym.wrappers.NormalizeReward):
        cure = "use env.normalize_observation and env.normalize_reward, whose statistics travel in the checkpoint"
        raise EnvironmentUnusable(f"{name} keeps statistics that evaluation and resuming would lose; {cure}")
    return found


def _nearest(wanted: str) -> str:
    """Return a hint at environments with a similar name."""

    def stem(name: str) -> str:
        return name.lower().rpartition("-v")[0] or name.lower()

    name = wanted.rpartition(":")[2]
    same = sorted(known for known in gym.registry if stem(known) == stem(name))
    guesses = same[-1:] or difflib.get_close_matches(name, sorted(gym.registry), 3, cutoff=0.5)
    package = next((package for start, package in PACKAGES if name.startswith(start)), None)
    if not same and package and ":" not in wanted:
        return f"; the package {package} registers such: write `{package}:{name}` (after `pip install {package}`)"
    from_package = "" if ":" in wanted else "one that an installed package registers is written `module:ID`"
    if guesses:
        return f"; did you mean {' or '.join(guesses)}?" + f" ({from_package})" * bool(from_package)
    return "; the project's `envs/` package can register it" + f", and {from_package}" * bool(from_package)


def episode_limit(made: gym.Env[Any, Any]) -> int | None:
    """Return the most steps one episode can take (None: no limit is known)."""
    return made.spec.max_episode_steps if made.spec else None


def surroundings_for(config: RunConfig, seed: int) -> Surroundings:
    """Return global generators for a run's environments; Python's too where a learner or network may draw from it."""
    ours = config.policy.type in BUILT_IN_NETWORKS and not config.algo.draws_from_python
    return Surroundings(seed, python=not ours)
