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

from rlx.launch import elementwise, exact, inlined

CATEGORICAL, GAUSSIAN, BERNOULLI, SQUASHED = range(4)
"""The last is of actors that off-policy algorithms train, which are only played here: tanh of the first outputs."""

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
LOG_SQRT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


@exact
def of_head(head, flat_P):
    """Return the elements of a flat vector that belong to log σ (others, never looked at, where there is none)."""
    begin = max(head.log_std, 0)
    return flat_P[begin : begin + head.options.size]


@inlined
def softmax(y_BO, i, begin, options, p_BO):
    """Write the softmax of ``options`` outputs of row ``i`` into ``p_BO`` (which may be ``y_BO``); returns log Σ e^y."""
    largest = y_BO[i, begin]
    for j in range(begin + 1, begin + options):
        largest = max(largest, y_BO[i, j])
    total = ZERO
    for j in range(begin, begin + options):
        p_BO[i, j] = np.float32(math.exp(y_BO[i, j] - largest))
        total += p_BO[i, j]
    for j in range(begin, begin + options):
        p_BO[i, j] /= total
    return largest + np.float32(math.log(total))


@inlined
def softplus(y):
    """Return log(1 + e^y) without overflow."""
    return max(y, ZERO) + np.float32(math.log1p(math.exp(-abs(y))))


@inlined
def sigmoid(y):
    """Return 1/(1 + e^{−y})."""
    return ONE / (ONE + np.float32(math.exp(-y)))


@elementwise
def sample(head, log_std, y_BO, noise, actions_BA, log_probs_B):
    """Draw an action per row from ``noise`` (as the module says; rows × outputs, element by element of the action).

    ``y_BO`` is overwritten.
    """
    rows, elements = actions_BA.shape
    log_probs_B[:] = ZERO
    begin = 0
    for k in range(elements):
        options = head.options[k]
        for i in range(rows):
            y = y_BO[i, begin]
            if head.kind == GAUSSIAN:
                z = noise[i * elements + k]
                actions_BA[i, k] = z * np.float32(math.exp(log_std[k])) + y
                log_probs_B[i] += -HALF * z * z - log_std[k] - LOG_SQRT_2PI
            elif head.kind == BERNOULLI:
                taken = ONE if noise[i * elements + k] < sigmoid(y) else ZERO
                actions_BA[i, k] = taken
                log_probs_B[i] += taken * y - softplus(y)
            else:
                softmax(y_BO, i, begin, options, y_BO)
                best, chosen = -ONE, 0
                for j in range(options):
                    score = y_BO[i, begin + j] / noise[rows * begin + i * options + j]
                    if score > best:
                        best, chosen = score, j
                actions_BA[i, k] = chosen
                log_probs_B[i] += np.float32(math.log(y_BO[i, begin + chosen]))
        begin += options


@elementwise
def mode(head, y_BO, actions_BA):
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
            elif head.kind == SQUASHED:
                actions_BA[i, k] = np.float32(math.tanh(y_BO[i, k]))
            else:
                chosen = 0
                for j in range(1, options):
                    if y_BO[i, begin + j] > y_BO[i, begin + chosen]:
                        chosen = j
                actions_BA[i, k] = chosen
        begin += options


@elementwise
def categorical_terms(options_A, y_BO, actions_BA, p_BO, log_probs_B, entropies_B):
    """Add ℓ and H of softmax distributions; ``p_BO`` becomes p, and ``y_BO`` becomes log p + H of its element."""
    begin = 0
    for k in range(options_A.size):
        end = begin + options_A[k]
        for i in range(y_BO.shape[0]):
            largest, total, entropy = y_BO[i, begin], ZERO, ZERO
            for j in range(begin + 1, end):
                largest = max(largest, y_BO[i, j])
            for j in range(begin, end):
                p_BO[i, j] = math.exp(y_BO[i, j] - largest)
                total += p_BO[i, j]
            normalizer, inverse = largest + np.float32(math.log(total)), ONE / total
            log_probs_B[i] += y_BO[i, begin + int(actions_BA[i, k])] - normalizer
            for j in range(begin, end):
                p_BO[i, j] *= inverse
                entropy -= p_BO[i, j] * (y_BO[i, j] - normalizer)
            for j in range(begin, end):
                y_BO[i, j] += entropy - normalizer
            entropies_B[i] += entropy
        begin = end


