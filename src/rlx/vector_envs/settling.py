"""What follows every step of the copies, in one kernel: finite checks, episode records, normalisation.

Normalisation is Stable-Baselines3's ``VecNormalize``: running moments merged batch by batch (Chan, Golub & LeVeque
1979), observations scaled by their own, rewards by the deviation of the discounted return.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rlx.compiled import exact

Array = np.ndarray[Any, Any]

FINE, BAD_OBSERVATION, BAD_REWARD = range(3)

EPSILON, LIMIT = 1e-8, 10.0
"""Added to variances, and where normalised numbers are clipped: Stable-Baselines3's defaults."""


class Statistics(NamedTuple):
    """Running moments; arrays of one element where a number changes.

    ``mean_D var_D count`` are of observations; ``return_*`` of the discounted return, whose current value per copy is
    ``discounted_N``. ``flags`` says whether observations, and whether rewards, are normalised, and whether the moments
    still change.
    """

    mean_D: Array
    var_D: Array
    count: Array
    return_mean: Array
    return_var: Array
    return_count: Array
    discounted_N: Array
    flags: Array


class Episodes(NamedTuple):
    """What the running episodes have scored, and the list of those that ended (``ended[0]`` of them)."""

    returns_N: Array
    lengths_N: Array
    ended_returns: Array
    ended_lengths: Array
    ended: Array


class StepArrays(NamedTuple):
    """One step of every copy: as the environment gave it, and as the agent learns from it.

    ``raw_ND`` are observations (after a reset where an episode ended), ``raw_final_ND`` the last ones of episodes that
    ended, valid where ``dones_N``; ``truncated_N`` marks those that a limit ended. ``observations_ND``, ``final_ND``
    and ``rewards_N`` are normalised (float32); ``raw_rewards_N`` is not.
    """

    raw_ND: Array
    raw_final_ND: Array
    raw_rewards_N: Array
    dones_N: Array
    truncated_N: Array
    observations_ND: Array
    final_ND: Array
    rewards_N: Array


@exact
def merge(mean_D, var_D, count, x_ND):  # type: ignore[no-untyped-def]
    """Merge the moments of a batch into running ones."""
    rows = x_ND.shape[0]
    total = count[0] + rows
    for j in range(x_ND.shape[1]):
        mean, spread = 0.0, 0.0
        for i in range(rows):
            mean += x_ND[i, j]
        mean /= rows
        for i in range(rows):
            spread += (x_ND[i, j] - mean) ** 2
        delta = mean - mean_D[j]
        var_D[j] = (var_D[j] * count[0] + spread + delta * delta * count[0] * rows / total) / total
        mean_D[j] += delta * rows / total
    count[0] = total


@exact
def scale(x_ND, mean_D, var_D, out_ND):  # type: ignore[no-untyped-def]
    """Write (x − mean)/√(var + ε), clipped to ± LIMIT."""
    for j in range(x_ND.shape[1]):
        deviation = math.sqrt(var_D[j] + EPSILON)
        for i in range(x_ND.shape[0]):
            out_ND[i, j] = min(max((x_ND[i, j] - mean_D[j]) / deviation, -LIMIT), LIMIT)


@exact
def all_finite(x_ND):  # type: ignore[no-untyped-def]
    """Tell whether every element is a finite number."""
    for i in range(x_ND.shape[0]):
        for j in range(x_ND.shape[1]):
            if not np.isfinite(x_ND[i, j]):
                return False
    return True


@exact
def begin(arrays, statistics, episodes):  # type: ignore[no-untyped-def]
    """Take in the observations of a reset. Returns a code of this module."""
    episodes.returns_N[:], episodes.lengths_N[:], statistics.discounted_N[:] = 0.0, 0, 0.0
    if not all_finite(arrays.raw_ND):
        return BAD_OBSERVATION
    if statistics.flags[0]:
        if statistics.flags[2]:
            merge(statistics.mean_D, statistics.var_D, statistics.count, arrays.raw_ND)
        scale(arrays.raw_ND, statistics.mean_D, statistics.var_D, arrays.observations_ND)
    else:
        arrays.observations_ND[:] = arrays.raw_ND
    return FINE


@exact
def settle(arrays, statistics, episodes, gamma):  # type: ignore[no-untyped-def]
    """Take in one step: record, check, normalise. Returns a code of this module."""
    copies = arrays.raw_rewards_N.size
    any_done = False
    for i in range(copies):
        if not np.isfinite(arrays.raw_rewards_N[i]):
            return BAD_REWARD
        episodes.returns_N[i] += arrays.raw_rewards_N[i]
        episodes.lengths_N[i] += 1
        if arrays.dones_N[i]:
            any_done = True
            place = episodes.ended[0]
            episodes.ended_returns[place], episodes.ended_lengths[place] = episodes.returns_N[i], episodes.lengths_N[i]
            episodes.returns_N[i], episodes.lengths_N[i], episodes.ended[0] = 0.0, 0, place + 1
            if not all_finite(arrays.raw_final_ND[i : i + 1]):
                return BAD_OBSERVATION
    if not all_finite(arrays.raw_ND):
        return BAD_OBSERVATION
    if statistics.flags[0]:
        mean_D, var_D = statistics.mean_D, statistics.var_D
        if statistics.flags[2]:
            merge(mean_D, var_D, statistics.count, arrays.raw_ND)
        scale(arrays.raw_ND, mean_D, var_D, arrays.observations_ND)
        if any_done:
            scale(arrays.raw_final_ND, mean_D, var_D, arrays.final_ND)
    else:
        arrays.observations_ND[:] = arrays.raw_ND
        if any_done:
            arrays.final_ND[:] = arrays.raw_final_ND
    if statistics.flags[1]:
        discounted = statistics.discounted_N
        for i in range(copies):
            discounted[i] = discounted[i] * gamma + arrays.raw_rewards_N[i]
        if statistics.flags[2]:
            merge(statistics.return_mean, statistics.return_var, statistics.return_count, discounted.reshape(copies, 1))
        deviation = math.sqrt(statistics.return_var[0] + EPSILON)
        for i in range(copies):
            arrays.rewards_N[i] = min(max(arrays.raw_rewards_N[i] / deviation, -LIMIT), LIMIT)
            if arrays.dones_N[i]:
                discounted[i] = 0.0
    else:
        arrays.rewards_N[:] = arrays.raw_rewards_N
    return FINE
