"""What a learner trains in: copies of one environment, stepped together, with the clock, records and normaliser.

The environments own what every training needs and no algorithm should have to care for: how many steps were taken, which
episodes ended and what they scored, the normaliser and its state. Copies are made when they are first asked for, in the form
that the learner works on: arrays (:meth:`Environments.arrays`), Stable-Baselines3's ``VecEnv`` (:meth:`Environments.vec_env`),
or whichever of them fits, behind :meth:`Environments.reset` and :meth:`Environments.step`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from rlx.config import RunConfig
from rlx.envs.backends import backend_of, makers
from rlx.envs.env_wrappers import EpisodeStatistics
from rlx.envs.making import surroundings_for
from rlx.envs.masks import METHOD, tells_masks
from rlx.envs.normalization import Normalizer, read_statistics, write_statistics
from rlx.envs.vector_envs.sources import is_vector
from rlx.errors import TrainingFailed

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Step:
    """What one step of all copies gave. Copies whose episode ended show the next one's first observation.

    Attributes:
        observations: One row per copy (an array, or a dict of arrays), normalised where the run normalises.
        rewards_N: Reward of each copy, normalised where the run normalises.
        terminated_N: Whether its episode came to an end of its own.
        truncated_N: Whether a time limit cut it.
        final: By copy, the last observation of an episode that ended.
    """

    observations: Any
    rewards_N: Array
    terminated_N: Array
    truncated_N: Array
    final: dict[int, Any]

    @property
    def ended_N(self) -> Array:
        """Whether its episode ended, either way."""
        return np.asarray(self.terminated_N | self.truncated_N)


class AnyCopies(Protocol):
    """Copies of an environment in one of the two forms.

    Attributes:
        venv: Stable-Baselines3's view of them.
        steps_taken: Environment steps taken, all copies together, since they were made.
        seconds: How long those took.
    """

    venv: Any

    def __init__(self, root: Path, config: RunConfig):
        """Make them."""

    def begin_at(self, steps: int) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.begin_at`."""

    @property
    def steps_taken(self) -> int:
        """See the class."""

    @property
    def seconds(self) -> float:
        """See the class."""

    def take(self) -> EpisodeStatistics:
        """Return the episodes that ended since the last call."""

    @property
    def normalizer(self) -> Normalizer | None:
        """The statistics; None where nothing is normalised."""

    @normalizer.setter
    def normalizer(self, value: Normalizer) -> None:
        """Go on from statistics."""

    def step(self, actions_N: Array) -> Step:
        """Step all copies with actions as they take them."""


class Environments:
    """Copies of the environment of a run.

    Attributes:
        root: The project (for networks and environments of its own).
        config: The run.
        num_envs: How many copies.
        observation_space: Of one copy.
        action_space: Of one copy.
        has_masks: Whether the environment tells which actions are allowed.
    """

    def __init__(self, root: Path, config: RunConfig, one: gym.Env[Any, Any]):
        """Promise copies of the environment that ``one`` is; none is made yet."""
        self.root, self.config, self.num_envs = root, config, config.env.num_envs
        self.observation_space, self.action_space = one.observation_space, one.action_space
        self.has_masks = tells_masks(one)
        self._copies: AnyCopies | None = None
        self._before = 0

    @property
    def steps(self) -> int:
        """Environment steps so far, all copies together: the clock of training."""
        return self._before + (self._copies.steps_taken if self._copies else 0)

    @steps.setter
    def steps(self, value: int) -> None:
        """Go on from the clock of a checkpoint."""
        self._before = value - (self._copies.steps_taken if self._copies else 0)

    @property
    def seconds(self) -> float:
        """How long the steps of this process took in the environments."""
        return self._copies.seconds if self._copies else 0.0

    def arrays(self) -> Any:
        """Return the copies as a :class:`rlx.envs.vector_envs.training_env.TrainingEnv`, which compiled code steps.

        Raises:
            TrainingFailed: They were made as Stable-Baselines3 makes them.
        """
        return self._made(_Arrays).venv

    def vec_env(self) -> Any:
        """Return the copies as Stable-Baselines3 makes them: any observations, ``VecNormalize`` around them.

        Raises:
            TrainingFailed: They were made as arrays.
        """
        return self._made(_Stock).venv

    def announce_steps(self) -> None:
        """Tell copies whose arguments change how many steps training has behind it, before a reset with a seed."""
        if self._copies is not None and self.config.env.training.varies:
            self._copies.begin_at(self.steps)

    def reset(self, seed: int) -> Any:
        """Begin new episodes in all copies, which ``seed`` alone decides; returns their first observations."""
        venv = self._made().venv
        venv.seed(seed)
        return venv.reset()

    def step(self, actions_N: Array) -> Step:
        """Step all copies; continuous actions are clipped to what the environment takes.

        Raises:
            NonFiniteValue: A reward or observation is NaN or infinite.
            TrainingFailed: An action is none that the environment takes, or there is not one for each copy.
        """
        from rlx.envs.vector_envs.training_env import check_allowed, executable, shape_misfit

        actions_N, who = np.asarray(actions_N), f"algo.name: {self.config.algo.name}"
        size = math.prod(self.action_space.shape or ())
        if actions_N.size != self.num_envs * size:
            raise TrainingFailed(f"{who}: step() got {shape_misfit(actions_N, self.num_envs, self.action_space)}")
        rows_NA = actions_N.reshape(self.num_envs, -1)
        check_allowed(rows_NA, self.action_space, who)
        return self._made().step(executable(rows_NA, self.action_space))

    def masks(self) -> Array | None:
        """Return which actions each copy allows now, after a reset or step; None where the environment does not tell.

        One row per copy, one bool per choice (:mod:`rlx.envs.masks`).

        Raises:
            Misfit: A copy tells something else, or allows nothing.
        """
        return np.stack(self._made().venv.env_method(METHOD)) if self.has_masks else None

    def take_episodes(self) -> EpisodeStatistics:
        """Return the episodes that ended since the last call, in original reward units, and forget them."""
        return self._made().take()

    @property
    def normalizer(self) -> Normalizer | None:
        """The current statistics, as a checkpoint holds them; None where the run normalises nothing."""
        return self._copies.normalizer if self._copies else None

    @normalizer.setter
    def normalizer(self, value: Normalizer) -> None:
        """Go on from the statistics of a checkpoint."""
        self._made().normalizer = value

    def close(self) -> None:
        """Let go of the copies."""
        if self._copies is not None:
            self._copies.venv.close()

    def _made(self, form: type[AnyCopies] | None = None) -> AnyCopies:
        """Return the copies, made in a form now if they are not; without one in whichever they have, or fits."""
        if self._copies is None:
            self._copies = (form or (_Arrays if is_vector(self.observation_space) else _Stock))(self.root, self.config)
            self.announce_steps()
        elif form is not None and type(self._copies) is not form:
            raise TrainingFailed(
                "the learner asks for its environments as arrays() and as vec_env(), and they have one form; it has to ask for one "
                "of them, before it resets or steps them"
            )
        return self._copies


