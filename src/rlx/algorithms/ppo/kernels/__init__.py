"""PPO's arithmetic in compiled code (numba): acting, advantages, and the whole update, one page each.

Every network parameter, gradient and Adam moment lives in one flat float32 vector; :class:`Network` says where each
layer's weights begin. docs/engine.md derives the gradients.

Array axes, by suffix: ``T`` rollout steps, ``N`` environment copies, ``B`` rows of a batch, ``D`` observation
elements, ``A`` action elements, ``O`` outputs of the actor, ``P`` parameters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Network(NamedTuple):
    """Where a multilayer perceptron lives in the flat parameters.

    Attributes:
        widths: Elements of the input, of each hidden layer, and of the output.
        places: For each layer, where its weights (outputs × inputs, row by row) and its biases begin.
        activation: Index into :data:`rlx.algorithms.ppo.kernels.network.ACTIVATIONS`; the output layer has none.
        turned: Whether the parameters come from :func:`rlx.algorithms.ppo.kernels.network.turn`: our own products need that, and
            BLAS's are faster so where rows are few.
        own: Whether products are our own (:mod:`rlx.algorithms.ppo.kernels.products`), whose bits depend neither on the processor
            nor on the number of rows; else BLAS's.
    """

    widths: Array
    places: Array
    activation: int
    turned: bool
    own: bool


class Head(NamedTuple):
    """How the actor's outputs make a distribution over actions.

    Attributes:
        kind: One of :mod:`rlx.algorithms.ppo.kernels.distributions`' codes.
        options: Outputs per action element: how many values it can take (1 where it is continuous or binary).
        log_std: Where the Gaussian's log standard deviations begin in the flat parameters.
    """

    kind: int
    options: Array
    log_std: int


class Policy(NamedTuple):
    """Actor and critic: the flat parameters, where in them each lies, and what the actor's outputs mean."""

    parameters: Array
    actor: Network
    critic: Network
    head: Head


class Optimizer(NamedTuple):
    """What an update keeps beside the parameters, flat as they are: for Adam, and the weights as our own products take them."""

    gradient: Array
    moments1: Array
    moments2: Array
    turned: Array


class Workspace(NamedTuple):
    """Scratch memory for one pass over some number of rows: every layer's outputs, and their gradients."""

    actor: Array
    critic: Array
    actor_gradients: Array
    critic_gradients: Array


class Rollout(NamedTuple):
    """What was collected: views of Stable-Baselines3's rollout buffer, all float32."""

    observations: Array
    actions: Array
    rewards: Array
    starts: Array
    values: Array
    log_probs: Array
    advantages: Array
    returns: Array


class Batch(NamedTuple):
    """Scratch memory of one minibatch: the rows gathered from a :class:`Rollout`, and what the policy now says of them."""

    observations: Array
    actions: Array
    values: Array
    log_probs: Array
    advantages: Array
    returns: Array
    new_log_probs: Array
    entropies: Array


class Hyperparameters(NamedTuple):
    """The settings of one update.

    ``clip_range_vf`` below 0 means that values are not clipped; ``target_kl`` below 0 that there is no early stop.
    """

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    clip_range: float
    clip_range_vf: float
    entropy_coef: float
    value_coef: float
    max_grad_norm: float
    target_kl: float
    normalize_advantage: bool


def workspace(actor: Network, critic: Network, rows: int) -> Workspace:
    """Allocate scratch memory for passes over up to ``rows`` rows."""
    sizes = [rows * int(network.widths[1:].sum()) for network in (actor, critic)] * 2
    return Workspace(*(np.zeros(size, np.float32) for size in sizes))


def batch(rows: int, observation: int, action: int) -> Batch:
    """Allocate scratch memory of a minibatch."""
    shapes: list[tuple[int, ...]] = [(rows, observation), (rows, action), *[(rows,)] * 6]
    return Batch(*(np.zeros(shape, np.float32) for shape in shapes))
