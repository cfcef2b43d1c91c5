"""What the fast DQN, SAC and TD3 share: steps of the environment into the replay buffer, without what costs time around them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFrequencyUnit

from rlx.algorithms.flat_memory import FlatMemory
from rlx.algorithms.off_policy.buffer import LeanReplayBuffer
from rlx.algorithms.off_policy.kernels import minibatch
from rlx.algorithms.off_policy.kernels.replay import end_row
from rlx.algorithms.off_policy.streams import GlobalStream, action_noise as draw_noise
from rlx.algorithms.orthogonal import same_initial_weights
from rlx.envs import NativeSource, TrainingEnv
from rlx.launch import bound

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm as Stock
else:
    Stock = object

Array = np.ndarray[Any, Any]


class FastOffPolicy(Stock):
    """Goes before one of Stable-Baselines3's off-policy algorithms among a class's bases.

    The same mathematics and the same random streams as stock (NumPy's global generator for minibatches and coins, torch's for
    normal noise, the action space's own for random actions); numbers differ by rounding alone. Needs what
    :mod:`rlx.algorithms.off_policy.coverage` covers, and a :class:`rlx.envs.vector_envs.training_env.TrainingEnv`. Callbacks are not
    called.
    """

    env: Any
    train_freq: Any
    replay_buffer: LeanReplayBuffer
    _portable = False

    def __init__(self, *args: Any, portable: bool = False, **kwargs: Any):
        self._portable = portable
        super().__init__(*args, **{"replay_buffer_class": LeanReplayBuffer, **kwargs})

    def _setup_model(self) -> None:
        with same_initial_weights():
            super()._setup_model()
        of_stock = set(self.__dict__)
        self._codes: dict[Any, Any] = {}
        self._learner_stream = GlobalStream()
        self._minibatch = minibatch(self.batch_size, self._inputs, self._elements)
        self._memories: list[FlatMemory] = []
        self._is_turned = False
        self._lay_out()
        self._own = sorted({*self.__dict__} - of_stock)

    def _lay_out(self) -> None:
        """Bind parameters to flat memory, all of it noted in ``_memories``, and allocate scratch memory."""
        raise NotImplementedError

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), *self._own, "_own", "_portable", "replay_buffer_class"]

    @property
    def _inputs(self) -> int:
        return int(np.prod(self.observation_space.shape or ()))

    @property
    def _elements(self) -> int:
        return int(self.replay_buffer.action_dim)

    def bind(self) -> None:
        """Take in torch's present numbers; to be called after anything that may have replaced its tensors."""
        for memory in self._memories:
            memory.bind()
        self._is_turned = False

    def set_parameters(self, *args: Any, **kwargs: Any) -> None:
        """See :meth:`stable_baselines3.common.base_class.BaseAlgorithm.set_parameters`."""
        super().set_parameters(*args, **kwargs)
        self.bind()

    def _setup_learn(self, *args: Any, **kwargs: Any) -> Any:
        self.bind()
        self._learner_stream = GlobalStream()
        return super()._setup_learn(*args, **kwargs)

    @property
    def _stream(self) -> GlobalStream:
        """NumPy's global generator, the learner's."""
        if not self._learner_stream.is_global:
            self._learner_stream = GlobalStream()
        return self._learner_stream

    def _code(self, function: Any, *arguments: Any) -> Any:
        """Return a kernel's machine code for arguments of these types, which never change."""
        if function not in self._codes:
            self._codes[function] = bound(function, *arguments)
        return self._codes[function]

    def advance_steps(self, steps: int) -> None:
        """Take rollouts and their updates until ``steps`` more environment steps have been taken, all copies together."""
        end = self.num_timesteps + steps
        while self.num_timesteps < end:
            rollout = self.collect_rollouts(
                self.env, None, self.train_freq, self.replay_buffer, self.action_noise, self.learning_starts
            )
            if self.num_timesteps > self.learning_starts:
                count = self.gradient_steps if self.gradient_steps >= 0 else rollout.episode_timesteps
                if count > 0:
                    self.train(batch_size=self.batch_size, gradient_steps=count)

    def collect_rollouts(  # noqa: PLR0913 — Stable-Baselines3's
        self,
        env: Any,
        callback: Any,
        train_freq: Any,
        replay_buffer: Any,
        action_noise: Any = None,
        learning_starts: int = 0,
        log_interval: Any = None,
    ) -> RolloutReturn:
        """Take steps into the replay buffer, as many as ``train_freq`` says."""
        assert isinstance(env, TrainingEnv)
        if not self._is_turned:
            self._turn()
            self._is_turned = True
        ended = int(env.episodes.ended[0])
        if train_freq.unit == TrainFrequencyUnit.STEP:
            steps = train_freq.frequency
            self._take_steps(env, steps, learning_starts, action_noise)
        else:
            steps = 0
            while int(env.episodes.ended[0]) - ended < train_freq.frequency:
                self._take_steps(env, 1, learning_starts, action_noise)
                steps += 1
        episodes = int(env.episodes.ended[0]) - ended
        self._episode_num += episodes
        self._last_obs = env.arrays.observations_ND
        return RolloutReturn(steps * env.num_envs, episodes, continue_training=True)

    def _take_steps(self, env: TrainingEnv, steps: int, learning_starts: int, action_noise: Any) -> None:
        """Take steps of all copies, one after the other."""
        copies, buffer = env.num_envs, self.replay_buffer
        env.make_room(steps * copies)
        ledger, replay, stream = env.ledger, buffer.replay, self._stream
        warm = min(steps, max(0, -(-(learning_starts - self.num_timesteps) // copies)))
        noise = self._noise_ahead(
            steps - warm, [draw_noise(action_noise, stream) for _ in range(steps)] if action_noise else None
        )
        finish = self._code(end_row, replay, buffer.pos, ledger)
        # compiled dynamics draw from no global generator
        with nullcontext() if isinstance(env.source, NativeSource) else env.surroundings:
            for t in range(steps):
                executed, stored = self._choose(env, stream, noise, t, warm)
                replay.observations_RND[buffer.pos] = env.arrays.raw_ND
                replay.actions_RNA[buffer.pos] = stored
                env.step_source(executed)
                if code := finish(replay, buffer.pos, ledger):
                    env.stop_if(code)
                self.num_timesteps += copies
                buffer.move_on()
                self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
                self._on_step()

    def _noise_ahead(self, steps: int, added: list[Array] | None) -> Any:
        """Draw what the policy needs for ``steps`` actions; ``added`` is the action noise of each step."""
        return added

    def _choose(self, env: TrainingEnv, stream: GlobalStream, noise: Any, t: int, warm: int) -> tuple[Any, Any]:
        """Return the actions of all copies as their environment takes them, and as the buffer keeps them (N × A).

        Args:
            env: What they are for.
            stream: NumPy's generator, the learner's.
            noise: What :meth:`_noise_ahead` drew.
            t: Which step of the rollout it is; those before the ``warm``-th are random.
            warm: See there.
        """
        raise NotImplementedError

    def _turn(self) -> None:
        """Bring up to date what acting reads."""
        raise NotImplementedError

    def _rows(self) -> int:
        """Return how many rows of the buffer hold something."""
        return self.replay_buffer.size()
