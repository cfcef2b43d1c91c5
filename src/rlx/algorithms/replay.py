"""What off-policy learners keep of their steps: a replay of transitions (:mod:`rlx.algorithms.rollout` for on-policy ones).

Array names carry their axes: T steps, N copies, B rows of a batch; ``…`` is the shape of one observation or action. Observations of
a dict space are dicts of such arrays. Dtypes: what a space holds as whole numbers stays as it is (bytes of images, ``int64`` of
discrete actions), everything else is ``float32``.

Both take what :meth:`rlx.envs.Environments.step` gave, and tell the two ends of an episode apart (Pardo et al. 2018, *Time
Limits in Reinforcement Learning*, https://arxiv.org/abs/1712.00378): after a termination nothing more is to be had, so nothing is
bootstrapped; a truncation only stopped the clock, and the last observation's value counts. That observation is the true one
(``Step.final``), never the next episode's first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.algorithms.columns import as_columns, columns_of, from_columns, true_next
from rlx.algorithms.learner import Observations, ReplayRows

if TYPE_CHECKING:
    from gymnasium import Space

    from rlx.algorithms.learner import Array
    from rlx.envs import Step


@dataclass(frozen=True)
class Batch:
    """Transitions as a learner trains on them: the schema of every batch of :class:`Replay`.

    Attributes:
        observations: (B, …), or a dict of such; where the transition began.
        actions: (B, …) as the policy chose them; (B,) ``int64`` where they are discrete.
        rewards: (B,) ``float32``: r₀ + γ r₁ + … over the n steps that were taken (fewer before an episode's end).
        next_observations: As ``observations``: where it led to, the last one of an episode that ended.
        discounts: (B,) ``float32``: γⁿ for those n steps; 0 where the episode terminated. So a target is
            ``rewards + discounts * value(next_observations)``, whatever n.
    """

    observations: Observations
    actions: Array
    rewards: Array
    next_observations: Observations
    discounts: Array

    def to(self, device: str) -> Batch:
        """Return the same with torch's tensors, on a device; dtypes stay."""
        import torch

        def moved(part: Any) -> Any:
            if isinstance(part, Mapping):
                return {key: moved(rows) for key, rows in part.items()}
            return torch.as_tensor(part, device=device)

        return Batch(*(moved(getattr(self, each.name)) for each in fields(self)))


class Replay:
    """A ring of the newest transitions, from which batches are drawn uniformly (Lin 1992; Mnih et al. 2015, Nature 518).

    A transition is kept once its n-step return is known (Sutton 1988; Hessel et al. 2018, https://arxiv.org/abs/1710.02298), and
    changes no more: so a checkpoint writes only what is new. Columns of :meth:`rows`: ``observations``, ``actions``,
    ``rewards``, ``next_observations``, ``discounts``, of dict observations ``observations/KEY``.

    Args:
        capacity: How many transitions are kept.
        num_envs: Copies that step together.
        observation_space: Of one copy.
        action_space: Of one copy.
        n_step: Rewards that are summed before bootstrapping. (Usually 1–5.)
        gamma: Discount factor.

    Raises:
        ValueError: Fewer transitions are kept than one step can bring.
    """

    def __init__(  # noqa: PLR0913
        self,
        capacity: int,
        num_envs: int,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        n_step: int = 1,
        gamma: float = 0.99,
    ):
        if capacity < num_envs * n_step:
            raise ValueError(f"a replay of {capacity:,} rows is too small for {num_envs} copies and {n_step} steps")
        self.capacity, self.n_step, self.gamma, self.added = capacity, n_step, gamma, 0
        seen = columns_of("observations", observation_space)
        kinds = {**seen, **columns_of("actions", action_space), "rewards": ((), np.float32)}
        kinds |= {f"next_{name}": kind for name, kind in seen.items()} | {"discounts": ((), np.float32)}
        self._columns = {name: np.zeros((capacity, *shape), dtype) for name, (shape, dtype) in kinds.items()}
        self._window: deque[tuple[dict[str, Array], Array]] = deque(maxlen=n_step)
        self._ages_N = np.zeros(num_envs, np.int64)

    def __len__(self) -> int:
        """Return how many transitions can be drawn."""
        return min(self.added, self.capacity)

    def add(self, observations: Observations, actions_N: Array, step: Step) -> None:
        """Keep what a step of all copies gave.

        Args:
            observations: What they showed before it.
            actions_N: What the policy chose.
            step: What came of it.
        """
        begun = {**as_columns("observations", observations), "actions": np.array(actions_N)}
        rewards_N, ended_N = np.asarray(step.rewards_N, np.float64), step.ended_N
        self._window.append((begun, rewards_N))
        self._ages_N += 1
        following = as_columns("next_observations", true_next(step))
        for steps in range(len(self._window), 0, -1):  # transitions of that many steps, the oldest first
            due_N = (self._ages_N >= steps) & (ended_N | (steps == self.n_step))
            if not due_N.any():
                continue
            returns_N = np.zeros_like(rewards_N)
            for _, later_N in list(self._window)[: -steps - 1 : -1]:
                returns_N = later_N + self.gamma * returns_N
            discounts_N = np.where(step.terminated_N, 0.0, self.gamma**steps)
            rows = {**self._window[-steps][0], "rewards": returns_N, **following, "discounts": discounts_N}
            self._write({name: column[due_N] for name, column in rows.items()}, int(due_N.sum()))
        self._ages_N = np.where(ended_N, 0, np.minimum(self._ages_N, self.n_step - 1))

    def _write(self, rows: Mapping[str, Array], count: int) -> None:
        places = np.arange(self.added, self.added + count) % self.capacity
        for name, ring in self._columns.items():
            given = rows[name].reshape(count, *ring.shape[1:])
            if not np.can_cast(given.dtype, ring.dtype, "same_kind"):
                raise TypeError(f"{name}: {given.dtype} in a replay of {ring.dtype}, as the space has it")
            ring[places] = given
        self.added += count

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw transitions uniformly, with replacement.

        Raises:
            ValueError: None is there yet.
        """
        if not self.added:
            raise ValueError("a replay without transitions has none to draw; wait for len(replay)")
        rows_B = rng.integers(0, len(self), size)
        drawn = {name: ring[rows_B] for name, ring in self._columns.items()}
        seen, following = (from_columns(name, drawn) for name in ("observations", "next_observations"))
        return Batch(seen, drawn["actions"], drawn["rewards"], following, drawn["discounts"])

    def boundary(self) -> None:
        """Forget the beginnings of n-step returns that are not known yet: their episodes do not go on."""
        self._window.clear()
        self._ages_N[:] = 0

    def rows(self) -> ReplayRows:
        """Return the rows, for ``state()["replay"]``; not copied."""
        return ReplayRows(dict(self._columns), self.added)

    def restore(self, rows: ReplayRows) -> None:
        """Take over rows; of a larger replay the newest.

        Raises:
            ValueError: They are of other spaces.
        """
        first = max(rows.first, rows.added - self.capacity)
        newest = rows.since(first)
        for name, ring in self._columns.items():
            if name not in newest or newest[name].shape[1:] != ring.shape[1:]:
                raise ValueError(f"the replay has no {name} of shape {ring.shape[1:]}: it is of another environment")
            ring[np.arange(first, rows.added) % self.capacity] = newest[name]
        self.added = rows.added
        self.boundary()
