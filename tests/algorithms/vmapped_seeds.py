"""A program: eight seeds of the page in JAX, trained as one vmapped program in a corridor written in JAX; prints what came of it.

It runs in a process of its own (``test_pages.py``): JAX has threads, beside which no other test could fork.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState

from rlx.algorithms.flax_networks import FlaxMLP
from tests.conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY))
from algorithms import reinforce_jax

CELLS, LIMIT, COPIES, UPDATES, GAMMA = 5, 12, 16, 40, 0.95
NETWORK = FlaxMLP((CELLS,), (16,), 2)


def episode_step(cells_N: Any, actions_N: Any) -> tuple[Any, Any]:
    """Go left or right; the right end pays 1 and is the end, every step costs 0.1."""
    there_N = cells_N == CELLS - 1
    moved_N = jnp.clip(cells_N + 2 * actions_N - 1, 0, CELLS - 1)
    return jnp.where(there_N, cells_N, moved_N), jnp.where(there_N, 0.0, jnp.where(moved_N == CELLS - 1, 1.0, -0.1))


def rollout(state: TrainState, key: Any) -> tuple[Any, Any, Any]:
    """Return observations, actions and rewards of LIMIT steps in COPIES corridors, each begun at the left end."""

    def step(cells_N: Any, key: Any) -> Any:
        seen = jax.nn.one_hot(cells_N, CELLS)
        _, actions_N = reinforce_jax.choose(state, key, seen)
        after_N, rewards_N = episode_step(cells_N, actions_N)
        return after_N, (seen, actions_N, rewards_N)

    return jax.lax.scan(step, jnp.zeros(COPIES, int), jax.random.split(key, LIMIT))[1]


def returns(rewards_TN: Any) -> Any:
    def back(following_N: Any, rewards_N: Any) -> Any:
        return (rewards_N + GAMMA * following_N,) * 2

    return jax.lax.scan(back, jnp.zeros(COPIES), rewards_TN, reverse=True)[1]


def train(key: Any) -> tuple[Any, Any]:
    """Train one seed; return its weights, and the mean return of each update's episodes."""
    first, key = jax.random.split(key)
    weights = NETWORK.init(first, jnp.zeros(CELLS))
    state = TrainState.create(apply_fn=NETWORK.apply, params=weights, tx=optax.adam(0.02))

    def once(state: TrainState, key: Any) -> Any:
        seen, actions_TN, rewards_TN = rollout(state, key)
        state, _ = reinforce_jax.update(state, seen, actions_TN, returns(rewards_TN))
        return state, rewards_TN.sum(0).mean()

    state, scores = jax.lax.scan(once, state, jax.random.split(key, UPDATES))
    return state.params, scores


def main() -> None:
    keys = jax.vmap(jax.random.key)(jnp.arange(8))
    together, scores_SU = jax.jit(jax.vmap(train))(keys)
    alone = jax.jit(train)
    apart = []
    for seed in range(8):
        weights, _ = alone(jax.random.key(seed))
        both = zip(jax.tree.leaves(weights), jax.tree.leaves(together), strict=True)
        apart.append(max(float(jnp.abs(one - all_[seed]).max()) for one, all_ in both))
    same = [float(jnp.abs(leaf[0] - leaf[1]).max()) for leaf in jax.tree.leaves(together)]
    print(
        json.dumps({"first": scores_SU[:, 0].tolist(), "last": scores_SU[:, -1].tolist(), "apart": apart, "same": same})
    )


if __name__ == "__main__":
    main()
