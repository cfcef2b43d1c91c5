"""Playing whole episodes in a compiled environment with the most likely actions: validation at training's speed."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.ppo.kernels.acting import act_greedily
from rlx.compiled import exact
from rlx.vector_envs.dynamics import advance
from rlx.vector_envs.settling import scale


@exact
def play(turned_P, actor, head, layers, native, arrays, statistics, bounds_2A, returns_N, lengths_N):
    """Play the episode that each copy has just begun to its end; writes returns and lengths.

    Copies that are done go on in the batch, so that its size, on which the last bits depend, never changes.
    """
    copies, elements = returns_N.size, bounds_2A.shape[1]
    over, chosen = np.zeros(copies, np.bool_), np.empty((copies, elements), np.float32)
    returns_N[:], lengths_N[:] = 0.0, 0
    while not over.all():
        if statistics.flags[0]:
            scale(arrays.raw_ND, statistics.mean_D, statistics.var_D, arrays.observations_ND)
        else:
            arrays.observations_ND[:] = arrays.raw_ND
        act_greedily(turned_P, actor, head, arrays.observations_ND, layers, chosen)
        for i in range(copies):
            for k in range(elements):
                chosen[i, k] = min(max(chosen[i, k], bounds_2A[0, k]), bounds_2A[1, k])
        native.used_N[:] = 0
        advance(native, arrays, chosen)
        for i in range(copies):
            if not over[i]:
                returns_N[i] += arrays.raw_rewards_N[i]
                lengths_N[i] += 1
                over[i] = arrays.dones_N[i]
