"""The contract between an algorithm and the workbench: five methods.

Array names carry their axes: N copies of the environment. Observations are an array, or a dict of arrays, with N first.
Training is a sequence of *iterations* (:meth:`Learner.advance`) cut into *segments* by checkpoints. A segment begins with
:meth:`Learner.boundary`: fresh episodes, and all randomness from its seed. So :meth:`Learner.state` at its beginning is
everything there is, and a killed training that goes on from it ends with the same bits as one that was never killed.

The environments (:class:`rlx.envs.Environments`) own the rest: the clock, ended episodes, the normaliser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rlx.config import UPDATE_SECONDS as UPDATE_SECONDS  # noqa: PLC0414 — given to learners by this room's door

if TYPE_CHECKING:  # whoever only reads what an algorithm is has no use for it
    import numpy as np

    Array = np.ndarray[Any, Any]

Observations = Any
"""An array, or a dict of arrays, with one row per copy (or per episode played)."""
State = dict[str, Any]
"""Nested dicts, lists and tuples of arrays (NumPy's, torch's or JAX's), numbers, text and None: written without pickle.

``state["policy"]`` alone is enough to act, and every checkpoint has it. All other keys serve going on; ``state["replay"]``, where
there is one, is a :class:`ReplayRows`, which is large and kept beside the checkpoints.
"""


@dataclass(frozen=True)
class ReplayRows:
    """The rows of a replay buffer: of all that were ever added, numbered from 0, the newest.

    A row is written once: after the :meth:`Learner.boundary` that follows it, it changes no more (what can change later is no
    column; it belongs into another key of the state). So a checkpoint writes only the rows that are new.

    Attributes:
        columns: By name an array whose first axis is the ring: row r is at ``r % capacity``. All have the same first size.
        added: How many rows were ever added.
    """

    columns: Mapping[str, Array]
    added: int

    @property
    def capacity(self) -> int:
        """How many rows the ring holds."""
        return len(next(iter(self.columns.values())))

    @property
    def first(self) -> int:
        """The number of the oldest row that is still there."""
        return max(0, self.added - self.capacity)

    def since(self, row: int) -> dict[str, Array]:
        """Return the rows from a number on that are still there, oldest first, by column."""
        first, capacity = max(row, self.first), self.capacity
        start, stop = first % capacity, first % capacity + self.added - first
        return {
            name: ring[start:stop] if stop <= capacity else ring.take(range(start, stop), axis=0, mode="wrap")
            for name, ring in self.columns.items()
        }


class Actor(Protocol):
    """Chooses actions, in evaluation and film. What it draws disturbs no training."""

    def act(
        self,
        observations: Observations,
        memory: Any,
        episode_starts_N: Array,
        masks: Array | None,
        deterministic: bool,
    ) -> tuple[Array, Any]:
        """Return an action for each row, and the memory of a recurrent policy.

        Args:
            observations: One row per episode, normalised as in training.
            memory: What it returned last; None at first, and for policies without one.
            episode_starts_N: Where true, the row begins a new episode, and what its memory held does not count.
            masks: Which actions each row may take, true where allowed, as the environment's ``action_masks()`` tells; None of one
                that has no such method, and for algorithms that ignore it (:attr:`rlx.algorithms.Algorithm.masks`).
            deterministic: Whether to take the most likely action instead of drawing one.
        """


class Learner(Protocol):
    """One seed in training: made by :attr:`rlx.algorithms.Algorithm.make`, given its state if it has one, told :meth:`boundary`."""

    def boundary(self, seed: int) -> None:
        """Begin a segment: ``env.reset(seed)``, forget what :meth:`state` does not hold, draw from ``seed`` from now on.

        ``seed`` is the segment's own, made of the training seed and how many went before. The global generators of Python,
        NumPy and torch (of CUDA, too) are seeded with it already; generators and keys of your own are not.
        """

    def advance(self) -> Mapping[str, float]:
        """Do one iteration (a rollout and its update; some steps of an off-policy algorithm); return its metrics.

        At least one step is taken in the environments. Every key is documented in :attr:`rlx.algorithms.Algorithm.metrics`, and
        none is one of those that every training logs; ``time/update_seconds``, how long the update took without its steps in
        the environment, may be among them.
        """

    def state(self) -> State:
        """Return everything that the next :meth:`boundary` does not make anew."""

    def load_state(self, state: State) -> None:
        """Take over such a state; given ``policy`` alone, take over what acting needs.

        Whatever it raises at one that it cannot take over is told with the checkpoint's name and what to do.
        """

    def policy(self, seed: int) -> Actor:
        """Return the present policy, good until the next :meth:`advance`; what it draws comes from ``seed``.

        Validation and held-out play seed the global generators before it acts, and put them back after; generators of its own
        it seeds with ``seed``.
        """
