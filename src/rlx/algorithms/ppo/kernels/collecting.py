"""A whole rollout in a compiled environment: act, step, settle, store, for every step."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.ppo.kernels.acting import act, values
from rlx.compiled import exact
from rlx.vector_envs.native import advance
from rlx.vector_envs.settling import settle


@exact
def bootstrap(p_P, critic, layers, arrays, gamma, rewards_N):  # type: ignore[no-untyped-def]
    """Add γ V(last state) to the reward of episodes that a limit cut off (Pardo et al. 2018)."""
    value = np.zeros(1, np.float32)
    for i in range(arrays.dones_N.size):
        if arrays.dones_N[i] and arrays.truncated_N[i]:
            values(p_P, critic, arrays.final_ND[i : i + 1], layers, value)
            rewards_N[i] += np.float32(gamma) * value[0]


@exact
def collect(p_P, actor, critic, head, work, native, arrays, statistics, episodes, noise_TW, bounds_2A, gamma, rollout):  # type: ignore[no-untyped-def]
    """Fill a rollout, apart from advantages and returns.

    Args:
        p_P, actor, critic, head, work: The networks.
        native: :class:`rlx.vector_envs.native.State`.
        arrays, statistics, episodes: Of the :class:`rlx.vector_envs.training_env.TrainingEnv`; ``arrays`` holds the
            observations to start from, and ``dones_N`` where an episode has just begun.
        noise_TW: Random numbers for each step's actions.
        bounds_2A: Lowest and highest continuous action; actions beyond are clipped (infinite elsewhere).
        gamma: Discount.
        rollout: Where to put it.

    Returns:
        0, or the code of :mod:`rlx.vector_envs.settling` at which it stopped.
    """
    executed = np.empty(rollout.actions.shape[1:], np.float32)
    for t in range(noise_TW.shape[0]):
        rollout.observations[t] = arrays.observations_ND
        rollout.starts[t] = arrays.dones_N
        actions = rollout.actions[t]
        act(p_P, actor, critic, head, rollout.observations[t], noise_TW[t], work, actions, rollout.log_probs[t], rollout.values[t])
        for i in range(executed.shape[0]):
            for k in range(executed.shape[1]):
                executed[i, k] = min(max(actions[i, k], bounds_2A[0, k]), bounds_2A[1, k])
        advance(native, arrays, executed)
        code = settle(arrays, statistics, episodes, gamma, 1e-8, 10.0)
        if code != 0:
            return code
        rollout.rewards[t] = arrays.rewards_N
        bootstrap(p_P, critic, work.critic, arrays, gamma, rollout.rewards[t])
    return 0
