"""DQN on compiled kernels: Stable-Baselines3's algorithm, random streams and files, without its overhead."""

from __future__ import annotations

from typing import Any

import numpy as np
import stable_baselines3
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFrequencyUnit
from stable_baselines3.common.utils import LinearSchedule, update_learning_rate

from rlx.algorithms.flat_memory import FlatMemory, is_wide, perceptron
from rlx.algorithms.kernels import adam_settings, layer_space
from rlx.algorithms.kernels.network import turn
from rlx.algorithms.off_policy.fast import FastOffPolicy
from rlx.algorithms.off_policy.kernels import Learned, QNetworks, Target
from rlx.algorithms.off_policy.kernels.dqn import (
    ADAM_STEPS,
    CALLS,
    COUNTERS,
    FREE,
    FULL,
    ROW,
    STEPS,
    Ahead,
    Pace,
    choose_best,
    learn,
    update,
)
from rlx.algorithms.off_policy.kernels.targets import follow, fresh
from rlx.algorithms.off_policy.streams import GlobalStream, drawn_ahead
from rlx.envs import NativeSource, TrainingEnv
from rlx.launch import has_fma

Array = np.ndarray[Any, Any]
CHUNK = 4096
"""Environment steps in one kernel call at most: an interrupt waits for its end, which takes tenths of a second."""


