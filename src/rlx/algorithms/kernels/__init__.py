"""Arithmetic that the fast engines share, in compiled code (numba): products, networks, Adam.

Every network parameter, gradient and Adam moment lives in one flat float32 vector; :class:`Network` says where each
layer's weights begin.

What several sets of kernels call, each set compiles (:func:`rlx.launch.ready`), so these are called with arrays of one kind alone:
float32, row by row without gaps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
WIDE = 256
"""Inputs and outputs of a layer from which on a BLAS for wide vectors (AVX-512) takes up to half of the time of our own products."""


class Network(NamedTuple):
    """Where a multilayer perceptron lives in the flat parameters.

    Attributes:
        widths: Elements of the input, of each hidden layer, and of the output.
        places: For each layer, where its weights (outputs × inputs, row by row) and its biases begin.
        activation: Index into :data:`rlx.algorithms.kernels.network.ACTIVATIONS`; the output layer has none.
        turned: Whether the parameters come from :func:`rlx.algorithms.kernels.network.turn`: our own products need that, and
            BLAS's are faster so where rows are few.
        own: Whether products are our own (:mod:`rlx.algorithms.kernels.products`), whose bits depend neither on the processor
            nor on the number of rows; else BLAS's.
    """

    widths: Array
    places: Array
    activation: int
    turned: bool
    own: bool


class Optimizer(NamedTuple):
    """What an update keeps beside the parameters, flat as they are: for Adam, and the weights as our own products take them."""

    gradient: Array
    moments1: Array
    moments2: Array
    turned: Array


class AdamSettings(NamedTuple):
    """Adam's settings, and the gradient's largest norm (infinite where it is not clipped)."""

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    max_grad_norm: float


def adam_settings(optimizer: Any, max_grad_norm: float) -> AdamSettings:
    """Return what a torch Adam is set to now."""
    group = optimizer.param_groups[0]
    beta1, beta2 = group["betas"]
    return AdamSettings(float(group["lr"]), float(beta1), float(beta2), float(group["eps"]), float(max_grad_norm))


def layer_space(network: Network, rows: int) -> Array:
    """Allocate scratch memory for a network's outputs (or their gradients), every layer's, of up to ``rows`` rows."""
    return np.zeros(rows * int(network.widths[1:].sum()), np.float32)
