"""Playing whole episodes in a compiled environment with the most likely actions: validation at training's speed."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.kernels.network import forward
from rlx.algorithms.ppo.kernels.acting import clip_actions, stretch
from rlx.algorithms.ppo.kernels.distributions import SQUASHED, mode
from rlx.envs import advance, show
from rlx.launch import exact


@exact
def play_episodes(policy, work, native, ledger, bounds_2A, largest_A, efforts_N, over_N):
    """Play the episode that each copy has just begun to its end; ``ledger.episodes`` then has returns and lengths.

    ``efforts_N`` becomes the mean size of actions, in parts of ``largest_A``. Copies that are done go on in the batch, and what
    comes of it is ignored.
    """
    arrays, episodes = ledger.arrays, ledger.episodes
    chosen = np.empty((over_N.size, bounds_2A.shape[1]), np.float32)
    executed = np.empty_like(chosen)
    episodes.returns_N[:], episodes.lengths_N[:], over_N[:], efforts_N[:] = 0.0, 0, False, 0.0
    while not over_N.all():
        show(ledger)
        y = forward(policy.parameters, policy.actor, arrays.observations_ND, work.actor)
        mode(policy.head, y, chosen)
        if policy.head.kind == SQUASHED:
            stretch(chosen, bounds_2A)
        clip_actions(chosen, bounds_2A, executed)
        native.used_N[:] = 0
        advance(native, arrays, executed)
        for i in range(over_N.size):
            if not over_N[i]:
                episodes.returns_N[i] += arrays.raw_rewards_N[i]
                episodes.lengths_N[i] += 1
                over_N[i] = arrays.dones_N[i]
                size = 0.0
                for k in range(largest_A.size):
                    size += abs(executed[i, k]) / largest_A[k]
                efforts_N[i] += size / largest_A.size
                if over_N[i]:
                    efforts_N[i] /= episodes.lengths_N[i]
