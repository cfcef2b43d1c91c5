"""Clipping by the global norm (Pascanu et al. 2013) and Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980).

    g ← g · min(1, c/(‖g‖ + 10⁻⁶)),   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,
    p ← p − α/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)

(in the form torch computes it: ε after the bias correction).
"""

from __future__ import annotations

import math

import numpy as np

from rlx.launch import elementwise


@elementwise
def norm(g_P):
    """Return ‖g‖, added up in blocks so that float32 sums stay accurate."""
    total = 0.0
    for begin in range(0, g_P.size, 1024):
        part = np.float32(0.0)
        for i in range(begin, min(begin + 1024, g_P.size)):
            part += g_P[i] * g_P[i]
        total += part
    return math.sqrt(total)


@elementwise
def adam_step(p_P, optimizer, t, settings):
    """Take the ``t``-th step of Adam (counted from 1) along the clipped gradient; returns ‖g‖ before clipping."""
    g_P, m_P, v_P = optimizer.gradient, optimizer.moments1, optimizer.moments2
    length = norm(g_P)
    scale = np.float32(min(1.0, settings.max_grad_norm / (length + 1e-6)))
    rate = np.float32(settings.learning_rate / (1.0 - settings.beta1**t))
    correction = np.float32(1.0 / math.sqrt(1.0 - settings.beta2**t))
    fresh1, fresh2 = np.float32(1.0 - settings.beta1), np.float32(1.0 - settings.beta2)
    kept2, epsilon = np.float32(settings.beta2), np.float32(settings.epsilon)
    for i in range(p_P.size):
        g = g_P[i] * scale
        m = m_P[i] + fresh1 * (g - m_P[i])
        v = v_P[i] * kept2 + fresh2 * g * g
        m_P[i], v_P[i] = m, v
        p_P[i] -= rate * m / (np.sqrt(v) * correction + epsilon)
    return length
