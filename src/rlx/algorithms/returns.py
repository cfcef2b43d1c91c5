"""Discounted sums of rewards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rlx.algorithms.learner import Array


def discounted_returns(
    rewards_TN: Array, gamma: float, ended_TN: Array | None = None, after_N: Array | float = 0.0
) -> Array:
    """Return G_t = r_t + γ G_{t+1} of each step, summed to the end of its episode, or of the rollout.

    Args:
        rewards_TN: Rewards, (T, N) or (T,).
        gamma: Discount factor.
        ended_TN: Whether the episode ended with a step; None: all belong to one.
        after_N: What is to come after the last step, where the episode goes on: 0, or a value function's word.
    """
    returns_TN, following_N = np.zeros_like(rewards_TN), np.broadcast_to(after_N, rewards_TN.shape[1:])
    goes_on_TN = np.ones(len(rewards_TN)) if ended_TN is None else ~ended_TN
    for t in reversed(range(len(rewards_TN))):
        following_N = returns_TN[t] = rewards_TN[t] + gamma * following_N * goes_on_TN[t]
    return returns_TN
