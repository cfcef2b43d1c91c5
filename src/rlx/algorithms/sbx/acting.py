"""Policies of SBX's that act: taken from a training, or built from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from rlx.algorithms.policies import device_for
from rlx.algorithms.sb3.acting import UNUSED, SB3Actor, Spaces
from rlx.algorithms.sb3.building import build
from rlx.algorithms.sbx.states import read
from rlx.algorithms.sbx.table import TABLE
from rlx.envs import Environments, preserved

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor, Array, Observations


class SBXActor(SB3Actor):
    """Draws with a key of its own: the policy's goes on in training as if nobody had asked."""

    def __init__(self, policy: Any, epsilon: float, seed: int):
        super().__init__(policy, epsilon, masked=False)
        self._key = jax.random.PRNGKey(seed)

    def act(
        self,
        observations: Observations,
        memory: Any,
        episode_starts_N: Array,
        masks: Array | None,
        deterministic: bool,
    ) -> tuple[Array, Any]:
        """Return the policy's actions, clipped to the action space as in training."""
        policy = self.policy
        kept = {name: getattr(policy, name) for name in ("key", "noise_key") if hasattr(policy, name)}
        if not kept:
            return super().act(observations, memory, episode_starts_N, masks, deterministic)
        self._key, policy.key = jax.random.split(self._key)
        try:
            if hasattr(policy, "reset_noise"):
                policy.reset_noise()
            return super().act(observations, memory, episode_starts_N, masks, deterministic)
        finally:
            vars(policy).update(kept)


def _model(env: Environments, **given: Any) -> Any:
    config = env.config
    with preserved():
        spaces = Spaces(1, env.observation_space, env.action_space)
        return build(env.root, config, 0, spaces, device_for(config), TABLE[config.algo.name], **given)


def save_stock(env: Environments, state: Mapping[str, Any], target: Path) -> None:
    """Write a learner's state by SBX's own ``save``."""
    model = _model(env)
    read(model.policy, state["policy"]["networks"])
    read(model, state.get("networks", {}))
    vars(model).update(state.get("counters", {}))
    model.save(target)


def actor_of(env: Environments, policy: Mapping[str, Any], seed: int) -> Actor:
    """Build the policy of a checkpoint from the run's configuration, and load its weights."""
    model = _model(env, **(UNUSED if "buffer_size" in type(env.config.algo).model_fields else {}))
    read(model.policy, policy["networks"])
    return SBXActor(model.policy, float(policy.get("exploration_rate", 0.0)), seed)
