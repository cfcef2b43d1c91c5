"""Playing whole episodes in a compiled environment with the most likely actions: validation at training's speed."""

from __future__ import annotations

import numpy as np

from rlx.algorithms.ppo.kernels.acting import clip_actions
from rlx.algorithms.ppo.kernels.distributions import mode, note_near_ties
from rlx.algorithms.ppo.kernels.network import forward
from rlx.envs import advance, show
from rlx.launch import exact


@exact
def play_episodes(policy, work, native, ledger, bounds_2A, over_N, near_N):
    """Play the episode that each copy has just begun to its end; ``ledger.episodes`` then has returns and lengths.

    ``near_N`` marks the episodes in which two actions were about as likely at some step. Copies that are done go on in the batch, so that its size, on which the last bits depend, never changes.
    """
    arrays, episodes = ledger.arrays, ledger.episodes
    chosen = np.empty((over_N.size, bounds_2A.shape[1]), np.float32)
    executed, near_now_N = np.empty_like(chosen), np.empty_like(over_N)
    near_N[:] = False
    episodes.returns_N[:], episodes.lengths_N[:], over_N[:] = 0.0, 0, False
    while not over_N.all():
        show(ledger)
        y = forward(policy.parameters, policy.actor, arrays.observations_ND, work.actor, True)
        near_now_N[:] = False
        mode(policy.head, y, chosen)
        note_near_ties(policy.head, y, near_now_N)
        clip_actions(chosen, bounds_2A, executed)
        native.used_N[:] = 0
        advance(native, arrays, executed)
        for i in range(over_N.size):
            if not over_N[i]:
                near_N[i] |= near_now_N[i]
                episodes.returns_N[i] += arrays.raw_rewards_N[i]
                episodes.lengths_N[i] += 1
                over_N[i] = arrays.dones_N[i]
