"""What on-policy learners keep of their steps, a rollout of T steps, and its advantages; axes and dtypes as in :mod:`rlx.algorithms.replay`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rlx.algorithms.columns import as_columns, columns_of, from_columns, true_next
from rlx.algorithms.learner import Observations
from rlx.algorithms.returns import discounted_returns

if TYPE_CHECKING:
    from rlx.algorithms.learner import Array
    from rlx.envs import Environments, Step


class Rollout:
    """T steps of all copies, in the order in which they were taken; filled by :meth:`add`, used up by one update.

    Attributes:
        observations: (T, N, …), or a dict of such; before each step.
        actions: (T, N, …) as the policy chose them.
        rewards_TN: ``float32``.
        next_observations: As ``observations``: after each step, the last one of an episode that ended.
        terminated_TN: Whether the episode came to an end of its own.
        truncated_TN: Whether a time limit cut it.
    """

    def __init__(self, env: Environments, steps: int):
        """Make room for T steps of environments."""
        seen, num_envs = columns_of("observations", env.observation_space), env.num_envs
        kinds = seen | columns_of("actions", env.action_space) | {f"next_{name}": kind for name, kind in seen.items()}
        self._columns = {name: np.zeros((steps, num_envs, *shape), dtype) for name, (shape, dtype) in kinds.items()}
        self.rewards_TN = np.zeros((steps, num_envs), np.float32)
        self.terminated_TN, self.truncated_TN = (np.zeros((steps, num_envs), np.bool_) for _ in range(2))
        self.observations, self.next_observations = (
            from_columns(name, self._columns) for name in ("observations", "next_observations")
        )
        self.actions: Array = self._columns["actions"]
        self._env, self._taken = env, 0

    @property
    def ended_TN(self) -> Array:
        """Whether the episode ended, either way."""
        return np.asarray(self.terminated_TN | self.truncated_TN)

    def add(self, observations: Observations, actions_N: Array, step: Step) -> None:
        """Keep what a step of all copies gave; after T steps it begins again."""
        t = self._taken % len(self.rewards_TN)
        given = {**as_columns("observations", observations), "actions": np.asarray(actions_N)}
        for name, column in {**given, **as_columns("next_observations", true_next(step))}.items():
            self._columns[name][t] = column.reshape(self._columns[name].shape[1:])
        self.rewards_TN[t], self.terminated_TN[t], self.truncated_TN[t] = (
            step.rewards_N,
            step.terminated_N,
            step.truncated_N,
        )
        self._taken += 1

    def play(self, observations: Observations, choose: Callable[[Observations], Array]) -> Observations:
        """Take T steps in all copies; return what they show then.

        Args:
            observations: What they show now.
            choose: Gives an action for each row of observations.
        """
        for _ in range(len(self.rewards_TN)):
            actions_N = choose(observations)
            step = self._env.step(actions_N)
            self.add(observations, actions_N, step)
            observations = step.observations
        return observations

    def returns(self, gamma: float) -> Array:
        """Return the discounted sum of rewards of each step, (T, N), to the end of its episode, or of the rollout."""
        return discounted_returns(self.rewards_TN, gamma, self.ended_TN)


def advantages(rollout: Rollout, values_TN: Array, next_values_TN: Array, gamma: float, gae_lambda: float) -> Array:
    """Return generalised advantage estimates, (T, N) (Schulman et al. 2016, https://arxiv.org/abs/1506.02438, eq. 16).

    δ_t = r_t + γ V(s_{t+1}) − V(s_t), without V(s_{t+1}) after a termination; A_t = δ_t + γλ A_{t+1} within the episode.

    Args:
        rollout: The steps.
        values_TN: V of ``rollout.observations``.
        next_values_TN: V of ``rollout.next_observations``.
        gamma: Discount factor.
        gae_lambda: λ. (Usually 0.9–1.)
    """
    errors_TN = rollout.rewards_TN + gamma * next_values_TN * ~rollout.terminated_TN - values_TN
    return discounted_returns(errors_TN, gamma * gae_lambda, rollout.ended_TN)
