"""Stable-Baselines3's and sb3-contrib's algorithms behind the contract: their own classes, an iteration at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer
from torch.utils import _pytree

from rlx.algorithms.engines import FAST
from rlx.algorithms.learner import UPDATE_SECONDS, State
from rlx.algorithms.sb3.acting import playing
from rlx.algorithms.sb3.building import build, class_of
from rlx.algorithms.sb3.probing import looked_at
from rlx.algorithms.sb3.replaying import replay_state, restore, settle
from rlx.algorithms.sb3.table import HAVE_KERNELS, TABLE, Library
from rlx.config import RunConfig
from rlx.envs import Environments

if TYPE_CHECKING:
    from rlx.algorithms.learner import Actor

EPSILON = "exploration_rate"


class SB3Learner:
    """See :class:`rlx.algorithms.learner.Learner`.

    Attributes:
        model: The library's algorithm.
    """

    table: ClassVar[Mapping[str, Library]] = TABLE

    def __init__(self, config: RunConfig, env: Environments, seed: int, device: str):
        self.algo, self.env = config.algo, env
        row = self.table[config.algo.name]
        self.family, self._cls = row.family, class_of(row)
        self.model: Any = self._built(config, env, seed, device)
        self._least = 1.0
        if hasattr(self.model, "exploration_schedule"):
            self.model.exploration_schedule = self._never_more(self.model.exploration_schedule)
        self._added, self._update_seconds = 0, 0.0

    def _built(self, config: RunConfig, env: Environments, seed: int, device: str) -> Any:
        row = self.table[config.algo.name]
        if config.algo.name in HAVE_KERNELS:
            from rlx.algorithms.off_policy.engines import choose_engine

            if choose_engine(config, env.observation_space, env.action_space).name == FAST:
                from rlx.algorithms.off_policy.trial import FAST as ENGINES

                make = partial(ENGINES[row.cls], portable=config.portable)
                return build(env.root, config, seed, env.arrays(), device, row, make)
        return build(env.root, config, seed, env.vec_env(), device, row)

    def _never_more(self, schedule: Callable[[float], float]) -> Callable[[float], float]:
        """Return a schedule of ε that goes on where a training left it: with more steps to come, it rises no more."""
        return lambda remaining: min(self._least, schedule(remaining))

    def boundary(self, seed: int) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.boundary`. The action space is seeded, too: warm-up and ε draw from it."""
        model = self.model
        if hasattr(model, "bind"):
            model.bind()
        model.set_random_seed(seed)
        model.observation_space.seed(seed)
        model._last_obs = None
        if getattr(model, "action_noise", None) is not None:
            model.action_noise.reset()
        if getattr(model, "_last_lstm_states", None) is not None:
            model._last_lstm_states = _pytree.tree_map(torch.zeros_like, model._last_lstm_states)
        if self._buffer is not None:
            settle(self._buffer)
        _, self._callback = model._setup_learn(0, None, reset_num_timesteps=False)
        model._total_timesteps = self.algo.total_timesteps

    @property
    def _buffer(self) -> Any:
        return getattr(self.model, "replay_buffer", None)

    def advance(self) -> Mapping[str, float]:
        """Take whole rollouts, updates or generations until ``iteration_steps`` steps are taken."""
        model, self._update_seconds = self.model, 0.0
        until = model.num_timesteps + self.algo.setting("iteration_steps")
        work = {"on-policy": self._rollout, "off-policy": self._steps, "evolution": self._generation}[self.family]
        model._update_current_progress_remaining(model.num_timesteps, model._total_timesteps)
        before = model.num_timesteps
        if hasattr(model, "advance_steps"):
            model.advance_steps(until - before)
        while model.num_timesteps < until:
            work()
            model._update_current_progress_remaining(model.num_timesteps, model._total_timesteps)
        self._added += (model.num_timesteps - before) // self.env.num_envs
        scales = self.env.config.env.normalize_reward
        looks = looked_at(model, self.env.normalizer, scales_rewards=scales)
        return {**model.logger.take(), **looks, UPDATE_SECONDS: self._update_seconds}

    def _rollout(self) -> None:
        model = self.model
        model.collect_rollouts(model.env, self._callback, model.rollout_buffer, model.n_steps)
        model._update_current_progress_remaining(model.num_timesteps, model._total_timesteps)
        self._train()

    def _steps(self) -> None:
        model, replay = self.model, self._buffer
        collected = model.collect_rollouts(
            model.env, self._callback, model.train_freq, replay, model.action_noise, model.learning_starts
        )
        steps = model.gradient_steps if model.gradient_steps >= 0 else collected.episode_timesteps
        if model.num_timesteps > model.learning_starts and steps and _can_sample(replay):
            self._train(batch_size=model.batch_size, gradient_steps=steps)

    def _generation(self) -> None:
        self.model._do_one_update(self._callback, None)

    def _train(self, **how: int) -> None:
        begun = time.monotonic()
        self.model.train(**how)
        self._update_seconds += time.monotonic() - begun

    def state(self) -> State:
        """Return networks, optimisers, loose tensors, counters and the replay buffer."""
        model = self.model
        names, loose = model._get_torch_save_params()
        networks = {name: attrgetter(name)(model).state_dict() for name in names}
        policy = {"network": networks.pop("policy")}
        if hasattr(model, EPSILON):
            policy[EPSILON] = float(model.exploration_rate)
        tensors = {name: attrgetter(name)(model) for name in loose}
        state = {"policy": policy, "networks": networks, "tensors": tensors, "counters": self._counters()}
        return state | (replay_state(self._buffer, self._added) if self._buffer is not None else {})

    def load_state(self, state: State) -> None:
        """See :meth:`rlx.algorithms.learner.Learner.load_state`."""
        model = self.model
        model.policy.load_state_dict(state["policy"]["network"])
        if hasattr(model, EPSILON):
            model.exploration_rate = self._least = state["policy"][EPSILON]
        if hasattr(model, "weights"):  # random search keeps its policy's parameters a second time
            model.weights = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()
        for name, content in state.get("networks", {}).items():
            attrgetter(name)(model).load_state_dict(content)
        for name, content in state.get("tensors", {}).items():
            attrgetter(name)(model).data = content.to(model.device)
        vars(model).update(state.get("counters", {}))
        if "replay" in state:
            self._added = restore(self._buffer, state)

    def policy(self, seed: int) -> Actor:
        """Return the present policy."""
        return playing(self.model, self.env, float(getattr(self.model, EPSILON, 0.0)), seed)

    def _counters(self) -> dict[str, Any]:
        """Return the numbers that change in training: whatever the constructor does not take."""
        code = self._cls.__init__.__code__
        given = {"start_time", "_total_timesteps", EPSILON, *code.co_varnames[: code.co_argcount]}
        given |= set(self.model._excluded_save_params())
        plain = (int, float, np.number)
        return {
            name: value.item() if isinstance(value, np.number) else value
            for name, value in vars(self.model).items()
            if isinstance(value, plain) and not isinstance(value, bool) and name not in given
        }


def _can_sample(buffer: Any) -> bool:
    """Tell whether there is anything to learn from: hindsight needs an episode that has ended."""
    return not isinstance(buffer, HerReplayBuffer) or bool((buffer.ep_length > 0).any())
