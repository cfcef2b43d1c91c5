"""PPO behind the contract: one learner, on either engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlx.algorithms.learner import UPDATE_SECONDS, State
from rlx.algorithms.ppo.building import build
from rlx.algorithms.ppo.engines import FAST, choose_engine
from rlx.algorithms.ppo.playing import actor_for
from rlx.config import RunConfig
from rlx.envs import Environments

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor

OPTIMIZER = "policy.optimizer"


class PPOLearner:
    """See :class:`rlx.algorithms.learner.Learner`.

    Attributes:
        model: Stable-Baselines3's algorithm, its own or the fast engine's.
    """

    def __init__(self, config: RunConfig, env: Environments, seed: int, device: str):
        engine = choose_engine(config, env.observation_space, env.action_space)
        venv = env.arrays() if engine.name == FAST else env.vec_env()
        self._env, self._total = env, config.algo.total_timesteps
        self.model = build(env.root, config, seed, venv, device)

    def boundary(self, seed: int) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.boundary`."""
        self.model.begin_segment(seed)

    def advance(self) -> Mapping[str, float]:
        """Collect one rollout and update on it."""
        metrics = self.model.iterate(self._total)
        return {**metrics, UPDATE_SECONDS: self.model.update_seconds}

    def state(self) -> State:
        """Return weights, the optimiser's state and the counters."""
        model = self.model
        return {
            "policy": {"network": model.policy.state_dict()},
            "networks": {OPTIMIZER: model.policy.optimizer.state_dict()},
            "counters": {"num_timesteps": model.num_timesteps, "_n_updates": model._n_updates},
        }

    def load_state(self, state: State) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.load_state`."""
        model = self.model
        model.policy.load_state_dict(state["policy"]["network"])
        if "networks" in state:
            model.policy.optimizer.load_state_dict(state["networks"][OPTIMIZER])
        counters = state.get("counters", {})
        model.num_timesteps = counters.get("num_timesteps", model.num_timesteps)
        model._n_updates = counters.get("_n_updates", model._n_updates)

    def policy(self, seed: int) -> Actor:
        """Return the present policy."""
        self.model.policy.set_training_mode(False)
        return actor_for(self.model.policy, self._env)
