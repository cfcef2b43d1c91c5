"""The arithmetic of DQN, SAC and TD3 in compiled code (numba); networks and Adam are those of :mod:`rlx.algorithms.kernels`.

Array axes, by suffix: ``R`` rows of the replay buffer, ``N`` environment copies, ``B`` rows of a minibatch, ``D`` observation
elements, ``A`` action elements, ``I`` a critic's inputs (D + A), ``O`` outputs of a network, ``K`` gradient steps, ``P`` parameters.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlx.algorithms.kernels import Network, Optimizer

Array = np.ndarray[Any, Any]


class Replay(NamedTuple):
    """A replay buffer: views of Stable-Baselines3's, all float32 (numbers of options, too).

    Observations and rewards are as the environment gave them; what a run normalises is normalised when it is sampled.
    """

    observations_RND: Array
    next_observations_RND: Array
    actions_RNA: Array
    rewards_RN: Array
    dones_RN: Array
    timeouts_RN: Array


class Minibatch(NamedTuple):
    """Scratch memory of a minibatch; ``continues_B`` is 0 where an episode came to an end of its own, else 1."""

    rows_B: Array
    copies_B: Array
    observations_BD: Array
    next_observations_BD: Array
    actions_BA: Array
    rewards_B: Array
    continues_B: Array
    targets_B: Array


class Learned(NamedTuple):
    """A network (or twins, one behind the other) that is learned: parameters, and what Adam keeps."""

    values: Array
    optimizer: Optimizer


class Target(NamedTuple):
    """A target network: parameters, and the same with weights as our own products take them."""

    values: Array
    turned: Array


class QNetworks(NamedTuple):
    """DQN's networks and scratch memory."""

    learned: Learned
    target: Target
    network: Network
    layers: Array
    gradients: Array
    acting_layers: Array


class Critics(NamedTuple):
    """Twin critics (Fujimoto et al. 2018), and scratch memory of passes through them.

    ``inputs_BI`` are states and actions side by side; ``layers1 layers2`` each critic's outputs, ``gradients`` those by them;
    ``values1_B values2_B`` what they say; ``action_gradients_BA`` the gradient of the value by the action;
    ``chosen_B`` and the two of ``B × widest`` serve :func:`rlx.algorithms.off_policy.kernels.critics.ascend`.
    """

    learned: Learned
    target: Target
    first: Network
    second: Network
    inputs_BI: Array
    layers1: Array
    layers2: Array
    gradients: Array
    values1_B: Array
    values2_B: Array
    action_gradients_BA: Array
    chosen_B: Array
    slopes: Array
    passing: Array
    passed: Array


class Actor(NamedTuple):
    """An actor of continuous actions, and scratch memory: its outputs for states, and for next states."""

    learned: Learned
    network: Network
    layers: Array
    next_layers: Array
    gradients: Array
    actions_BA: Array
    next_actions_BA: Array
    log_probs_B: Array
    next_log_probs_B: Array


def minibatch(rows: int, observation: int, action: int) -> Minibatch:
    """Allocate scratch memory of a minibatch."""
    shapes: list[tuple[int, ...]] = [
        (rows, observation),
        (rows, observation),
        (rows, action),
        (rows,),
        (rows,),
        (rows,),
    ]
    whole = [np.zeros(rows, np.int64) for _ in range(2)]
    return Minibatch(*whole, *(np.zeros(shape, np.float32) for shape in shapes))
