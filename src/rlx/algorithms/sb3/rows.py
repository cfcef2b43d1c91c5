"""The rows of Stable-Baselines3's and sb3-contrib's algorithms: all that is known of them before they train; light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlx.algorithms.engines import FAST
from rlx.algorithms.registry import Engine, EpisodesAtOnce, Export, kinds, register
from rlx.algorithms.sb3.metrics import metrics_of
from rlx.algorithms.sb3.table import ENGINES, HAVE_KERNELS, TABLE
from rlx.config import Inconsistency, RunConfig

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Learner
    from rlx.envs import Environments, Normalizer


def _engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    if config.algo.name in HAVE_KERNELS:
        from rlx.algorithms.off_policy.engines import choose_engine

        return choose_engine(config, observation_space, action_space)
    package = TABLE[config.algo.name].package
    return Engine(ENGINES[package], f"{config.algo.name} is {ENGINES[package]}'s")


def misfit(config: RunConfig, observation_space: Any, action_space: Any) -> Inconsistency | None:
    """Return why a library's algorithm cannot train as configured; None if it can."""
    from gymnasium import spaces

    from rlx.envs import described

    if config.algo.setting("use_sde") and kinds(observation_space, action_space)[1] != "continuous":
        told = f"gSDE is for continuous actions, and this environment has {described(action_space)}; remove it"
        return ("algo", "use_sde"), told
    if config.algo.setting("engine") == FAST:
        from rlx.algorithms.off_policy.coverage import uncovered

        if obstacle := uncovered(config, observation_space, action_space):
            return ("algo", "engine"), f"the fast engine cannot train this run: {obstacle}; set it to auto"
    is_dict = isinstance(observation_space, spaces.Dict)
    replay = config.algo.setting("replay")
    if replay is not None and replay.type == "her":
        keys = set(observation_space.spaces) if is_dict else set()
        if lacking := sorted({"observation", "achieved_goal", "desired_goal"} - keys):
            told = f"hindsight replay needs observations with goals, and {config.env.id} has no {', '.join(lacking)}"
            return ("algo", "replay"), f"{told}; use `replay: {{type: uniform}}`"
        if config.env.vectorization != "sync":
            told = "hindsight replay asks environments for rewards (compute_reward), which only copies in this process tell"
            return ("env", "vectorization"), f"{told}; set it to sync"
    if is_dict and (config.algo.setting("return_steps") or 1) > 1:
        return ("algo", "return_steps"), "Stable-Baselines3 has n-step returns for array observations only; set it to 1"
    return None


def _actor(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    from rlx.algorithms.sb3.acting import actor_of

    return actor_of(env, policy, seed)


def _play(
    actor: Any, env: Environments, normalizer: Normalizer | None, reset_seeds: Sequence[int]
) -> EpisodesAtOnce | None:
    from rlx.algorithms.off_policy.playing import play_all

    return play_all(actor, env, normalizer, reset_seeds)


def _acts_compiled(config: RunConfig, observation_space: Any, action_space: Any) -> bool:
    from rlx.algorithms.off_policy.coverage import unknown_policy

    return unknown_policy(config, observation_space, action_space) is None


def _kernels(name: str) -> Callable[[Callable[[str], None]], None]:
    def prepare(say: Callable[[str], None]) -> None:
        from rlx.algorithms.off_policy.trial import prepare_kernels

        prepare_kernels(name, say)

    return prepare


def _compiled(name: str) -> dict[str, Any]:
    """Return what the row of an algorithm with kernels has beside."""
    if name not in HAVE_KERNELS:
        return {}
    return {"play": _play, "acts_compiled": _acts_compiled, "kernels": _kernels(name)}


def _export(learner: Any) -> Export:
    from rlx.algorithms.stock import stock_export

    return stock_export(learner.model)


def make_stock(config: RunConfig, env: Environments, seed: int, device: str) -> Learner:
    """Make an untrained learner of one of the libraries' algorithms."""
    from rlx.algorithms.sb3.learner import SB3Learner

    return SB3Learner(config, env, seed, device)


for _name, _row in TABLE.items():
    register(
        _name,
        Config=_row.Config,
        metrics=metrics_of(_name),
        observations=_row.observations,
        actions=_row.actions,
        family=_row.family,
        masks=_row.masks,
        engine=_engine,
        misfit=misfit,
        actor=_actor,
        export=_export,
        **_compiled(_name),
    )(make_stock)
