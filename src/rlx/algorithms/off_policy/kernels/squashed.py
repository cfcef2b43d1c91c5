"""SAC's distribution of actions (Haarnoja et al. 2018, appendix C): a = tanh(u), u ~ N(μ, σ), σ from the network as well.

The network's outputs are μ and, behind it, log σ, which is cut to [−20, 2]. With z = (u − μ)/σ drawn from N(0, 1),

    ℓ = Σ −z²/2 − log σ − log √(2π) − log(1 − a² + 10⁻⁶),

and where a loss has the gradient w by ℓ and g by a, it has by u: g (1 − a²) + 2 w a (1 − a²)/(1 − a² + 10⁻⁶), by μ the same, and
by log σ that times σ z, less w (0 where log σ is cut).
"""

from __future__ import annotations

import math

import numpy as np

from rlx.launch import exact

LOWEST, HIGHEST = np.float32(-20.0), np.float32(2.0)
"""Of log σ (Stable-Baselines3's ``LOG_STD_MIN`` and ``LOG_STD_MAX``)."""
ZERO, HALF, ONE, TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
TINY = np.float32(1e-6)
LOG_SQRT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


@exact
def draw(y_BO, z_BA, actions_BA, log_probs_B):
    """Write actions, and their log-probabilities."""
    elements = actions_BA.shape[1]
    for i in range(actions_BA.shape[0]):
        total = ZERO
        for k in range(elements):
            log_std = min(max(y_BO[i, elements + k], LOWEST), HIGHEST)
            action = np.float32(math.tanh(y_BO[i, k] + np.float32(math.exp(log_std)) * z_BA[i, k]))
            actions_BA[i, k] = action
            density = -HALF * z_BA[i, k] * z_BA[i, k] - log_std - LOG_SQRT_2PI
            total += density - np.float32(math.log(ONE - action * action + TINY))
        log_probs_B[i] = total


@exact
def most_likely(y_BO, actions_BA):
    """Write the actions that are drawn with z = 0; of a network that has no log σ, too."""
    for i in range(actions_BA.shape[0]):
        for k in range(actions_BA.shape[1]):
            actions_BA[i, k] = np.float32(math.tanh(y_BO[i, k]))


@exact
def differentiate_squashed(y_BO, z_BA, actions_BA, by_actions_BA, by_log_prob, d_BO):
    """Write a loss's gradient by the outputs, from those by the actions and (the same in every row) by ℓ."""
    elements, weight = actions_BA.shape[1], np.float32(by_log_prob)
    for i in range(actions_BA.shape[0]):
        for k in range(elements):
            given, action = y_BO[i, elements + k], actions_BA[i, k]
            slope = ONE - action * action
            by_mean = by_actions_BA[i, k] * slope + weight * TWO * action * slope / (slope + TINY)
            deviation = np.float32(math.exp(min(max(given, LOWEST), HIGHEST)))
            d_BO[i, k] = by_mean
            inside = given >= LOWEST and given <= HIGHEST
            d_BO[i, elements + k] = by_mean * deviation * z_BA[i, k] - weight if inside else ZERO
