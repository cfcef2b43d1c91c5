"""PPO's row in the registry: all that is known of it before it trains; light, torch comes with the first learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlx.algorithms.ppo.metrics import METRICS
from rlx.algorithms.registry import Engine, EpisodesAtOnce, Export, kinds, register
from rlx.config import Inconsistency, PPOConfig, RunConfig

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor
    from rlx.algorithms.ppo.learner import PPOLearner
    from rlx.envs import Environments


def _engine(config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
    from rlx.algorithms.ppo.engines import choose_engine

    return choose_engine(config, observation_space, action_space)


def _misfit(config: RunConfig, observation_space: Any, action_space: Any) -> Inconsistency | None:
    if config.algo.setting("use_sde") and kinds(observation_space, action_space)[1] != "continuous":
        from rlx.envs import described

        told = f"gSDE is for continuous actions, and this environment has {described(action_space)}; remove it"
        return ("algo", "use_sde"), told
    if config.algo.setting("engine") != "fast":
        return None
    from rlx.algorithms.ppo.coverage import uncovered  # imports torch, which few configs need to be checked

    obstacle = uncovered(config, observation_space, action_space)
    return (
        (("algo", "engine"), f"the fast engine cannot train this run: {obstacle}; set it to auto") if obstacle else None
    )


def _play(actor: Any, env: Environments, normalizer: Any, reset_seeds: Sequence[int]) -> EpisodesAtOnce | None:
    from rlx.algorithms.ppo.playing import play_all

    return play_all(actor, env, normalizer, reset_seeds)


def _acts_compiled(config: RunConfig, observation_space: Any, action_space: Any) -> bool:
    from rlx.algorithms.ppo.coverage import unknown_policy

    return unknown_policy(config, observation_space, action_space) is None


def _actor(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    from rlx.algorithms.ppo.acting import actor_of

    return actor_of(env, policy, seed)


def _export(learner: Any) -> Export:
    from rlx.algorithms.stock import stock_export

    return stock_export(learner.model)


@register(
    "ppo",
    Config=PPOConfig,
    metrics=METRICS,
    observations=("vector", "image", "dict", "discrete", "other"),
    actions=("discrete", "continuous", "multi"),
    family="on-policy",
    engine=_engine,
    misfit=_misfit,
    play=_play,
    actor=_actor,
    acts_compiled=_acts_compiled,
    export=_export,
)
def make_ppo(config: RunConfig, env: Environments, seed: int, device: str) -> PPOLearner:
    """Make an untrained PPO, on the engine that covers the run."""
    from rlx.algorithms.ppo.learner import PPOLearner

    return PPOLearner(config, env, seed, device)
