"""The vectorised environment that the fast engine trains in: a source of steps, its records and its normaliser."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from gymnasium import spaces

from rlx.envs.env_wrappers import EpisodeStatistics, first_non_finite, non_finite_message
from rlx.envs.normalization import Moments, Normalizer
from rlx.envs.space_facts import described
from rlx.envs.surroundings import Surroundings
from rlx.envs.vector_envs.native import step_arrays
from rlx.envs.vector_envs.settling import BAD_REWARD, EPSILON, FINE, LIMIT, Episodes, Ledger, Statistics, begin, settle
from rlx.envs.vector_envs.sources import Source
from rlx.envs.vector_envs.stock import OwnVecEnv
from rlx.errors import NonFiniteValue, TrainingFailed

Array = np.ndarray[Any, Any]


class TrainingEnv(OwnVecEnv):
    """Steps a source, keeps what its episodes score, stops at values that are not finite, and normalises.

    The fast engine calls :meth:`advance` and reads ``arrays``; to everyone else this is a ``VecEnv`` with
    Stable-Baselines3's conventions (new episodes begin by themselves, ``terminal_observation`` in the last info).
    """

    def __init__(  # noqa: PLR0913
        self,
        source: Source,
        env_id: str,
        surroundings: Surroundings,
        *,
        norm_obs: bool,
        norm_reward: bool,
        gamma: float,
    ):
        super().__init__(source.num_envs, source.observation_space, source.action_space)
        self.source, self.gamma, self.steps_taken = source, float(gamma), 0
        self.has_masks = source.has_masks
        self._seconds, self._compiled = 0.0, 0
        self.surroundings = surroundings
        self._env_id, self.normalizes = env_id, norm_obs or norm_reward
        self.arrays = step_arrays(self.num_envs, self.observation_space)
        width = self.arrays.raw_ND.shape[1]
        self.statistics = Statistics(
            np.zeros(width), np.ones(width), np.full(1, 1e-4),
            np.zeros(1), np.ones(1), np.full(1, 1e-4),
            np.zeros(self.num_envs), np.array([norm_obs, norm_reward]),
        )  # fmt: skip
        self.episodes = new_episodes(self.num_envs, capacity=1024)

    @property
    def ledger(self) -> Ledger:
        """All of it, as kernels take it."""
        return Ledger(self.arrays, self.statistics, self.episodes, self.gamma)

    def seed(self, seed: int | None = None) -> Any:
        """Let the next reset, and the generators that the environments share, start from a seed."""
        if seed is not None:
            self.surroundings.reseed(seed)
        return super().seed(seed)

    def reset(self) -> Array:
        """Start new episodes everywhere; unfinished ones are forgotten."""
        with self.surroundings:
            self.source.reset(self.arrays, self._seeds)
        self._reset_seeds()
        self.stop_if(begin(self.ledger))
        return self.shaped(self.arrays.observations_ND)

    def advance(self, actions: Array) -> None:
        """Step every copy; ``arrays`` then holds what came of it."""
        self.make_room(self.num_envs)
        with self.surroundings:
            self.step_source(actions)
        self.stop_if(settle(self.ledger))

    def masks(self) -> list[Array] | None:
        """See :meth:`OwnVecEnv.masks`."""
        with self.surroundings:
            return self.source.masks()

    def step_source(self, actions: Array) -> None:
        """Step every copy, and nothing more: what came of it is not settled."""
        begun = time.perf_counter()
        self.source.step(self.arrays, actions)
        self._seconds += time.perf_counter() - begun
        self.steps_taken += self.num_envs

    def count_compiled(self, steps: int) -> None:
        """Note steps that compiled code has taken in the source's state."""
        self.steps_taken += steps
        self._compiled += steps

    @property
    def seconds(self) -> float:
        """How long steps took; of those in compiled code, which are too short to be timed one by one, what a sample of them takes."""
        compiled: Any = self.source  # no other has steps in compiled code
        return self._seconds + (self._compiled * compiled.seconds_per_step() if self._compiled else 0.0)

    def make_room(self, ended: int) -> None:
        """Make sure that as many more episodes can be recorded as ended."""
        wanted = int(self.episodes.ended[0]) + ended
        if wanted > len(self.episodes.ended_returns):
            grown = new_episodes(self.num_envs, 2 * wanted)
            for old, new in zip(self.episodes, grown, strict=True):
                new[: len(old)] = old
            self.episodes = grown

    def take(self) -> EpisodeStatistics:
        """Return the episodes that ended since the last call, and forget them."""
        episodes, count = self.episodes, int(self.episodes.ended[0])
        returns, lengths = episodes.ended_returns[:count].tolist(), episodes.ended_lengths[:count].tolist()
        truncations = episodes.ended_truncated[:count].tolist()
        successes = tuple(self.source.successes)
        self.source.successes.clear()
        episodes.ended[0] = 0
        return EpisodeStatistics(
            tuple(returns), tuple(lengths), successes, tuple(truncations), self.source.components.take()
        )

    @property
    def normalizer(self) -> Normalizer | None:
        """The current statistics, as a checkpoint holds them; None when nothing is normalised."""
        now = self.statistics
        if not self.normalizes:
            return None
        shape = self.observation_space.shape
        observation = Moments(now.mean_D.reshape(shape).copy(), now.var_D.reshape(shape).copy(), float(now.samples[0]))
        returns = Moments(np.array(now.return_mean[0]), np.array(now.return_var[0]), float(now.return_samples[0]))
        return Normalizer({"": observation} if now.flags[0] else {}, returns, LIMIT, EPSILON)

    @normalizer.setter
    def normalizer(self, value: Normalizer) -> None:
        """Go on from the statistics of a checkpoint."""
        now = self.statistics
        now.return_mean[0], now.return_var[0] = value.returns.mean, value.returns.var
        now.return_samples[0] = value.returns.count
        if moments := value.observation.get(""):
            now.mean_D[:], now.var_D[:], now.samples[0] = np.ravel(moments.mean), np.ravel(moments.var), moments.count

    def stop_if(self, code: int) -> None:
        """Raise the failure that a kernel reports.

        Raises:
            NonFiniteValue: An observation or reward is NaN or infinite.
        """
        if code == FINE:
            return
        arrays = self.arrays
        if code == BAD_REWARD:
            what, batch, copies = "reward", arrays.raw_rewards_N, list(range(self.num_envs))
        else:
            ended = [
                index
                for index in np.flatnonzero(arrays.dones_N).tolist()
                if not np.isfinite(arrays.raw_final_ND[index]).all()
            ]
            what, batch, copies = (
                "observation",
                arrays.raw_final_ND if ended else arrays.raw_ND,
                ended or list(range(self.num_envs)),
            )
        copy = next(int(index) for index in copies if not np.isfinite(batch[index]).all())
        told = non_finite_message(self._env_id, what, batch[copy], copy, self.num_envs, self.steps_taken)
        raise NonFiniteValue(told, what, first_non_finite(batch[copy]) or "")

    def step_wait(self) -> Any:
        """See :meth:`stable_baselines3.common.vec_env.VecEnv.step_wait`."""
        self.advance(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(self.arrays.dones_N):
            infos[index] = {
                "terminal_observation": self.shaped(self.arrays.final_ND)[index],
                "TimeLimit.truncated": bool(self.arrays.truncated_N[index]),
            }
        observations = self.shaped(self.arrays.observations_ND)
        return observations, self.arrays.rewards_N.copy(), self.arrays.dones_N.copy(), infos

    def shaped(self, batch_ND: Array) -> Array:
        """Return a batch of flat observations in their own shape, copied."""
        return batch_ND.reshape(self.num_envs, *(self.observation_space.shape or ())).copy()

    def close(self) -> None:
        """Let go of the environments."""
        self.source.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """See :meth:`stable_baselines3.common.vec_env.VecEnv.get_attr`."""
        if attr_name == "render_mode":
            return [None] * self.num_envs
        found = self.source.attribute(attr_name)
        return [found[index] for index in self._get_indices(indices)]


def new_episodes(copies: int, capacity: int) -> Episodes:
    """Allocate the records of running episodes, and of up to ``capacity`` that ended."""
    return Episodes(
        np.zeros(copies),
        np.zeros(copies, np.int64),
        np.zeros(capacity),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.bool_),
        np.zeros(1, np.int64),
    )


