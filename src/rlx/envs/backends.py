"""Where an environment comes from: the rows that make one, many for training, and places for evaluation.

A row is tried in order; the first that fits makes the environment (or the one that ``env.backend`` names). What it makes
must give Gymnasium's own bits, or be asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from rlx.config import EnvConfig, RunConfig
from rlx.envs.changing_env import ChangingEnv
from rlx.envs.making import make_env, own_registrations, surroundings_for
from rlx.envs.places import GymnasiumPlaces, LonePlaces, NativePlaces, Places
from rlx.envs.space_wrappers import PlainSteps
from rlx.envs.surroundings import Surroundings
from rlx.envs.vector_envs import native
from rlx.envs.vector_envs.sources import GymnasiumSource, ProcessSource, Source
from rlx.errors import EnvironmentUnusable
from rlx.launch import close_later
from rlx.stats import nearest

AUTO = "auto"


@dataclass(frozen=True)
class Backend:
    """A row.

    Attributes:
        name: As ``env.backend`` says it.
        what: What it is, in a few words.
        fits: Tells whether it can make an environment.
        in_processes: Whether it can give each copy that training steps a process of its own (``env.vectorization``).
        make_many: Makes the copies that training steps, new episodes beginning by themselves.
        make_places: Makes the places that evaluation plays in; may be given an environment that is there already, which it
            uses or closes.
    """

    name: str
    what: str
    fits: Callable[[EnvConfig], bool]
    in_processes: bool
    make_many: Callable[[Path, RunConfig, Surroundings], Source]
    make_places: Callable[[RunConfig, gym.Env[Any, Any] | None], Places]

    def trains(self, env: EnvConfig) -> bool:
        """Tell whether it makes the copies of a training where they are to be."""
        return self.in_processes or env.vectorization == "sync"


@dataclass(frozen=True)
class Maker:
    """Makes one copy of an environment, in this process or in a spawned one."""

    root: Path
    env: EnvConfig
    plain: bool = True
    total_steps: int = 1

    def __call__(self) -> gym.Env[Any, Any]:
        """Make it; ``plain`` puts a wrapper around that reads what it gives as plain numbers.

        One whose arguments change in training makes itself anew; ``total_steps`` is how long that is.
        """
        own_registrations(self.root)
        made = ChangingEnv(self.env, self.total_steps) if self.env.training.varies else make_env(self.env)
        return PlainSteps(made) if self.plain else made


def makers(root: Path, config: RunConfig, *, plain: bool) -> list[Maker]:
    """Return what makes each copy of a run's environment, as it is trained."""
    return [Maker(root, config.env.trained, plain, config.algo.total_timesteps)] * config.env.num_envs


def _many_native(_: Path, config: RunConfig, __: Surroundings) -> Source:
    copies = config.env.num_envs
    return native.NativeSource(config.env.id, copies, max(1, config.algo.iteration(copies) // copies))


def _native_places(config: RunConfig, made: gym.Env[Any, Any] | None) -> Places:
    if made is not None:
        close_later(made)
    return NativePlaces(config.env.id)


def _many_gymnasium(root: Path, config: RunConfig, surroundings: Surroundings) -> Source:
    if config.env.vectorization != "sync":
        return ProcessSource(makers(root, config, plain=True))
    with surroundings:  # there the source itself reads rewards, without the cost of a wrapper
        return GymnasiumSource(makers(root, config, plain=False))


def _gymnasium_places(config: RunConfig, made: gym.Env[Any, Any] | None) -> Places:
    env, kept = config.env.task, [] if made is None else [made]
    kind = LonePlaces if env.vectorization == "isolated" else GymnasiumPlaces
    return kind(lambda: kept.pop() if kept else make_env(env), surroundings_for(config, 0))


NATIVE = "native"
BACKENDS = (
    Backend(
        NATIVE,
        "compiled dynamics that give Gymnasium's own bits",
        lambda env: native.is_plain(env) and not env.training.varies and native.stands_in(env.id),
        False,
        _many_native,
        _native_places,
    ),
    Backend("gymnasium", "Gymnasium's environments", lambda _: True, True, _many_gymnasium, _gymnasium_places),
)
"""In the order in which they are tried."""


def backend_of(env: EnvConfig, *, many: bool = False) -> Backend:
    """Return where an environment comes from.

    Args:
        env: It.
        many: For training, whose copies may have to be in processes of their own.

    Raises:
        EnvironmentUnusable: ``env.backend`` names none, or one that cannot make it so.
    """
    env = env.trained if many else env.task
    if env.backend != AUTO:
        return _named(env)
    return next(row for row in BACKENDS if row.fits(env) and (row.trains(env) or not many))


def _named(env: EnvConfig) -> Backend:
    row = next((row for row in BACKENDS if row.name == env.backend), None)
    if row is None:
        cure = nearest(env.backend, [AUTO, *(row.name for row in BACKENDS)])
        raise EnvironmentUnusable(f"there is no backend {env.backend!r}; {cure}", ("env", "backend"))
    if not row.trains(env):
        raise EnvironmentUnusable(
            f"the backend {row.name!r} ({row.what}) steps all copies in one process, and env.vectorization is {env.vectorization}; "
            "leave one of the two out",
            ("env", "backend"),
        )
    if not row.fits(env):
        raise EnvironmentUnusable(
            f"{env.id} as it is configured does not come from the backend {row.name!r} ({row.what}); leave env.backend out"
            + (" (env.training has episodes of other arguments)" if env.training.varies else ""),
            ("env", "backend"),
        )
    return row


def places_for(config: RunConfig, made: gym.Env[Any, Any] | None = None) -> Places:
    """Return the places in which episodes of a run's environment are played.

    Args:
        config: The run.
        made: An environment of it that is there already, and is used (and closed) too.
    """
    return backend_of(config.env).make_places(config, made)
