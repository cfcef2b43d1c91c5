"""Distributions over actions: what the actor's outputs mean, how actions are drawn, and the gradients.

With ℓ the log-probability of the action taken and H the entropy, for one row of outputs y:

* categorical (Discrete, MultiDiscrete; softmax over each element's options): p = softmax(y), ℓ = log p_a,
  ∂ℓ/∂y_j = 1[j = a] − p_j, and ∂H/∂y_j = −p_j (log p_j + H).
* Gaussian (Box): z = (a − y)/σ, ℓ = Σ −z²/2 − log σ − log √(2π), ∂ℓ/∂y = z/σ, ∂ℓ/∂log σ = z² − 1;
  H = Σ ½ + log √(2π) + log σ.
* Bernoulli (MultiBinary): p = 1/(1 + e^{−y}), ℓ = a y − log(1 + e^y), ∂ℓ/∂y = a − p, ∂H/∂y = −y p (1 − p).

Elements of an action are independent: their ℓ and H add up. Actions are drawn from the same random numbers, in the
same way, as by torch: categorical as argmax p/q with q ~ Exp(1) (``torch.multinomial``), Gaussian as z σ + y,
Bernoulli as u < p with u ~ U[0, 1).
"""

from __future__ import annotations

import math

import numpy as np

from rlx.compiled import elementwise

CATEGORICAL, GAUSSIAN, BERNOULLI = range(3)

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
LOG_SQRT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


@elementwise
def log_sum_exp(y):  # type: ignore[no-untyped-def]
    """Return log Σ e^y without overflow."""
    largest = y[0]
    for j in range(1, y.size):
        largest = max(largest, y[j])
    total = ZERO
    for j in range(y.size):
        total += np.float32(math.exp(y[j] - largest))
    return largest + np.float32(math.log(total))


@elementwise
def softplus(y):  # type: ignore[no-untyped-def]
    """Return log(1 + e^y) without overflow."""
    return max(y, ZERO) + np.float32(math.log1p(math.exp(-abs(y))))


@elementwise
def sigmoid(y):  # type: ignore[no-untyped-def]
    """Return 1/(1 + e^{−y})."""
    return ONE / (ONE + np.float32(math.exp(-y)))


@elementwise
def sample(head, log_std, y_BO, noise, actions_BA, log_probs_B):  # type: ignore[no-untyped-def]
    """Draw an action per row from ``noise`` (as the module says; rows × outputs, element by element of the action)."""
    rows, elements = actions_BA.shape
    log_probs_B[:] = ZERO
    begin = 0
    for k in range(elements):
        options = head.options[k]
        for i in range(rows):
            if head.kind == GAUSSIAN:
                z = noise[i * elements + k]
                actions_BA[i, k] = z * np.float32(math.exp(log_std[k])) + y_BO[i, k]
                log_probs_B[i] += -HALF * z * z - log_std[k] - LOG_SQRT_2PI
            elif head.kind == BERNOULLI:
                taken = ONE if noise[i * elements + k] < sigmoid(y_BO[i, k]) else ZERO
                actions_BA[i, k] = taken
                log_probs_B[i] += taken * y_BO[i, k] - softplus(y_BO[i, k])
            else:
                y = y_BO[i, begin : begin + options]
                normalizer, best, chosen = log_sum_exp(y), -ONE, 0
                for j in range(options):
                    score = np.float32(math.exp(y[j] - normalizer)) / noise[rows * begin + i * options + j]
                    if score > best:
                        best, chosen = score, j
                actions_BA[i, k] = chosen
                log_probs_B[i] += y[chosen] - normalizer
        begin += options


@elementwise
def mode(head, y_BO, actions_BA):  # type: ignore[no-untyped-def]
    """Choose the most likely action per row."""
    rows, elements = actions_BA.shape
    begin = 0
    for k in range(elements):
        options = head.options[k]
        for i in range(rows):
            if head.kind == GAUSSIAN:
                actions_BA[i, k] = y_BO[i, k]
            elif head.kind == BERNOULLI:
                actions_BA[i, k] = ONE if y_BO[i, k] > ZERO else ZERO
            else:
                chosen = 0
                for j in range(1, options):
                    if y_BO[i, begin + j] > y_BO[i, begin + chosen]:
                        chosen = j
                actions_BA[i, k] = chosen
        begin += options


@elementwise
def log_prob_and_entropy(head, log_std, y_O, action_A):  # type: ignore[no-untyped-def]
    """Return ℓ and H of one row."""
    log_prob, entropy, begin = ZERO, ZERO, 0
    for k in range(action_A.size):
        options = head.options[k]
        if head.kind == GAUSSIAN:
            z = (action_A[k] - y_O[k]) * np.float32(math.exp(-log_std[k]))
            log_prob += -HALF * z * z - log_std[k] - LOG_SQRT_2PI
            entropy += HALF + LOG_SQRT_2PI + log_std[k]
        elif head.kind == BERNOULLI:
            log_prob += action_A[k] * y_O[k] - softplus(y_O[k])
            entropy += softplus(y_O[k]) - y_O[k] * sigmoid(y_O[k])
        else:
            y = y_O[begin : begin + options]
            normalizer = log_sum_exp(y)
            log_prob += y[int(action_A[k])] - normalizer
            for j in range(options):
                entropy -= np.float32(math.exp(y[j] - normalizer)) * (y[j] - normalizer)
        begin += options
    return log_prob, entropy


@elementwise
def add_gradients(head, log_std, y_O, action_A, by_log_prob, by_entropy, d_O, d_log_std):  # type: ignore[no-untyped-def]
    """Turn the loss's derivatives by ℓ and by H of one row into those by its outputs and by log σ (added up)."""
    begin = 0
    for k in range(action_A.size):
        options = head.options[k]
        if head.kind == GAUSSIAN:
            inverse = np.float32(math.exp(-log_std[k]))
            z = (action_A[k] - y_O[k]) * inverse
            d_O[k] = by_log_prob * z * inverse
            d_log_std[k] += by_log_prob * (z * z - ONE) + by_entropy
        elif head.kind == BERNOULLI:
            p = sigmoid(y_O[k])
            d_O[k] = by_log_prob * (action_A[k] - p) - by_entropy * y_O[k] * p * (ONE - p)
        else:
            y = y_O[begin : begin + options]
            normalizer, entropy = log_sum_exp(y), ZERO
            for j in range(options):
                entropy -= np.float32(math.exp(y[j] - normalizer)) * (y[j] - normalizer)
            for j in range(options):
                log_p = y[j] - normalizer
                p = np.float32(math.exp(log_p))
                d_O[begin + j] = -by_log_prob * p - by_entropy * p * (log_p + entropy)
            d_O[begin + int(action_A[k])] += by_log_prob
        begin += options
