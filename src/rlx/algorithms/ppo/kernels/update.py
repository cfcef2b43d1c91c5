"""PPO's update (Schulman et al. 2017, https://arxiv.org/abs/1707.06347), one pass over a rollout.

On each minibatch, with ratio r = exp(ℓ − ℓ_old) and normalised advantages A,

    L = −mean min(r A, clip(r, 1 − c, 1 + c) A) − c_H mean H + c_V mean (R − V)²,

where V may be clipped to V_old ± c_V'. The derivative by ℓ is −A r / B where the unclipped term is the smaller one, 0
elsewhere. The KL divergence is estimated as mean (r − 1) − log r (J. Schulman, "Approximating KL divergence", 2020).
"""

from __future__ import annotations

import math

import numpy as np

from rlx.algorithms.kernels import adam
from rlx.algorithms.kernels.network import backward, forward, output_gradients, turn
from rlx.algorithms.ppo.kernels.distributions import differentiate, evaluate, of_head
from rlx.launch import elementwise, exact

ZERO, ONE, TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
POLICY_LOSS, ENTROPY_LOSS, VALUE_LOSS, KL, CLIP_FRACTION, GRADIENT_NORM = range(6)
NUMBERS = 6
"""What is reported of each minibatch."""


@elementwise
def normalize(a_B):
    """Compute a := (a − mean)/(standard deviation + 10⁻⁸), with n − 1 in the variance."""
    mean, spread = 0.0, 0.0
    for i in range(a_B.size):
        mean += a_B[i]
    mean /= a_B.size
    for i in range(a_B.size):
        spread += (a_B[i] - mean) ** 2
    deviation = np.float32(math.sqrt(spread / (a_B.size - 1))) + np.float32(1e-8)
    for i in range(a_B.size):
        a_B[i] = (a_B[i] - np.float32(mean)) / deviation


@elementwise
def surrogate(log_probs_B, entropies_B, old_B, advantages_B, settings, numbers):
    """Report the policy's part of the loss; ``log_probs_B`` become its derivatives by ℓ."""
    rows = log_probs_B.size
    clip, share = np.float32(settings.clip_range), ONE / np.float32(rows)
    objective, entropy, kl, clipped = 0.0, 0.0, 0.0, 0
    for i in range(rows):
        log_ratio = log_probs_B[i] - old_B[i]
        ratio = np.float32(math.exp(log_ratio))
        free = advantages_B[i] * ratio
        bound = advantages_B[i] * min(max(ratio, ONE - clip), ONE + clip)
        objective += min(free, bound)
        entropy += entropies_B[i]
        kl += (ratio - ONE) - log_ratio
        clipped += abs(ratio - ONE) > clip
        log_probs_B[i] = -free * share if free <= bound else ZERO
    numbers[POLICY_LOSS], numbers[ENTROPY_LOSS] = -objective / rows, -entropy / rows
    numbers[KL], numbers[CLIP_FRACTION] = kl / rows, clipped / rows


@elementwise
def value_loss(values_B1, old_B, returns_B, settings, d_B1, numbers):
    """Report the critic's loss, and write its gradient by the values."""
    rows = values_B1.shape[0]
    clip, weight = np.float32(settings.clip_range_vf), np.float32(settings.value_coef) * TWO / np.float32(rows)
    total = 0.0
    for i in range(rows):
        moved = values_B1[i, 0] - old_B[i]
        inside = clip < ZERO or abs(moved) <= clip
        value = values_B1[i, 0] if inside else old_B[i] + min(max(moved, -clip), clip)
        error = value - returns_B[i]
        total += error * error
        d_B1[i, 0] = weight * error if inside else ZERO
    numbers[VALUE_LOSS] = total / rows


@exact
def gather(rollout, order, batch):
    """Copy the samples of a minibatch together; ``order`` counts them copy by copy, as SB3 flattens a rollout."""
    steps = rollout.rewards.shape[0]
    for i in range(order.size):
        copy, t = order[i] // steps, order[i] % steps
        for j in range(batch.observations.shape[1]):
            batch.observations[i, j] = rollout.observations[t, copy, j]
        for j in range(batch.actions.shape[1]):
            batch.actions[i, j] = rollout.actions[t, copy, j]
        batch.log_probs[i], batch.values[i] = rollout.log_probs[t, copy], rollout.values[t, copy]
        batch.advantages[i], batch.returns[i] = rollout.advantages[t, copy], rollout.returns[t, copy]


@exact
def losses(policy, optimizer, batch, work, rows, settings, numbers):
    """Report a minibatch's losses; writes the loss's gradient by both networks' outputs, and by log σ."""
    actor, critic, head = policy.actor, policy.critic, policy.head
    x, advantages = batch.observations[:rows], batch.advantages[:rows]
    if settings.normalize_advantage and rows > 1:
        normalize(advantages)
    p = policy.parameters
    if actor.turned:
        p = optimizer.turned
        turn(policy.parameters, actor, p)
        turn(policy.parameters, critic, p)
    y = forward(p, actor, x, work.actor)
    v = forward(p, critic, x, work.critic)
    d_y, d_v = (
        output_gradients(actor, work.actor_gradients, rows),
        output_gradients(critic, work.critic_gradients, rows),
    )
    log_std, d_log_std = of_head(head, policy.parameters), of_head(head, optimizer.gradient)
    actions, log_probs, entropies = batch.actions[:rows], batch.new_log_probs[:rows], batch.entropies[:rows]
    evaluate(head, log_std, y, actions, d_y, log_probs, entropies)
    surrogate(log_probs, entropies, batch.log_probs[:rows], advantages, settings, numbers)
    by_entropy = np.float32(-settings.entropy_coef / rows)
    differentiate(head, log_std, y, actions, log_probs, by_entropy, d_y, d_log_std)
    value_loss(v, batch.values[:rows], batch.returns[:rows], settings, d_v, numbers)


@exact
def run_epoch(policy, optimizer, t, rollout, order, batch, work, settings, numbers):
    """Update on each minibatch of one pass over the rollout.

    Args:
        policy, optimizer: What is learned, and what Adam keeps.
        t: Adam steps taken before.
        rollout: What was collected.
        order: Permutation of its samples.
        batch, work: Scratch memory of one minibatch, and of the networks.
        settings: Hyperparameters.
        numbers: minibatches × :data:`NUMBERS`, filled.

    Returns:
        Adam steps taken, minibatches looked at, and whether the KL divergence stopped the update.
    """
    size, parameters, gradient = batch.returns.size, policy.parameters, optimizer.gradient
    count = (order.size + size - 1) // size
    for number in range(count):
        chosen = order[number * size : (number + 1) * size]
        gather(rollout, chosen, batch)
        losses(policy, optimizer, batch, work, chosen.size, settings, numbers[number])
        if settings.target_kl >= 0 and numbers[number, KL] > 1.5 * settings.target_kl:
            return t, number + 1, True
        x = batch.observations[: chosen.size]
        backward(parameters, gradient, policy.actor, x, work.actor, work.actor_gradients)
        backward(parameters, gradient, policy.critic, x, work.critic, work.critic_gradients)
        t += 1
        numbers[number, GRADIENT_NORM] = adam.adam_step(parameters, optimizer, t, settings.adam)
    return t, count, False