class _Arrays:
    """Copies that hand over arrays; see :class:`AnyCopies`."""

    def __init__(self, root: Path, config: RunConfig):
        from rlx.envs.vector_envs.training_env import TrainingEnv

        env, surroundings = config.env, surroundings_for(config, config.seed)
        self.venv = TrainingEnv(
            backend_of(env, many=True).make_many(root, config, surroundings),
            env.id,
            surroundings,
            norm_obs=env.normalize_observation,
            norm_reward=env.normalize_reward,
            gamma=config.algo.discount,
        )

    def begin_at(self, steps: int) -> None:
        self.venv.source.begin_at(steps)

    @property
    def steps_taken(self) -> int:
        return self.venv.steps_taken

    @property
    def seconds(self) -> float:
        return self.venv.seconds

    def take(self) -> EpisodeStatistics:
        return self.venv.take()

    @property
    def normalizer(self) -> Normalizer | None:
        return self.venv.normalizer

    @normalizer.setter
    def normalizer(self, value: Normalizer) -> None:
        self.venv.normalizer = value

    def step(self, actions_N: Array) -> Step:
        self.venv.advance(actions_N)
        arrays, shaped = self.venv.arrays, self.venv.shaped
        dones_N, truncated_N = arrays.dones_N.copy(), arrays.dones_N & arrays.truncated_N
        final = shaped(arrays.final_ND)
        ended = {int(copy): final[copy] for copy in np.flatnonzero(dones_N)}
        return Step(shaped(arrays.observations_ND), arrays.rewards_N.copy(), dones_N & ~truncated_N, truncated_N, ended)


class _Stock:
    """Copies as Stable-Baselines3 makes them; see :class:`AnyCopies`."""

    def __init__(self, root: Path, config: RunConfig):
        from stable_baselines3.common.vec_env import VecNormalize

        from rlx.envs.env_wrappers import EpisodeRecorder
        from rlx.envs.vector_envs.stock import ProcessVecEnv, SyncVecEnv

        env, surroundings = config.env, surroundings_for(config, config.seed)
        each = makers(root, config, plain=True)
        with surroundings:
            copies: Any = ProcessVecEnv(each) if env.vectorization != "sync" else SyncVecEnv(each)
        self.begin_at: Any = copies.begin_at
        self._recorder = EpisodeRecorder(copies, env.id, surroundings)
        self._normalized: Any = None
        if env.normalize_observation or env.normalize_reward:
            self._normalized = VecNormalize(
                self._recorder,
                norm_obs=env.normalize_observation,
                norm_reward=env.normalize_reward,
                gamma=config.algo.discount,
            )
        self.venv: Any = self._normalized or self._recorder

    @property
    def steps_taken(self) -> int:
        return self._recorder.steps_taken

    @property
    def seconds(self) -> float:
        return self._recorder.seconds

    def take(self) -> EpisodeStatistics:
        return self._recorder.take()

    @property
    def normalizer(self) -> Normalizer | None:
        return None if self._normalized is None else read_statistics(self._normalized)

    @normalizer.setter
    def normalizer(self, value: Normalizer) -> None:
        write_statistics(self._normalized, value)

    def step(self, actions_N: Array) -> Step:
        observations, rewards_N, dones_N, infos = self.venv.step(actions_N)
        truncated_N = dones_N & np.array([info.get("TimeLimit.truncated", False) for info in infos])
        final = {int(copy): infos[copy]["terminal_observation"] for copy in np.flatnonzero(dones_N)}
        return Step(observations, rewards_N, dones_N & ~truncated_N, truncated_N, final)
