"""TD3's update (Fujimoto et al. 2018, https://arxiv.org/abs/1802.09477), as Stable-Baselines3 orders it.

With the target actor π', a' = π'(s') + clipped noise, cut to [−1, 1]:

    L_Q = Σ_i mean (Q_i(s, a_replayed) − y)²,   y = r + γ (1 − d) min Q'_i(s', a'),

and at every ``delay``-th step L_π = −mean Q_1(s, π(s)), after which the target networks follow.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlx.algorithms.kernels.adam import adam_step
from rlx.algorithms.kernels.network import backward, forward, output_gradients
from rlx.algorithms.off_policy.kernels.critics import aim, ascend, follow_critics, improve, place, refreshed
from rlx.algorithms.off_policy.kernels.replay import sample
from rlx.algorithms.off_policy.kernels.squashed import most_likely
from rlx.algorithms.off_policy.kernels.targets import follow, fresh, still
from rlx.launch import exact

Array = np.ndarray[Any, Any]
ONE = np.float32(1.0)
ACTOR_LOSS, CRITIC_LOSS, ACTOR_STEPS = range(3)
NUMBERS = 3
"""What is added up over gradient steps."""


class TD3Settings(NamedTuple):
    """Settings of an update."""

    gamma: float
    tau: float
    delay: int


@exact
def climb_first(actor, target, critics, batch, t, adam, tau, numbers):
    """Take the actor's ``t``-th Adam step up the first critic, and let all target networks follow."""
    rows, network, learned = batch.targets_B.size, actor.network, actor.learned
    most_likely(forward(fresh(learned, network), network, batch.observations_BD, actor.layers), actor.actions_BA)
    place(critics, batch.observations_BD, actor.actions_BA)
    first_B1 = forward(refreshed(critics), critics.first, critics.inputs_BI, critics.layers1)
    for i in range(rows):
        critics.chosen_B[i] = i
        numbers[ACTOR_LOSS] -= first_B1[i, 0] / rows
    ascend(critics, critics.first, critics.layers1, critics.chosen_B, -1.0 / rows)
    d_BA = output_gradients(network, actor.gradients, rows)
    for i in range(rows):
        for k in range(d_BA.shape[1]):
            action = actor.actions_BA[i, k]
            d_BA[i, k] = critics.action_gradients_BA[i, k] * (ONE - action * action)
    backward(learned.values, learned.optimizer.gradient, network, batch.observations_BD, actor.layers, actor.gradients)
    adam_step(learned.values, learned.optimizer, t, adam)
    follow_critics(critics, tau)
    follow(learned, target, network, tau)
    numbers[ACTOR_STEPS] += 1


@exact
def update_td3(
    actor,
    target,
    critics,
    batch,
    replay,
    statistics,
    words,
    rows,
    noise_KBA,
    updates,
    t,
    actor_t,
    adam,
    settings,
    numbers,
):
    """Take gradient steps, one per element of ``noise_KBA``: what is added to the target actor's actions.

    Args:
        actor, target, critics: What is learned, and the target actor.
        batch: Scratch memory of a minibatch.
        replay, statistics, words, rows: What it is drawn from: see :func:`rlx.algorithms.off_policy.kernels.replay.sample`.
        noise_KBA: The noise, clipped.
        updates: Gradient steps taken before, which the delay counts.
        t, actor_t: Adam steps taken before, of the critics and of the actor.
        adam: Its settings, those of both.
        settings: Of the update.
        numbers: :data:`NUMBERS` sums, added to.
    """
    network = actor.network
    for step in range(noise_KBA.shape[0]):
        sample(batch, replay, statistics, words, rows)
        y_BA = forward(still(target, network), network, batch.next_observations_BD, actor.next_layers)
        most_likely(y_BA, actor.next_actions_BA)
        for i in range(y_BA.shape[0]):
            for k in range(y_BA.shape[1]):
                moved = actor.next_actions_BA[i, k] + noise_KBA[step, i, k]
                actor.next_actions_BA[i, k] = min(max(moved, -ONE), ONE)
        aim(critics, batch, actor.next_actions_BA, settings.gamma, actor.next_log_probs_B, 0.0)
        numbers[CRITIC_LOSS] += improve(critics, batch, t + step + 1, adam, 2.0)
        if (updates + step + 1) % settings.delay == 0:
            climb_first(actor, target, critics, batch, actor_t + 1, adam, settings.tau, numbers)
            actor_t += 1
    return actor_t