def shape_misfit(actions_N: Array, copies: int, space: spaces.Space[Any]) -> str | None:
    """Return how the shape of actions differs from that of one action per copy; None where it does not.

    Rows of several elements may have them in any shape: they are put into that of the space.
    """
    shape, wanted = np.shape(actions_N), (copies, *(space.shape or ()))
    if shape == wanted or (wanted[1:] and shape[:1] == wanted[:1] and math.prod(shape) == math.prod(wanted)):
        return None
    return f"actions of shape {shape}; {described(space)} needs {wanted}, an action for each of {copies} rows"


def check_allowed(actions_N: Array, space: spaces.Space[Any], who: str) -> None:
    """Refuse actions that an environment does not take: many would go on with them, and score something else.

    Args:
        actions_N: One row per copy.
        space: Of one copy.
        who: Whoever chose them, for the message.

    Raises:
        TrainingFailed: One is no number of the space, or NaN.
    """
    rows_NA = np.asarray(actions_N).reshape(len(actions_N), -1)
    if isinstance(space, spaces.Box):
        wrong_N = np.isnan(rows_NA.astype(np.float64)).any(axis=1)
    else:
        low, high = _choices(space)
        wrong_N = ((rows_NA < low) | (rows_NA > high) | (rows_NA % 1 != 0)).any(axis=1)
    if wrong_N.any():
        first = rows_NA[np.flatnonzero(wrong_N)[0]]
        told = first[0] if len(first) == 1 else first.tolist()
        raise TrainingFailed(f"{who} chose the action {told}, and the environment takes {described(space)}")


def _choices(space: Any) -> tuple[Any, Any]:
    """Return the lowest and the highest number of each element of a choice."""
    if isinstance(space, spaces.Discrete):
        return int(space.start), int(space.start + space.n - 1)
    if isinstance(space, spaces.MultiDiscrete):
        return np.ravel(space.start), np.ravel(space.start + space.nvec - 1)
    return 0, 1


def executable(actions_NA: Array, space: spaces.Space[Any]) -> Array:
    """Return actions as an environment takes them: whole numbers, or numbers within the bounds; one row per copy."""
    if isinstance(space, spaces.Box):
        return np.clip(actions_NA.reshape(-1, *space.shape), space.low, space.high)
    if isinstance(space, spaces.Discrete):
        return actions_NA[:, 0].astype(np.int64)
    return actions_NA.astype(np.int8 if isinstance(space, spaces.MultiBinary) else np.int64).reshape(
        -1, *(space.shape or ())
    )