@elementwise
def gaussian_terms(log_std, y_BO, actions_BA, z_BO, log_probs_B, entropies_B):
    """Add ℓ and H of normal distributions; ``z_BO`` becomes z."""
    for k in range(y_BO.shape[1]):
        inverse, entropy = np.float32(math.exp(-log_std[k])), HALF + LOG_SQRT_2PI + log_std[k]
        for i in range(y_BO.shape[0]):
            z = (actions_BA[i, k] - y_BO[i, k]) * inverse
            z_BO[i, k] = z
            log_probs_B[i] += -HALF * z * z - log_std[k] - LOG_SQRT_2PI
            entropies_B[i] += entropy


@elementwise
def bernoulli_terms(y_BO, actions_BA, p_BO, log_probs_B, entropies_B):
    """Add ℓ and H of coin throws; ``p_BO`` becomes p."""
    for i in range(y_BO.shape[0]):
        for k in range(y_BO.shape[1]):
            y, p, log_normalizer = y_BO[i, k], sigmoid(y_BO[i, k]), softplus(y_BO[i, k])
            p_BO[i, k] = p
            log_probs_B[i] += actions_BA[i, k] * y - log_normalizer
            entropies_B[i] += log_normalizer - y * p


@exact
def evaluate(head, log_std, y_BO, actions_BA, p_BO, log_probs_B, entropies_B):
    """Write ℓ and H of each row; ``y_BO`` and ``p_BO`` then hold what :func:`differentiate` needs."""
    log_probs_B[:], entropies_B[:] = ZERO, ZERO
    if head.kind == GAUSSIAN:
        gaussian_terms(log_std, y_BO, actions_BA, p_BO, log_probs_B, entropies_B)
    elif head.kind == BERNOULLI:
        bernoulli_terms(y_BO, actions_BA, p_BO, log_probs_B, entropies_B)
    else:
        categorical_terms(head.options, y_BO, actions_BA, p_BO, log_probs_B, entropies_B)


@elementwise
def differentiate(head, log_std, y_BO, actions_BA, by_log_prob_B, by_entropy, d_BO, d_log_std):
    """Turn the loss's derivatives by ℓ and by H into those by the outputs and by log σ.

    ``y_BO`` and ``d_BO`` are as :func:`evaluate` left them (its ``p_BO`` is ``d_BO``); ``by_entropy`` is the same for
    every row.
    """
    rows, outputs = y_BO.shape
    if head.kind == GAUSSIAN:
        for k in range(outputs):
            inverse, total = np.float32(math.exp(-log_std[k])), ZERO
            for i in range(rows):
                z = d_BO[i, k]
                d_BO[i, k] = by_log_prob_B[i] * z * inverse
                total += by_log_prob_B[i] * (z * z - ONE) + by_entropy
            d_log_std[k] = total
    elif head.kind == BERNOULLI:
        for i in range(rows):
            for k in range(outputs):
                p = d_BO[i, k]
                d_BO[i, k] = by_log_prob_B[i] * (actions_BA[i, k] - p) - by_entropy * y_BO[i, k] * p * (ONE - p)
    else:
        for i in range(rows):
            for j in range(outputs):
                d_BO[i, j] *= -by_log_prob_B[i] - by_entropy * y_BO[i, j]
            begin = 0
            for k in range(head.options.size):
                d_BO[i, begin + int(actions_BA[i, k])] += by_log_prob_B[i]
                begin += head.options[k]
