"""Acting: one pass of both networks over the observations of every environment copy.

The parameters are a copy laid out for few rows; see :func:`rlx.algorithms.ppo.kernels.network.turn`.
"""

from __future__ import annotations

from rlx.algorithms.ppo.kernels.distributions import mode, sample
from rlx.algorithms.ppo.kernels.network import forward
from rlx.compiled import exact


@exact
def values(turned_P, critic, x_ND, layers, values_N):
    """Write the critic's value of each row."""
    values_N[:] = forward(turned_P, critic, x_ND, layers, True)[:, 0]


@exact
def act(turned_P, actor, critic, head, x_ND, noise, work, actions_NA, log_probs_N, values_N):
    """Draw an action per row, and write its log-probability and the row's value."""
    values(turned_P, critic, x_ND, work.critic, values_N)
    begin = max(head.log_std, 0)
    y = forward(turned_P, actor, x_ND, work.actor, True)
    sample(head, turned_P[begin : begin + head.options.size], y, noise, actions_NA, log_probs_N)


@exact
def act_greedily(turned_P, actor, head, x_ND, layers, actions_NA):
    """Choose the most likely action per row."""
    mode(head, forward(turned_P, actor, x_ND, layers, True), actions_NA)
