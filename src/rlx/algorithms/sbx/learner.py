"""SBX's algorithms behind the contract: Stable-Baselines3's loop, and a state of Flax's training states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from rlx.algorithms.learner import State
from rlx.algorithms.sb3.learner import EPSILON, SB3Learner
from rlx.algorithms.sb3.replaying import replay_state, restore
from rlx.algorithms.sbx.acting import SBXActor
from rlx.algorithms.sbx.states import read, written
from rlx.algorithms.sbx.table import TABLE

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor

RATE = "adaptive_lr"
"""Of PPO with `target_kl`, what adapts the step size."""


class SBXLearner(SB3Learner):
    """See :class:`rlx.algorithms.learner.Learner`."""

    table = TABLE

    def boundary(self, seed: int) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.boundary`. The policy has keys of its own, which SBX does not seed."""
        super().boundary(seed)
        policy, model = self.model.policy, self.model
        if hasattr(policy, "noise_key"):
            policy.key, policy.noise_key = jax.random.split(jax.random.fold_in(model.key, 1))

    def state(self) -> State:
        """Return networks with their targets and optimisers, counters and the replay buffer."""
        model = self.model
        policy: dict[str, Any] = {"networks": written(model.policy)}
        if hasattr(model, EPSILON):
            policy[EPSILON] = float(model.exploration_rate)
        state: State = {"policy": policy, "networks": written(model), "counters": self._counters()}
        if hasattr(model, RATE):
            state[RATE] = float(model.adaptive_lr.current_adaptive_lr)
        return state | (replay_state(self._buffer, self._added) if self._buffer is not None else {})

    def load_state(self, state: State) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.load_state`."""
        model = self.model
        read(model.policy, state["policy"]["networks"])
        if hasattr(model, EPSILON):
            model.exploration_rate = self._least = state["policy"][EPSILON]
        read(model, state.get("networks", {}))
        if RATE in state:
            model.adaptive_lr.current_adaptive_lr = state[RATE]
        vars(model).update(state.get("counters", {}))
        if "replay" in state:
            self._added = restore(self._buffer, state)

    def policy(self, seed: int) -> Actor:
        """Return the present policy."""
        return SBXActor(self.model.policy, float(getattr(self.model, EPSILON, 0.0)), seed)
