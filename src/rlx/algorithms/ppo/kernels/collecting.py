"""Collecting a rollout: act, step, settle, store; step by step around Python, or all of it where dynamics are compiled."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.ppo.kernels.acting import act, clip_actions, values
from rlx.envs import FINE, advance, settle
from rlx.launch import exact


@exact
def begin_step(t, policy, work, ledger, noise_TW, rollout):
    """Store what step ``t`` starts from, and act on it."""
    arrays = ledger.arrays
    for i in range(arrays.dones_N.size):
        rollout.starts[t, i] = arrays.dones_N[i]
        for j in range(arrays.observations_ND.shape[1]):
            rollout.observations[t, i, j] = arrays.observations_ND[i, j]
    x, actions = rollout.observations[t], rollout.actions[t]
    act(policy, x, noise_TW[t], work, actions, rollout.log_probs[t], rollout.values[t])


@exact
def end_step(t, policy, work, ledger, rollout):
    """Settle and store what came of step ``t``; returns a code of :mod:`rlx.envs.vector_envs.settling`.

    Where a limit cut an episode off, γ V(last state) is added to its last reward (Pardo et al. 2018).
    """
    code, arrays = settle(ledger), ledger.arrays
    for i in range(arrays.dones_N.size):
        rollout.rewards[t, i] = arrays.rewards_N[i]
        if code == FINE and arrays.dones_N[i] and arrays.truncated_N[i]:
            value = np.zeros(1, np.float32)
            values(policy, arrays.final_ND[i : i + 1], work, value)
            rollout.rewards[t, i] += np.float32(ledger.gamma) * value[0]
    return code


@exact
def end_and_begin_step(t, policy, work, ledger, noise_TW, rollout):
    """End step ``t`` and begin the next, if there is one: what Python calls between two steps of its environments."""
    code = end_step(t, policy, work, ledger, rollout)
    if code == FINE and t + 1 < rollout.rewards.shape[0]:
        begin_step(t + 1, policy, work, ledger, noise_TW, rollout)
    return code


@exact
def collect_rollout(policy, work, native, ledger, noise_TW, bounds_2A, rollout):
    """Fill a rollout, apart from advantages and returns, in a compiled environment.

    Args:
        policy, work: The networks, and their scratch memory.
        native: :class:`rlx.envs.vector_envs.dynamics.State`.
        ledger: :class:`rlx.envs.vector_envs.settling.Ledger`; its arrays hold the observations to start from, and
            ``dones_N`` where an episode has just begun.
        noise_TW: Random numbers for each step's actions.
        bounds_2A: Lowest and highest continuous action; actions beyond are clipped (infinite elsewhere).
        rollout: Where to put it.

    Returns:
        The code of :mod:`rlx.envs.vector_envs.settling` at which it stopped, and the steps that each copy took.
    """
    executed = np.empty(rollout.actions.shape[1:], np.float32)
    for t in range(noise_TW.shape[0]):
        begin_step(t, policy, work, ledger, noise_TW, rollout)
        clip_actions(rollout.actions[t], bounds_2A, executed)
        advance(native, ledger.arrays, executed)
        code = end_step(t, policy, work, ledger, rollout)
        if code != FINE:
            return code, t + 1
    return FINE, noise_TW.shape[0]