class FastDQN(FastOffPolicy, stable_baselines3.DQN):
    """DQN whose acting and update run in compiled code; with a compiled environment, all of it in one kernel."""

    def _lay_out(self) -> None:
        online, target = self.policy.q_net, self.policy.q_net_target
        self._online = FlatMemory(list(online.parameters()), self.policy.optimizer)
        self._target = FlatMemory(list(target.parameters()))
        self._memories = [self._online, self._target]
        network = perceptron(self._online.places, online.q_net)
        own = has_fma() and (self._portable or not is_wide(network))
        learning = network._replace(turned=own, own=own)
        self._networks = QNetworks(
            Learned(self._online.values, self._online.optimizer),
            Target(self._target.values, self._target.turned),
            learning,
            layer_space(network, self.batch_size),
            layer_space(network, self.batch_size),
            layer_space(network, self.n_envs),
        )
        self._chosen_N1 = np.zeros((self.n_envs, 1), np.float32)

    def bind(self) -> None:
        """See :meth:`rlx.algorithms.off_policy.fast.FastOffPolicy.bind`."""
        super().bind()
        turn(self._target.values, self._networks.network, self._target.turned)

    def _turn(self) -> None:
        arguments = (self._networks.learned, self._networks.network)
        self._code(fresh, *arguments)(*arguments)

    @property
    def _target_every(self) -> int:
        return max(self.target_update_interval // self.n_envs, 1)

    def _on_step(self) -> None:
        self._n_calls += 1
        if self._n_calls % self._target_every == 0:
            q = self._networks
            arguments = (q.learned, q.target, q.network, float(self.tau))
            self._code(follow, *arguments)(*arguments)
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)

    def collect_rollouts(self, *args: Any, **kwargs: Any) -> RolloutReturn:
        """See :meth:`rlx.algorithms.off_policy.fast.FastOffPolicy.collect_rollouts`."""
        taken = super().collect_rollouts(*args, **kwargs)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)
        return taken

    def _choose(self, env: TrainingEnv, stream: GlobalStream, noise: Any, t: int, warm: int) -> tuple[Any, Any]:
        if t < warm or stream.numbers.rand() < self.exploration_rate:
            chosen_N = np.array([self.action_space.sample() for _ in range(env.num_envs)])
            return chosen_N, chosen_N[:, None]
        arguments = (self._networks, env.arrays.observations_ND, self._chosen_N1)
        self._code(choose_best, *arguments)(*arguments)
        return self._chosen_N1[:, 0].astype(np.int64), self._chosen_N1

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Update on minibatches of the replay buffer; logs what stock DQN logs."""
        assert batch_size == self.batch_size
        self._update_learning_rate(self.policy.optimizer)
        adam = adam_settings(self.policy.optimizer, self.max_grad_norm)
        arguments = (
            self._networks, self._minibatch, self.replay_buffer.replay, self.env.statistics, self._stream.words,
            self._rows(), self._online.adam_steps, gradient_steps, adam, float(self.gamma),
        )  # fmt: skip
        total = self._code(update, *arguments)(*arguments)
        self._note(gradient_steps, total)

    def _note(self, gradient_steps: int, loss: float) -> None:
        """Note gradient steps that were taken, and the sum of their losses."""
        self._online.count(self._online.adam_steps + gradient_steps)
        self._is_turned = False
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", loss / gradient_steps)

    def advance_steps(self, steps: int) -> None:
        """See :meth:`rlx.algorithms.off_policy.fast.FastOffPolicy.advance_steps`; one kernel where the environment is compiled."""
        source, freq = self.env.source, self.train_freq
        ahead = source.state.starts_NRS.shape[1] - 1 if isinstance(source, NativeSource) else 0
        if freq.unit != TrainFrequencyUnit.STEP or freq.frequency > ahead:
            super().advance_steps(steps)
            return
        end, of_rollout = self.num_timesteps + steps, freq.frequency * self.n_envs
        while self.num_timesteps < end:
            wanted = -(-(end - self.num_timesteps) // of_rollout)
            most = max(1, min(ahead, CHUNK) // freq.frequency)
            self._run(self.env, min(wanted, most))

    def _run(self, env: TrainingEnv, rollouts: int) -> None:
        """Take rollouts and their updates in one kernel."""
        buffer, copies, frequency = self.replay_buffer, self.n_envs, self.train_freq.frequency
        steps, begun, ended = rollouts * frequency, self.num_timesteps, int(env.episodes.ended[0])
        env.make_room(steps * copies)
        source: Any = env.source
        source.refill()
        count = self.gradient_steps if self.gradient_steps >= 0 else frequency * copies
        pace = Pace(frequency, count, int(self.learning_starts), self._target_every, float(self.tau), float(self.gamma))
        rates_U = self._learning_rates(begun, rollouts)
        counters = np.zeros(COUNTERS, np.int64)
        counters[: CALLS + 1] = begun, buffer.pos, buffer.full, self._online.adam_steps, self._n_calls
        with drawn_ahead(self.action_space, steps * copies) as (free, used):
            arguments = (
                self._networks, self._minibatch, buffer.replay, source.state, env.ledger, self._stream.words, pace,
                Ahead(self._epsilons(begun, steps), rates_U, free),
                adam_settings(self.policy.optimizer, self.max_grad_norm), counters,
            )  # fmt: skip
            code, loss = self._code(learn, *arguments)(*arguments)
            used[0] = int(counters[FREE])
        env.count_compiled(int(counters[STEPS]) - begun)
        env.stop_if(code)
        self.num_timesteps, self._n_calls = int(counters[STEPS]), int(counters[CALLS])
        buffer.pos, buffer.full = int(counters[ROW]), bool(counters[FULL])
        self._episode_num += int(env.episodes.ended[0]) - ended
        self._last_obs = env.arrays.observations_ND
        self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)
        taken = int(counters[ADAM_STEPS]) - self._online.adam_steps
        self._is_turned = False
        if taken:
            rate = float(rates_U[-1])
            update_learning_rate(self.policy.optimizer, rate)
            self.logger.record("train/learning_rate", rate)
            self._note(taken, loss)

    def _remaining(self, steps_T: Array) -> Array:
        """Return the part of the budget that is left after each number of environment steps, as stock computes it."""
        return 1.0 - steps_T.astype(np.float64) / float(self._total_timesteps)

    def _epsilons(self, begun: int, steps: int) -> Array:
        """Return the exploration rate at each of the next steps."""
        left_T = self._remaining(begun + self.n_envs * np.arange(steps))
        schedule = self.exploration_schedule
        if isinstance(schedule, LinearSchedule):
            part_T = 1 - left_T
            begin, end, by = schedule.start, schedule.end, schedule.end_fraction
            rates_T = np.where(part_T > by, end, begin + part_T * (end - begin) / by)
        else:
            rates_T = np.array([schedule(left) for left in left_T])
        rates_T[0] = self.exploration_rate
        return rates_T.astype(np.float64)

    def _learning_rates(self, begun: int, rollouts: int) -> Array:
        """Return the learning rate of the update after each of the next rollouts."""
        of_rollout = self.train_freq.frequency * self.n_envs
        return np.array(
            [self.lr_schedule(left) for left in self._remaining(begun + of_rollout * np.arange(1, rollouts + 1))]
        )
