"""Multilayer perceptrons: forward, and backward by the chain rule (Rumelhart, Hinton, Williams 1986).

Layer l computes h_l = f(h_{l-1} W_lᵀ + b_l), the last one without f. With δ_l the loss's gradient before f,

    ∂W_l = δ_lᵀ h_{l-1},   ∂b_l = Σ_rows δ_l,   δ_{l-1} = (δ_l W_l) · f'(h_{l-1}),

and f' is written in terms of f's own output, so that inputs need not be kept.
"""

from __future__ import annotations

import numpy as np

from rlx.algorithms.kernels.products import multiply
from rlx.launch import elementwise, exact

ACTIVATIONS = ("tanh", "relu", "leaky_relu", "elu")
TANH, RELU, LEAKY_RELU, ELU = range(4)

ZERO, ONE, SLOPE = np.float32(0.0), np.float32(1.0), np.float32(0.01)

# tanh as a ratio of polynomials, for float32: the minimax fit of Eigen's `generic_fast_tanh_float` (coefficients are
# facts of that fit); within 4 units in the last place, and beyond ±7.9 it is ±1 in float32.
LIMIT = np.float32(7.90531110763549805)
P1, P3, P5, P7 = map(
    np.float32, (4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08)
)
P9, P11, P13 = map(np.float32, (-8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16))
Q0, Q2, Q4, Q6 = map(
    np.float32, (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)
)


@elementwise
def tanh(x):
    """Hyperbolic tangent of a float32 in twelve multiplications, which vectorise."""
    x = min(max(x, -LIMIT), LIMIT)
    s = x * x
    numerator = x * (((((((P13 * s + P11) * s + P9) * s + P7) * s + P5) * s + P3) * s) + P1)
    return numerator / (((Q6 * s + Q4) * s + Q2) * s + Q0)


@elementwise
def add_bias(y, b):
    """Compute y := y + b, row by row."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] += b[j]


@elementwise
def add_bias_and_activate(y, b, activation):
    """Compute y := f(y + b), row by row."""
    rows, columns = y.shape
    for i in range(rows):
        if activation == TANH:
            for j in range(columns):
                y[i, j] = tanh(y[i, j] + b[j])
        elif activation == RELU:
            for j in range(columns):
                y[i, j] = max(y[i, j] + b[j], ZERO)
        elif activation == LEAKY_RELU:
            for j in range(columns):
                z = y[i, j] + b[j]
                y[i, j] = max(z, SLOPE * z)
        else:
            for j in range(columns):
                z = y[i, j] + b[j]
                y[i, j] = z if z > ZERO else np.float32(np.expm1(z))


@elementwise
def times_slope(d, h, activation):
    """Compute d := d · f'(z), where h = f(z)."""
    rows, columns = h.shape
    for i in range(rows):
        if activation == TANH:
            for j in range(columns):
                d[i, j] *= ONE - h[i, j] * h[i, j]
        elif activation == RELU:
            for j in range(columns):
                d[i, j] = d[i, j] if h[i, j] > ZERO else ZERO
        elif activation == LEAKY_RELU:
            for j in range(columns):
                d[i, j] = d[i, j] if h[i, j] > ZERO else SLOPE * d[i, j]
        else:
            for j in range(columns):
                d[i, j] = d[i, j] if h[i, j] > ZERO else d[i, j] * (h[i, j] + ONE)


@elementwise
def sum_rows(d, total):
    """Compute total := Σ_rows d."""
    total[:] = ZERO
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            total[j] += d[i, j]


@exact
def forward(p_P, network, x_BD, layers):
    """Write every layer's output into the scratch memory ``layers``, and return the last one (B × outputs)."""
    rows, last = x_BD.shape[0], network.widths.size - 2
    h, begin = x_BD, 0
    for l in range(last + 1):
        inputs, outputs = network.widths[l], network.widths[l + 1]
        weights = p_P[network.places[l, 0] : network.places[l, 0] + outputs * inputs]
        biases = p_P[network.places[l, 1] : network.places[l, 1] + outputs]
        y = layers[begin : begin + rows * outputs].reshape(rows, outputs)
        if network.own:
            multiply(h, weights.reshape(inputs, outputs), y, turned=False)
        elif network.turned:
            np.dot(h, weights.reshape(inputs, outputs), y)
        else:
            np.dot(h, weights.reshape(outputs, inputs).T, y)
        if l < last:
            add_bias_and_activate(y, biases, network.activation)
        else:
            add_bias(y, biases)
        h, begin = y, begin + rows * outputs
    return h


@exact
def turn(p_P, network, turned_P):
    """Copy a network with each weight matrix transposed (inputs × outputs) in its place."""
    for l in range(network.widths.size - 1):
        inputs, outputs = network.widths[l], network.widths[l + 1]
        w, b = network.places[l, 0], network.places[l, 1]
        for o in range(outputs):
            for i in range(inputs):
                turned_P[w + i * outputs + o] = p_P[w + o * inputs + i]
            turned_P[b + o] = p_P[b + o]


@exact
def output_gradients(network, gradients, rows):
    """Return the part of a network's scratch memory that holds the loss's gradient by its outputs (rows × outputs)."""
    outputs, end = network.widths[-1], rows * network.widths[1:].sum()
    return gradients[end - rows * outputs : end].reshape(rows, outputs)


@exact
def backward(p_P, g_P, network, x_BD, layers, gradients):
    """Write the gradient of the network's parameters into ``g_P``.

    ``layers`` is as :func:`forward` left it, and ``gradients`` holds :func:`output_gradients`.
    """
    rows, end = x_BD.shape[0], x_BD.shape[0] * network.widths[1:].sum()
    for l in range(network.widths.size - 2, -1, -1):
        inputs, outputs = network.widths[l], network.widths[l + 1]
        w, b = network.places[l, 0], network.places[l, 1]
        weights = p_P[w : w + outputs * inputs].reshape(outputs, inputs)
        begin = end - rows * outputs
        d = gradients[begin:end].reshape(rows, outputs)
        sum_rows(d, g_P[b : b + outputs])
        below = g_P[w : w + outputs * inputs].reshape(outputs, inputs)
        h = x_BD if l == 0 else layers[begin - rows * inputs : begin].reshape(rows, inputs)
        if network.own:
            multiply(d, h, below, turned=True)
        else:
            np.dot(d.T, h, below)
        if l > 0:
            d_below = gradients[begin - rows * inputs : begin].reshape(rows, inputs)
            if network.own:
                multiply(d, weights, d_below, turned=False)
            else:
                np.dot(d, weights, d_below)
            times_slope(d_below, h, network.activation)
        end = begin
