"""Twin critics (Fujimoto et al. 2018, https://arxiv.org/abs/1802.09477): their regression, and the way up for an actor.

The two lie one behind the other in one flat vector and take one Adam step together. An actor's gradient, ∂Q/∂a through the
critic that says less, passes no weights' gradients on, and each row through one critic alone.
"""

from __future__ import annotations

import numpy as np

from rlx.algorithms.kernels.adam import adam_step
from rlx.algorithms.kernels.network import backward, forward, output_gradients, times_slope, turn
from rlx.algorithms.kernels.products import multiply
from rlx.algorithms.off_policy.kernels.targets import average, still
from rlx.launch import exact

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@exact
def refreshed(critics):
    """Return the critics' parameters as :func:`rlx.algorithms.kernels.network.forward` takes them, brought up to date."""
    learned = critics.learned
    if not critics.first.turned:
        return learned.values
    turn(learned.values, critics.first, learned.optimizer.turned)
    turn(learned.values, critics.second, learned.optimizer.turned)
    return learned.optimizer.turned


@exact
def follow_critics(critics, tau):
    """Let the target critics follow."""
    average(critics.learned.values, critics.target.values, tau)
    if critics.first.turned:
        turn(critics.target.values, critics.first, critics.target.turned)
        turn(critics.target.values, critics.second, critics.target.turned)


@exact
def place(critics, observations_BD, actions_BA):
    """Write states and actions side by side, as the critics take them."""
    x_BI, width = critics.inputs_BI, observations_BD.shape[1]
    for i in range(x_BI.shape[0]):
        for j in range(width):
            x_BI[i, j] = observations_BD[i, j]
        for k in range(actions_BA.shape[1]):
            x_BI[i, width + k] = actions_BA[i, k]


@exact
def judge(p_P, critics):
    """Write what both critics say of ``inputs_BI`` into ``values1_B`` and ``values2_B``; their layers' outputs stay."""
    first_B1 = forward(p_P, critics.first, critics.inputs_BI, critics.layers1)
    second_B1 = forward(p_P, critics.second, critics.inputs_BI, critics.layers2)
    for i in range(critics.values1_B.size):
        critics.values1_B[i], critics.values2_B[i] = first_B1[i, 0], second_B1[i, 0]


@exact
def aim(critics, batch, next_actions_BA, gamma, entropies_B, weight):
    """Write targets y = r + γ (1 − d) (min Q'(s', a') + weight · entropy) of the target critics."""
    place(critics, batch.next_observations_BD, next_actions_BA)
    judge(still(critics.target, critics.first), critics)
    discount, weight = np.float32(gamma), np.float32(weight)
    for i in range(batch.targets_B.size):
        value = min(critics.values1_B[i], critics.values2_B[i]) + weight * entropies_B[i]
        batch.targets_B[i] = batch.rewards_B[i] + batch.continues_B[i] * discount * value


@exact
def regress(critics, network, layers, values_B, targets_B, factor):
    """Write one critic's part of the gradient of factor/2 · mean (Q − y)²; returns Σ (Q − y)²."""
    learned, rows, total = critics.learned, targets_B.size, 0.0
    d_B1 = output_gradients(network, critics.gradients, rows)
    scale = np.float32(factor) / np.float32(rows)
    for i in range(rows):
        error = values_B[i] - targets_B[i]
        total += error * error
        d_B1[i, 0] = scale * error
    backward(learned.values, learned.optimizer.gradient, network, critics.inputs_BI, layers, critics.gradients)
    return total


@exact
def improve(critics, batch, t, adam, factor):
    """Take the critics' ``t``-th Adam step towards the targets of a minibatch; returns mean (Q₁ − y)² + mean (Q₂ − y)²."""
    place(critics, batch.observations_BD, batch.actions_BA)
    judge(refreshed(critics), critics)
    total = regress(critics, critics.first, critics.layers1, critics.values1_B, batch.targets_B, factor)
    total += regress(critics, critics.second, critics.layers2, critics.values2_B, batch.targets_B, factor)
    adam_step(critics.learned.values, critics.learned.optimizer, t, adam)
    return total / batch.targets_B.size


@exact
def gather_rows(layer_BH, chosen_n, rows_nH):
    """Copy chosen rows of a layer together."""
    for i in range(chosen_n.size):
        for j in range(layer_BH.shape[1]):
            rows_nH[i, j] = layer_BH[chosen_n[i], j]


@exact
def ascend(critics, network, layers, chosen_n, factor):
    """Write factor · ∂Q/∂a of one critic into the chosen rows of ``action_gradients_BA``; ``layers`` is as :func:`judge` left it."""
    count, rows = chosen_n.size, critics.values1_B.size
    end = rows * network.widths[1:].sum() - rows
    d = critics.passing[:count].reshape(count, 1)
    d[:] = np.float32(factor)
    ours, theirs = critics.passed, critics.passing
    for l in range(network.widths.size - 2, -1, -1):
        inputs, outputs = network.widths[l], network.widths[l + 1]
        begin = network.places[l, 0]
        weights = critics.learned.values[begin : begin + outputs * inputs].reshape(outputs, inputs)
        below = ours[: count * inputs].reshape(count, inputs)
        if network.own:
            multiply(d, weights, below, turned=False)
        else:
            np.dot(d, weights, below)
        if l > 0:
            end -= rows * inputs
            h = critics.slopes[: count * inputs].reshape(count, inputs)
            gather_rows(layers[end : end + rows * inputs].reshape(rows, inputs), chosen_n, h)
            times_slope(below, h, network.activation)
        d, ours, theirs = below, theirs, ours
    width = d.shape[1] - critics.action_gradients_BA.shape[1]
    for i in range(count):
        for k in range(critics.action_gradients_BA.shape[1]):
            critics.action_gradients_BA[chosen_n[i], k] = d[i, width + k]


@exact
def ascend_smaller(critics, factor):
    """Write factor · ∂ min(Q₁, Q₂)/∂a, after :func:`judge` of the present actions; returns Σ min(Q₁, Q₂)."""
    rows, total, firsts = critics.values1_B.size, 0.0, 0
    chosen_B = critics.chosen_B
    for i in range(rows):  # rows of the first critic from the front, of the second from the back
        if critics.values1_B[i] <= critics.values2_B[i]:
            chosen_B[firsts] = i
            firsts += 1
        else:
            chosen_B[rows - 1 - (i - firsts)] = i
        total += min(critics.values1_B[i], critics.values2_B[i])
    if firsts > 0:
        ascend(critics, critics.first, critics.layers1, chosen_B[:firsts], factor)
    if firsts < rows:
        ascend(critics, critics.second, critics.layers2, chosen_B[firsts:], factor)
    return total
