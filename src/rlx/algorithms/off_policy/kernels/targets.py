"""What the updates of DQN, SAC and TD3 share: parameters as products take them, and target networks that follow."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.kernels.network import turn
from rlx.launch import elementwise, exact


@exact
def fresh(learned, network):
    """Return a learned network's parameters as :func:`rlx.algorithms.kernels.network.forward` takes them, brought up to date."""
    if not network.turned:
        return learned.values
    turn(learned.values, network, learned.optimizer.turned)
    return learned.optimizer.turned


@exact
def current(learned, network):
    """Return the same, after :func:`fresh`."""
    return learned.optimizer.turned if network.turned else learned.values


@exact
def still(target, network):
    """Return a target network's parameters as :func:`rlx.algorithms.kernels.network.forward` takes them."""
    return target.turned if network.turned else target.values


@elementwise
def average(values_P, target_P, tau):
    """Compute target := (1 − τ) target + τ values (Polyak averaging, Lillicrap et al. 2016; τ = 1 copies)."""
    kept, taken = np.float32(1.0 - tau), np.float32(tau)
    for i in range(values_P.size):
        target_P[i] = target_P[i] * kept + taken * values_P[i]


@exact
def follow(learned, target, network, tau):
    """Let a target network follow; :func:`still` then returns it as it is now."""
    average(learned.values, target.values, tau)
    if network.turned:
        turn(target.values, network, target.turned)
