"""What follows every step of the copies, in one kernel: finite checks, episode records, normalisation.

Normalisation is Stable-Baselines3's ``VecNormalize``: running moments merged batch by batch (Chan, Golub & LeVeque
1979), observations scaled by their own, rewards by the deviation of the discounted return.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rlx.envs.normalization import Normalizer
from rlx.launch import exact

Array = np.ndarray[Any, Any]

FINE, BAD_OBSERVATION, BAD_REWARD = range(3)

EPSILON, LIMIT = 1e-8, 10.0
"""Added to variances, and where normalised numbers are clipped: Stable-Baselines3's defaults."""


class Statistics(NamedTuple):
    """Running moments; arrays of one element where a number changes.

    ``mean_D var_D samples`` are of observations; ``return_*`` of the discounted return, whose current value per copy is
    ``discounted_N``. ``flags`` says whether observations, and whether rewards, are normalised.
    """

    mean_D: Array
    var_D: Array
    samples: Array
    return_mean: Array
    return_var: Array
    return_samples: Array
    discounted_N: Array
    flags: Array


class Episodes(NamedTuple):
    """What the running episodes have scored, and the list of those that ended (``ended[0]`` of them).

    ``ended_truncated`` marks those that a limit ended.
    """

    returns_N: Array
    lengths_N: Array
    ended_returns: Array
    ended_lengths: Array
    ended_truncated: Array
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


class Ledger(NamedTuple):
    """Everything that a step of the copies changes, and the discount of returns."""

    arrays: StepArrays
    statistics: Statistics
    episodes: Episodes
    gamma: float


def still_statistics(normalizer: Normalizer | None, width: int, copies: int) -> Statistics:
    """Return the moments of a normaliser for whoever plays and does not learn: observations are scaled by them."""
    moments = normalizer.observation.get("") if normalizer is not None else None
    mean_D, var_D = (
        (np.zeros(width), np.ones(width)) if moments is None else (np.ravel(moments.mean), np.ravel(moments.var))
    )
    none = np.zeros(1)
    return Statistics(mean_D.astype(np.float64), var_D.astype(np.float64), none, none, np.ones(1), none,
                      np.zeros(copies), np.array([moments is not None, False]))  # fmt: skip


@exact
def merge_moments(mean_D, var_D, samples, x_ND):
    """Merge the moments of a batch into running ones."""
    rows = x_ND.shape[0]
    total = samples[0] + rows
    for j in range(x_ND.shape[1]):
        mean, spread = 0.0, 0.0
        for i in range(rows):
            mean += x_ND[i, j]
        mean /= rows
        for i in range(rows):
            spread += (x_ND[i, j] - mean) ** 2
        delta = mean - mean_D[j]
        var_D[j] = (var_D[j] * samples[0] + spread + delta * delta * samples[0] * rows / total) / total
        mean_D[j] += delta * rows / total
    samples[0] = total


@exact
def scale(x_ND, mean_D, var_D, out_ND):
    """Write (x − mean)/√(var + ε), clipped to ± LIMIT."""
    for j in range(x_ND.shape[1]):
        deviation = math.sqrt(var_D[j] + EPSILON)
        for i in range(x_ND.shape[0]):
            out_ND[i, j] = min(max((x_ND[i, j] - mean_D[j]) / deviation, -LIMIT), LIMIT)


@exact
def copy(x_ND, out_ND):
    """Write x, rounded to the numbers that ``out_ND`` has. NumPy's assignment takes a second to compile."""
    for i in range(x_ND.shape[0]):
        for j in range(x_ND.shape[1]):
            out_ND[i, j] = x_ND[i, j]


@exact
def all_finite(x_ND):
    """Tell whether every element is a finite number."""
    for i in range(x_ND.shape[0]):
        for j in range(x_ND.shape[1]):
            if not np.isfinite(x_ND[i, j]):
                return False
    return True


@exact
def record(arrays, episodes):
    """Add up what the running episodes score, and note those that ended. Returns a code of this module."""
    for i in range(arrays.raw_rewards_N.size):
        if not np.isfinite(arrays.raw_rewards_N[i]):
            return BAD_REWARD
        episodes.returns_N[i] += arrays.raw_rewards_N[i]
        episodes.lengths_N[i] += 1
        if arrays.dones_N[i]:
            place = episodes.ended[0]
            episodes.ended_returns[place], episodes.ended_lengths[place] = episodes.returns_N[i], episodes.lengths_N[i]
            episodes.ended_truncated[place] = arrays.truncated_N[i]
            episodes.returns_N[i], episodes.lengths_N[i], episodes.ended[0] = 0.0, 0, place + 1
            if not all_finite(arrays.raw_final_ND[i : i + 1]):
                return BAD_OBSERVATION
    return FINE if all_finite(arrays.raw_ND) else BAD_OBSERVATION


@exact
def show(ledger):
    """Write what the network sees of the present observations; the moments stay as they are."""
    arrays, statistics = ledger.arrays, ledger.statistics
    if statistics.flags[0]:
        scale(arrays.raw_ND, statistics.mean_D, statistics.var_D, arrays.observations_ND)
    else:
        copy(arrays.raw_ND, arrays.observations_ND)


@exact
def normalize_observations(ledger):
    """Take the observations into the moments, and write what the network sees."""
    arrays, statistics = ledger.arrays, ledger.statistics
    if statistics.flags[0]:
        merge_moments(statistics.mean_D, statistics.var_D, statistics.samples, arrays.raw_ND)
    show(ledger)
    if not arrays.dones_N.any():
        return
    if statistics.flags[0]:
        scale(arrays.raw_final_ND, statistics.mean_D, statistics.var_D, arrays.final_ND)
    else:
        copy(arrays.raw_final_ND, arrays.final_ND)


@exact
def normalize_rewards(ledger):
    """Write the rewards that the agent learns from (as SB3, from rewards rounded to float32)."""
    arrays, statistics = ledger.arrays, ledger.statistics
    discounted = statistics.discounted_N
    if not statistics.flags[1]:
        for i in range(arrays.rewards_N.size):
            arrays.rewards_N[i] = arrays.raw_rewards_N[i]
        return
    for i in range(discounted.size):
        discounted[i] = discounted[i] * ledger.gamma + np.float32(arrays.raw_rewards_N[i])
    batch = discounted.reshape(discounted.size, 1)
    merge_moments(statistics.return_mean, statistics.return_var, statistics.return_samples, batch)
    deviation = math.sqrt(statistics.return_var[0] + EPSILON)
    for i in range(discounted.size):
        arrays.rewards_N[i] = min(max(np.float32(arrays.raw_rewards_N[i]) / deviation, -LIMIT), LIMIT)
        if arrays.dones_N[i]:
            discounted[i] = 0.0


@exact
def begin(ledger):
    """Take in the observations of a reset. Returns a code of this module."""
    arrays, episodes = ledger.arrays, ledger.episodes
    episodes.returns_N[:], episodes.lengths_N[:], ledger.statistics.discounted_N[:] = 0.0, 0, 0.0
    arrays.dones_N[:] = False
    if not all_finite(arrays.raw_ND):
        return BAD_OBSERVATION
    normalize_observations(ledger)
    return FINE


@exact
def settle(ledger):
    """Take in one step: record, check, normalise. Returns a code of this module."""
    code = record(ledger.arrays, ledger.episodes)
    if code == FINE:
        normalize_observations(ledger)
        normalize_rewards(ledger)
    return code
