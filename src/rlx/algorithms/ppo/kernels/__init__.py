"""PPO's arithmetic in compiled code (numba): acting, advantages, and the whole update, one page each.

Networks and Adam are those of :mod:`rlx.algorithms.kernels`. docs/engine.md derives the gradients.

Array axes, by suffix: ``T`` rollout steps, ``N`` environment copies, ``B`` rows of a batch, ``D`` observation
elements, ``A`` action elements, ``O`` outputs of the actor, ``P`` parameters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlx.algorithms.kernels import AdamSettings, Network, layer_space

Array = np.ndarray[Any, Any]


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

    adam: AdamSettings
    clip_range: float
    clip_range_vf: float
    entropy_coef: float
    value_coef: float
    target_kl: float
    normalize_advantage: bool


def workspace(actor: Network, critic: Network, rows: int) -> Workspace:
    """Allocate scratch memory for passes over up to ``rows`` rows."""
    return Workspace(*(layer_space(network, rows) for network in (actor, critic) * 2))


def batch(rows: int, observation: int, action: int) -> Batch:
    """Allocate scratch memory of a minibatch."""
    shapes: list[tuple[int, ...]] = [(rows, observation), (rows, action), *[(rows,)] * 6]
    return Batch(*(np.zeros(shape, np.float32) for shape in shapes))
