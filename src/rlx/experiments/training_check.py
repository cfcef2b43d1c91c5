"""Whether the environments that ``env.training`` asks for can be made, and acted in by the same policy, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rlx.config import TRAINING_PLACE, EnvConfig, Inconsistency
from rlx.errors import RlxError
from rlx.launch import Activity, Call, Failure, calling, doing, run_alone
from rlx.stats import raised

MOST_TRIED = 100
"""Environments that are made for one config."""


def training_problems(root: Path, env: EnvConfig) -> list[Inconsistency]:
    """Return what is wrong with ``env.training``: each a setting, and what to do about it; empty where nothing is.

    The environment is made, reset and stepped once for each stage and case and for both ends of each range, in a process of its own.

    Args:
        root: The project.
        env: The environment, which by itself is known to work.
    """
    if not env.differs_in_training:
        return []
    found: list[Inconsistency] = []
    tried: list[Any] = [TRAINING_PLACE]

    def take(told: Any) -> None:
        if isinstance(told, str):
            return  # about what the environment left behind
        kind, place, message = told
        if kind == "tried":
            tried[0] = place
        else:
            found.append((place, message))

    ended = run_alone(_examine, (root, env), take, step_timeout=env.step_timeout)
    if isinstance(ended, Failure):
        found.append((tried[0], f"{env.id} could not be tried out with it: {ended.message}"))
    return list(dict.fromkeys(found))


def _examine(root: Path, env: EnvConfig, emit: Callable[[Any], None]) -> None:
    """Try the environments out, in the process made for it; tells ``tried`` before each, and ``wrong`` with what is."""
    from rlx.envs import own_registrations

    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what it prints would be read as rlx's
    os.close(silence)
    os.chdir(root)  # where stages run
    with doing(Activity.CHECKING), calling(Call.CHECK):
        own_registrations(root)
        for told in _tried(env):
            emit(told)


def _tried(env: EnvConfig) -> Iterator[tuple[str, Any, str]]:
    from rlx.envs import TrainingKwargs, make_env, misfit, parameters_of, tells_masks

    plan = TrainingKwargs(env.trained, parameters_of(env.task))
    unknown = [*plan.unknown()]
    yield from (("wrong", *each) for each in unknown)
    if unknown:
        return
    task = make_env(env.task)
    seen, acts, masks = task.observation_space, task.action_space, tells_masks(task)
    task.close()
    for _, (place, kwargs) in zip(range(MOST_TRIED), plan.extremes(), strict=False):
        yield "tried", place, ""
        try:
            made = make_env(env.model_copy(update={"kwargs": kwargs}))
            wrong = misfit(made, seen, acts, masks=masks)
            if wrong is None:
                with calling(Call.RESET):
                    made.reset(seed=0)
                with calling(Call.STEP):
                    made.step(_action(made))
            made.close()
        except RlxError as error:
            wrong = str(error)
        except Exception as error:  # noqa: BLE001 — an environment may raise anything
            wrong = raised(error)
        if wrong:
            yield "wrong", place, f"with {_told(env, kwargs)}: {wrong}"


def _action(made: Any) -> Any:
    from rlx.envs import masks_of, sample_allowed

    made.action_space.seed(0)
    return sample_allowed(made.action_space, masks_of(made, 0))


def _told(env: EnvConfig, kwargs: dict[str, Any]) -> str:
    """Return the arguments in which an environment differs from the task."""
    other = {name: value for name, value in kwargs.items() if name not in env.kwargs or env.kwargs[name] != value}
    return ", ".join(f"{name}={value!r}" for name, value in other.items()) or "the arguments of the task"
