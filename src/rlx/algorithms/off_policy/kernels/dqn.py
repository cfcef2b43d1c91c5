"""DQN (Mnih et al. 2015, https://doi.org/10.1038/nature14236): its update, and the whole of it around a compiled environment.

With targets y = r + γ (1 − d) max_a Q'(s', a) of the target network Q', and the Huber loss h,

    L = 1/B Σ h(Q(s, a) − y),   h(x) = x²/2 where |x| < 1, else |x| − ½,   h'(x) = x cut to [−1, 1].

d is 1 where an episode came to an end of its own, not where a limit cut it off.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlx.algorithms.kernels import AdamSettings
from rlx.algorithms.kernels.adam import adam_step
from rlx.algorithms.kernels.network import backward, forward, output_gradients
from rlx.algorithms.off_policy.kernels.replay import begin_row, end_row, sample
from rlx.algorithms.off_policy.kernels.streams import uniform
from rlx.algorithms.off_policy.kernels.targets import current, follow, fresh, still
from rlx.envs import FINE, advance
from rlx.launch import exact

Array = np.ndarray[Any, Any]
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
STEPS, ROW, FULL, ADAM_STEPS, CALLS, FREE = range(6)
COUNTERS = 6
"""Environment steps, the next row and whether the buffer is full, Adam steps, steps of all copies, random actions taken."""


class Pace(NamedTuple):
    """How DQN's work follows on the environment's: Stable-Baselines3's settings.

    ``target_every`` counts steps of all copies together; ``gradient_steps`` is not negative.
    """

    train_freq: int
    gradient_steps: int
    learning_starts: int
    target_every: int
    tau: float
    gamma: float


class Ahead(NamedTuple):
    """What a run of steps needs, known ahead: the exploration rate of each step, the learning rate of each update, random actions."""

    epsilons_T: Array
    learning_rates_U: Array
    free_actions: Array


@exact
def huber(q_BO, batch, d_BO):
    """Write the gradient of the loss by the values of all actions; returns the loss."""
    rows, total = q_BO.shape[0], 0.0
    for i in range(rows):
        action = np.int64(batch.actions_BA[i, 0])
        error = q_BO[i, action] - batch.targets_B[i]
        size = abs(error)
        total += HALF * error * error if size < ONE else size - HALF
        for j in range(q_BO.shape[1]):
            d_BO[i, j] = ZERO
        d_BO[i, action] = min(max(error, -ONE), ONE) / np.float32(rows)
    return total / rows


@exact
def update(q, batch, replay, statistics, words, rows, t, steps, adam, gamma):
    """Take gradient steps on minibatches of the first ``rows`` rows; ``t`` Adam steps went before. Returns the sum of their losses."""
    network, total = q.network, 0.0
    for step in range(steps):
        sample(batch, replay, statistics, words, rows)
        after_BO = forward(still(q.target, network), network, batch.next_observations_BD, q.layers)
        for i in range(after_BO.shape[0]):
            best = after_BO[i, 0]
            for j in range(1, after_BO.shape[1]):
                best = max(best, after_BO[i, j])
            batch.targets_B[i] = batch.rewards_B[i] + batch.continues_B[i] * np.float32(gamma) * best
        q_BO = forward(fresh(q.learned, network), network, batch.observations_BD, q.layers)
        d_BO = output_gradients(network, q.gradients, q_BO.shape[0])
        total += huber(q_BO, batch, d_BO)
        learned = q.learned
        backward(learned.values, learned.optimizer.gradient, network, batch.observations_BD, q.layers, q.gradients)
        adam_step(learned.values, learned.optimizer, t + step + 1, adam)
    return total


@exact
def choose_best(q, observations_ND, actions_NA):
    """Choose the action of the highest value, after :func:`rlx.algorithms.off_policy.kernels.targets.fresh`."""
    q_NO = forward(current(q.learned, q.network), q.network, observations_ND, q.acting_layers)
    for i in range(q_NO.shape[0]):
        best = 0
        for j in range(1, q_NO.shape[1]):
            if q_NO[i, j] > q_NO[i, best]:
                best = j
        actions_NA[i, 0] = best


@exact
def after_step(q, calls, pace):
    """Let the target network follow where it is time; ``calls`` steps of all copies have been taken."""
    if calls % pace.target_every == 0:
        follow(q.learned, q.target, q.network, pace.tau)


@exact
def collect(q, replay, native, ledger, words, pace, ahead, counters, first, actions_NA):
    """Take one rollout in a compiled environment, its steps counted from ``first`` in ``ahead``; returns a code of settling."""
    copies = actions_NA.shape[0]
    fresh(q.learned, q.network)
    for t in range(first, first + pace.train_freq):
        row = counters[ROW]
        begin_row(replay, row, ledger.arrays)
        if counters[STEPS] < pace.learning_starts or uniform(words) < ahead.epsilons_T[t]:
            for i in range(copies):
                actions_NA[i, 0] = ahead.free_actions[counters[FREE] + i]
            counters[FREE] += copies
        else:
            choose_best(q, ledger.arrays.observations_ND, actions_NA)
        for i in range(copies):
            replay.actions_RNA[row, i, 0] = actions_NA[i, 0]
        advance(native, ledger.arrays, actions_NA)
        code = end_row(replay, row, ledger)
        counters[STEPS] += copies
        if code != FINE:
            return code
        counters[ROW] += 1
        if counters[ROW] == replay.rewards_RN.shape[0]:
            counters[ROW], counters[FULL] = 0, 1
        counters[CALLS] += 1
        after_step(q, counters[CALLS], pace)
    return FINE


@exact
def learn(q, batch, replay, native, ledger, words, pace, ahead, adam, counters):
    """Take rollouts and their updates, one per learning rate of ``ahead``, in a compiled environment.

    Returns:
        The code of :mod:`rlx.envs.vector_envs.settling` at which it stopped, and the sum of all gradient steps' losses.
    """
    total, actions_NA = 0.0, np.empty(replay.actions_RNA.shape[1:], np.float32)
    for k in range(ahead.learning_rates_U.size):
        code = collect(q, replay, native, ledger, words, pace, ahead, counters, k * pace.train_freq, actions_NA)
        if code != FINE:
            return code, total
        if counters[STEPS] > pace.learning_starts and pace.gradient_steps > 0:
            rows = replay.rewards_RN.shape[0] if counters[FULL] else counters[ROW]
            now = AdamSettings(ahead.learning_rates_U[k], adam.beta1, adam.beta2, adam.epsilon, adam.max_grad_norm)
            total += update(
                q, batch, replay, ledger.statistics, words, rows, counters[ADAM_STEPS], pace.gradient_steps, now,
                pace.gamma,
            )  # fmt: skip
            counters[ADAM_STEPS] += pace.gradient_steps
    return FINE, total
