"""The replay buffer: rows come in as the environment gives them, and minibatches go out as Stable-Baselines3 draws them."""

from __future__ import annotations

import math

import numpy as np

from rlx.algorithms.off_policy.kernels.streams import integers
from rlx.envs import EPSILON, FINE, LIMIT, settle
from rlx.launch import exact

ONE = np.float32(1.0)


@exact
def begin_row(replay, row, arrays):
    """Store what the next step starts from."""
    for i in range(arrays.dones_N.size):
        for j in range(arrays.raw_ND.shape[1]):
            replay.observations_RND[row, i, j] = arrays.raw_ND[i, j]


@exact
def end_row(replay, row, ledger):
    """Settle the step that was taken, and store what came of it; returns a code of :mod:`rlx.envs.vector_envs.settling`.

    Where an episode ended, the next observation is its last one, not the first of the one that has begun; ``timeouts_RN`` marks
    those that a limit ended, whose last state still has a value (Pardo et al. 2018).
    """
    code, arrays = settle(ledger), ledger.arrays
    if code != FINE:
        return code
    for i in range(arrays.dones_N.size):
        done = arrays.dones_N[i]
        for j in range(arrays.raw_ND.shape[1]):
            replay.next_observations_RND[row, i, j] = arrays.raw_final_ND[i, j] if done else arrays.raw_ND[i, j]
        replay.rewards_RN[row, i] = arrays.raw_rewards_N[i]
        replay.dones_RN[row, i], replay.timeouts_RN[row, i] = done, done and arrays.truncated_N[i]
    return code


@exact
def sample(batch, replay, statistics, words, rows):
    """Draw a minibatch from the first ``rows`` rows, and copy it together, normalised as the moments are now."""
    integers(words, rows, batch.rows_B)
    integers(words, replay.rewards_RN.shape[1], batch.copies_B)
    normal = statistics.flags[0]
    for j in range(batch.observations_BD.shape[1]):
        mean, deviation = statistics.mean_D[j], math.sqrt(statistics.var_D[j] + EPSILON)
        for i in range(batch.rows_B.size):
            row, copy = batch.rows_B[i], batch.copies_B[i]
            before, after = replay.observations_RND[row, copy, j], replay.next_observations_RND[row, copy, j]
            if normal:
                batch.observations_BD[i, j] = min(max((before - mean) / deviation, -LIMIT), LIMIT)
                batch.next_observations_BD[i, j] = min(max((after - mean) / deviation, -LIMIT), LIMIT)
            else:
                batch.observations_BD[i, j], batch.next_observations_BD[i, j] = before, after
    spread = math.sqrt(statistics.return_var[0] + EPSILON)
    for i in range(batch.rows_B.size):
        row, copy = batch.rows_B[i], batch.copies_B[i]
        for k in range(batch.actions_BA.shape[1]):
            batch.actions_BA[i, k] = replay.actions_RNA[row, copy, k]
        reward = replay.rewards_RN[row, copy]
        batch.rewards_B[i] = min(max(reward / spread, -LIMIT), LIMIT) if statistics.flags[1] else reward
        batch.continues_B[i] = ONE - replay.dones_RN[row, copy] * (ONE - replay.timeouts_RN[row, copy])
