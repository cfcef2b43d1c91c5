"""Acting: one pass of both networks over the observations of every environment copy.

The policy's parameters are a copy laid out for few rows; see :func:`rlx.algorithms.kernels.network.turn`.
"""

from __future__ import annotations

import numpy as np

from rlx.algorithms.kernels.network import forward
from rlx.algorithms.ppo.kernels.distributions import of_head, sample
from rlx.launch import exact


@exact
def values(policy, x_ND, work, values_N):
    """Write the critic's value of each row."""
    v = forward(policy.parameters, policy.critic, x_ND, work.critic)
    for i in range(values_N.size):
        values_N[i] = v[i, 0]


@exact
def act(policy, x_ND, noise, work, actions_NA, log_probs_N, values_N):
    """Draw an action per row, and write its log-probability and the row's value."""
    values(policy, x_ND, work, values_N)
    y = forward(policy.parameters, policy.actor, x_ND, work.actor)
    sample(policy.head, of_head(policy.head, policy.parameters), y, noise, actions_NA, log_probs_N)


@exact
def stretch(actions_NA, bounds_2A):
    """Bring actions within [−1, 1] to the bounds of their environment."""
    for i in range(actions_NA.shape[0]):
        for k in range(actions_NA.shape[1]):
            low, high = bounds_2A[0, k], bounds_2A[1, k]
            actions_NA[i, k] = low + np.float32(0.5) * (actions_NA[i, k] + np.float32(1.0)) * (high - low)


@exact
def clip_actions(actions_NA, bounds_2A, executed_NA):
    """Write actions as the environment takes them: within its bounds (infinite where actions are not continuous)."""
    for i in range(actions_NA.shape[0]):
        for k in range(actions_NA.shape[1]):
            executed_NA[i, k] = min(max(actions_NA[i, k], bounds_2A[0, k]), bounds_2A[1, k])
