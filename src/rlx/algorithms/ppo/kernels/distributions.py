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

from rlx.compiled import elementwise, inlined

CATEGORICAL, GAUSSIAN, BERNOULLI = range(3)

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
LOG_SQRT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


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
            else:
                chosen = 0
                for j in range(1, options):
                    if y_BO[i, begin + j] > y_BO[i, begin + chosen]:
                        chosen = j
                actions_BA[i, k] = chosen
        begin += options


@inlined
def log_prob_and_entropy(head, log_std, y_BO, actions_BA, i, p_BO):
    """Return ℓ and H of row ``i``, and leave there what :func:`write_gradient` needs.

    Row ``i`` of ``p_BO`` becomes p (Gaussian: z); that of ``y_BO``, where categorical, log p + H of the element.
    """
    log_prob, entropy, begin = ZERO, ZERO, 0
    for k in range(actions_BA.shape[1]):
        options = head.options[k]
        y, action = y_BO[i, begin], actions_BA[i, k]
        if head.kind == GAUSSIAN:
            z = (action - y) * np.float32(math.exp(-log_std[k]))
            p_BO[i, k] = z
            log_prob += -HALF * z * z - log_std[k] - LOG_SQRT_2PI
            entropy += HALF + LOG_SQRT_2PI + log_std[k]
        elif head.kind == BERNOULLI:
            p_BO[i, k] = sigmoid(y)
            log_prob += action * y - softplus(y)
            entropy += softplus(y) - y * p_BO[i, k]
        else:
            normalizer = softmax(y_BO, i, begin, options, p_BO)
            log_prob += y_BO[i, begin + int(action)] - normalizer
            own = ZERO
            for j in range(begin, begin + options):
                own -= p_BO[i, j] * (y_BO[i, j] - normalizer)
            for j in range(begin, begin + options):
                y_BO[i, j] += own - normalizer
            entropy += own
        begin += options
    return log_prob, entropy


@inlined
def write_gradient(head, log_std, y_BO, actions_BA, i, by_log_prob, by_entropy, d_BO, d_log_std):
    """Turn the loss's derivatives by ℓ and by H of row ``i`` into those by its outputs, and add up those by log σ.

    Row ``i`` of ``y_BO`` and ``d_BO`` are as :func:`log_prob_and_entropy` left them (its ``p_BO`` is ``d_BO``).
    """
    begin = 0
    for k in range(actions_BA.shape[1]):
        options = head.options[k]
        p = d_BO[i, begin]
        if head.kind == GAUSSIAN:
            d_BO[i, k] = by_log_prob * p * np.float32(math.exp(-log_std[k]))
            d_log_std[k] += by_log_prob * (p * p - ONE) + by_entropy
        elif head.kind == BERNOULLI:
            d_BO[i, k] = by_log_prob * (actions_BA[i, k] - p) - by_entropy * y_BO[i, k] * p * (ONE - p)
        else:
            for j in range(begin, begin + options):
                d_BO[i, j] *= -by_log_prob - by_entropy * y_BO[i, j]
            d_BO[i, begin + int(actions_BA[i, k])] += by_log_prob
        begin += options
