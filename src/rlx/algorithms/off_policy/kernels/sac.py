"""SAC's update (Haarnoja et al. 2018, https://arxiv.org/abs/1812.05905), as Stable-Baselines3 orders it.

With a ~ π(s), a' ~ π(s'), ℓ their log-probabilities and α = e^{log α}:

    L_α = −log α · mean(ℓ + target entropy),
    L_Q = ½ Σ_i mean (Q_i(s, a_replayed) − y)²,   y = r + γ (1 − d) (min Q'_i(s', a') − α ℓ'),
    L_π = mean(α ℓ − min Q_i(s, a)),

each followed by its Adam step; α is that from before its step, the critics in L_π are those from after theirs.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rlx.algorithms.kernels import Optimizer
from rlx.algorithms.kernels.adam import adam_step
from rlx.algorithms.kernels.network import backward, forward, output_gradients
from rlx.algorithms.off_policy.kernels.critics import (
    aim,
    ascend_smaller,
    follow_critics,
    improve,
    judge,
    place,
    refreshed,
)
from rlx.algorithms.off_policy.kernels.replay import sample
from rlx.algorithms.off_policy.kernels.squashed import differentiate_squashed, draw
from rlx.algorithms.off_policy.kernels.targets import fresh
from rlx.launch import exact

Array = np.ndarray[Any, Any]
ACTOR_LOSS, CRITIC_LOSS, ENTROPY_COEF, ENTROPY_LOSS = range(4)
NUMBERS = 4
"""What is added up over gradient steps."""


class Entropy(NamedTuple):
    """The entropy's coefficient: ``log_coef`` (one element) is learned where ``target`` is finite, else fixed."""

    log_coef: Array
    optimizer: Optimizer
    target: float
    learned: bool
    fixed: float


class SACSettings(NamedTuple):
    """Settings of an update; ``target_every`` counts gradient steps from the update's first."""

    gamma: float
    tau: float
    target_every: int


@exact
def weigh(entropy, log_probs_B, t, adam, numbers):
    """Return α; then take its ``t``-th Adam step, if it is learned."""
    if not entropy.learned:
        return np.float32(entropy.fixed)
    log_coef, rows, missing = entropy.log_coef[0], log_probs_B.size, 0.0
    for i in range(rows):
        missing += log_probs_B[i]
    missing = missing / rows + entropy.target
    numbers[ENTROPY_LOSS] -= log_coef * missing
    entropy.optimizer.gradient[0] = np.float32(-missing)
    adam_step(entropy.log_coef, entropy.optimizer, t, adam)
    return np.float32(math.exp(log_coef))


@exact
def climb(actor, critics, batch, z_BA, alpha, t, adam, numbers):
    """Take the actor's ``t``-th Adam step; its actions for the minibatch, and their layers, are as drawn."""
    rows = batch.targets_B.size
    place(critics, batch.observations_BD, actor.actions_BA)
    judge(refreshed(critics), critics)
    loss = -ascend_smaller(critics, -1.0 / rows)
    for i in range(rows):
        loss += alpha * actor.log_probs_B[i]
    numbers[ACTOR_LOSS] += loss / rows
    network, learned = actor.network, actor.learned
    outputs, end = network.widths[-1], rows * network.widths[1:].sum()
    y_BO = actor.layers[end - rows * outputs : end].reshape(rows, outputs)
    d_BO = output_gradients(network, actor.gradients, rows)
    differentiate_squashed(y_BO, z_BA, actor.actions_BA, critics.action_gradients_BA, alpha / np.float32(rows), d_BO)
    backward(learned.values, learned.optimizer.gradient, network, batch.observations_BD, actor.layers, actor.gradients)
    adam_step(learned.values, learned.optimizer, t, adam)


@exact
def update_sac(actor, critics, entropy, batch, replay, statistics, words, rows, noise_K2BA, t, adam, settings, numbers):
    """Take gradient steps, one per element of ``noise_K2BA``: standard normal numbers for the states, and for the next states.

    Args:
        actor, critics, entropy: What is learned.
        batch: Scratch memory of a minibatch.
        replay, statistics, words, rows: What it is drawn from: see :func:`rlx.algorithms.off_policy.kernels.replay.sample`.
        noise_K2BA: Random numbers.
        t: Adam steps taken before, of each.
        adam: Its settings, those of all three.
        settings: Of the update.
        numbers: :data:`NUMBERS` sums, added to.
    """
    network = actor.network
    for step in range(noise_K2BA.shape[0]):
        now_BA, next_BA = noise_K2BA[step, 0], noise_K2BA[step, 1]
        sample(batch, replay, statistics, words, rows)
        p = fresh(actor.learned, network)
        y_BO = forward(p, network, batch.observations_BD, actor.layers)
        draw(y_BO, now_BA, actor.actions_BA, actor.log_probs_B)
        alpha = weigh(entropy, actor.log_probs_B, t + step + 1, adam, numbers)
        numbers[ENTROPY_COEF] += alpha
        next_BO = forward(p, network, batch.next_observations_BD, actor.next_layers)
        draw(next_BO, next_BA, actor.next_actions_BA, actor.next_log_probs_B)
        aim(critics, batch, actor.next_actions_BA, settings.gamma, actor.next_log_probs_B, -np.float64(alpha))
        numbers[CRITIC_LOSS] += 0.5 * improve(critics, batch, t + step + 1, adam, 1.0)
        climb(actor, critics, batch, now_BA, alpha, t + step + 1, adam, numbers)
        if step % settings.target_every == 0:
            follow_critics(critics, settings.tau)
