"""Acting: one pass of both networks over the observations of every environment copy."""

from __future__ import annotations

from rlx.compiled import exact
from rlx.algorithms.ppo.kernels.distributions import mode, sample
from rlx.algorithms.ppo.kernels.network import forward


@exact
def values(p_P, critic, x_ND, layers, values_N):  # type: ignore[no-untyped-def]
    """Write the critic's value of each row."""
    values_N[:] = forward(p_P, critic, x_ND, layers)[:, 0]


@exact
def act(p_P, actor, critic, head, x_ND, noise, work, actions_NA, log_probs_N, values_N):  # type: ignore[no-untyped-def]
    """Draw an action per row, and write its log-probability and the row's value."""
    values(p_P, critic, x_ND, work.critic, values_N)
    log_std = p_P[max(head.log_std, 0) : max(head.log_std, 0) + head.options.size]
    sample(head, log_std, forward(p_P, actor, x_ND, work.actor), noise, actions_NA, log_probs_N)


@exact
def act_greedily(p_P, actor, head, x_ND, layers, actions_NA):  # type: ignore[no-untyped-def]
    """Choose the most likely action per row."""
    mode(head, forward(p_P, actor, x_ND, layers), actions_NA)
