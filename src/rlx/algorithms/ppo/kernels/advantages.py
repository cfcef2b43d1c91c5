"""Generalised advantage estimation (Schulman et al. 2016, https://arxiv.org/abs/1506.02438, equation 16).

    δ_t = r_t + γ V(s_{t+1}) − V(s_t),   A_t = δ_t + γ λ A_{t+1},   R_t = A_t + V(s_t),

with V(s_{t+1}) and A_{t+1} taken as 0 where an episode ended after step t.
"""

from __future__ import annotations

import numpy as np

from rlx.launch import exact

ONE = np.float32(1.0)


@exact
def estimate(rollout, last_values_N, last_dones_N, gamma, decay):
    """Write a rollout's advantages and returns.

    ``rollout.starts[t]`` is 1 where an episode began with step t; ``last_*`` belong to the state after the rollout;
    ``decay`` is λ. All arrays are float32.
    """
    steps, copies = rollout.rewards.shape
    discount, trace = np.float32(gamma), np.float32(gamma * decay)
    for i in range(copies):
        advantage = np.float32(0.0)
        goes_on, next_value = ONE - last_dones_N[i], last_values_N[i]
        for t in range(steps - 1, -1, -1):
            delta = rollout.rewards[t, i] + discount * next_value * goes_on - rollout.values[t, i]
            advantage = delta + trace * goes_on * advantage
            rollout.advantages[t, i] = advantage
            rollout.returns[t, i] = advantage + rollout.values[t, i]
            goes_on, next_value = ONE - rollout.starts[t, i], rollout.values[t, i]
