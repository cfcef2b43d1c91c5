"""The settings of Stable-Baselines3's and sb3-contrib's algorithms that learn from rollouts, and of random search.

Names, ranges and defaults are the libraries' own (a test holds them against their signatures); where rlx has another
name for a setting, theirs is understood, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlx.algorithms.sb3.settings import PerIteration, StateDependentNoise
from rlx.config import Count, NumberOrSchedule, Positive, nearest_divisors

if TYPE_CHECKING:
    from rlx.config import Inconsistency

Discount = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
LSTM: dict[str, type] = {
    "lstm_hidden_size": int,
    "n_lstm_layers": int,
    "shared_lstm": bool,
    "enable_critic_lstm": bool,
}
"""What `policy.kwargs` of recurrent policies may say, as sb3-contrib calls it."""


class OnPolicy(PerIteration):
    """What algorithms that learn from rollouts share."""

    other_names: ClassVar[dict[str, str]] = {
        **PerIteration.other_names,
        "n_steps": "rollout_steps",
        "n_epochs": "update_epochs",
        "ent_coef": "entropy_coef",
        "vf_coef": "value_coef",
    }
    learning_rate: NumberOrSchedule = 3e-4
    """The optimiser's step size: a number or a schedule. (Usually 1e-4–1e-3.)"""
    rollout_steps: Positive = 2048
    """Steps that each environment copy takes between two updates. (Usually 32–2048.) SB3: `n_steps`."""
    gamma: Discount = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    gae_lambda: Discount = 0.95
    """Bias–variance trade of the advantage estimate; 1 is Monte Carlo, 0 is one-step. (Usually 0.8–1.)"""

    def unit(self, num_envs: int) -> int:
        """Return the steps of one rollout."""
        return self.rollout_steps * num_envs

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`rlx.config.AlgorithmConfig.inconsistencies`."""
        rollout = self.unit(num_envs)
        if rollout > self.total_timesteps:
            yield (
                ("algo", "total_timesteps"),
                f"{self.total_timesteps} steps are less than one rollout (rollout_steps × num_envs = {rollout}); "
                f"raise it to at least {rollout}, or collect shorter rollouts",
            )

    def _indivisible(self, num_envs: int, batch: int) -> Iterator[Inconsistency]:
        rollout = self.unit(num_envs)
        if batch > rollout or rollout % batch:
            divisors = nearest_divisors(rollout, batch) if rollout > 1 else []
            cure = f"try {' or '.join(map(str, divisors))}" if divisors else "raise rollout_steps"
            told = f"{batch} does not divide rollout_steps × num_envs = {self.rollout_steps} × {num_envs} = {rollout}"
            yield ("algo", "batch_size"), f"{told}; {cure}"


class A2CConfig(StateDependentNoise, OnPolicy):
    """Advantage actor-critic (Mnih et al. 2016, synchronous), as Stable-Baselines3 implements it."""

    name: Literal["a2c"] = "a2c"
    """The algorithm."""
    iteration_steps: Positive = 1000
    """Environment steps of an iteration, rounded up to whole updates: each gives one row of metrics, which are averages over it."""
    learning_rate: NumberOrSchedule = 7e-4
    """The optimiser's step size: a number or a schedule. (Usually 1e-4–1e-3.)"""
    rollout_steps: Positive = 5
    """Steps that each environment copy takes between two updates. (Usually 5–32.) SB3: `n_steps`."""
    gae_lambda: Discount = 1.0
    """Bias–variance trade of the advantage estimate; 1 is the plain n-step return. (Usually 0.9–1.)"""
    entropy_coef: Weight = 0.0
    """Weight of the entropy bonus. (Usually 0–0.01.) SB3: `ent_coef`."""
    value_coef: Weight = 0.5
    """Weight of the value loss. (Usually 0.25–0.5.) SB3: `vf_coef`."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.5
    """The gradient's norm is clipped to this. (Usually 0.5.)"""
    rms_prop_eps: Annotated[float, Field(gt=0)] = 1e-5
    """Added to RMSprop's denominator. (Usually 1e-5.)"""
    use_rms_prop: bool = True
    """RMSprop, as in the paper; false: Adam."""
    normalize_advantage: bool = False
    """Scale the advantages of each update to mean 0 and variance 1."""

    def optimizer_steps(self, updates: float, num_envs: int) -> int | None:
        """See :meth:`rlx.config.AlgorithmConfig.optimizer_steps`: one for each rollout."""
        return round(updates)


class TRPOConfig(StateDependentNoise, OnPolicy):
    """Trust region policy optimisation (Schulman et al. 2015), as sb3-contrib implements it."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    name: Literal["trpo"] = "trpo"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 1e-3
    """Step size of the value network alone; the policy's step is decided by `target_kl`. (Usually 1e-3.)"""
    batch_size: Annotated[Count, Field(ge=2)] = 128
    """Minibatch size of the value network's updates; divides `rollout_steps × num_envs`. (Usually 64–512.)"""
    cg_max_steps: Positive = 15
    """Most steps of the conjugate gradient. (Usually 10–25.)"""
    cg_damping: Annotated[float, Field(ge=0)] = 0.1
    """Damping of its Hessian-vector products. (Usually 0.01–0.1.)"""
    line_search_shrinking_factor: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """By how much a step that is too long is shortened each time."""
    line_search_max_iter: Positive = 10
    """How often, before the update is given up."""
    n_critic_updates: Positive = 10
    """Passes of the value network over each rollout. (Usually 5–25.)"""
    normalize_advantage: bool = True
    """Scale the advantages to mean 0 and variance 1."""
    target_kl: Annotated[float, Field(gt=0)] = 0.01
    """How far each update moves the policy (KL divergence, in nats). (Usually 0.001–0.05.)"""
    sub_sampling_factor: Positive = 1
    """Only every so-manieth sample of a rollout serves the policy's step: faster for long rollouts."""

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`rlx.config.AlgorithmConfig.inconsistencies`."""
        yield from self._indivisible(num_envs, self.batch_size)
        yield from super().inconsistencies(num_envs)


class ClippedConfig(OnPolicy):
    """What the kinds of PPO of sb3-contrib share; see PPO for where the figures come from."""

    batch_size: Annotated[Count, Field(ge=2)] = 64
    """Minibatch size; divides `rollout_steps × num_envs`. (Usually 32–4096.)"""
    update_epochs: Positive = 10
    """Passes over each rollout. (Usually 3–20.) SB3: `n_epochs`."""
    clip_range: NumberOrSchedule = 0.2
    """How far one update may move action probabilities: a number or a schedule. (Usually 0.1–0.3.)"""
    clip_range_vf: NumberOrSchedule | None = None
    """The same for the value function, in units of the (scaled) return; null switches it off."""
    normalize_advantage: bool = True
    """Scale the advantages of each minibatch to mean 0 and variance 1."""
    entropy_coef: Weight = 0.0
    """Weight of the entropy bonus. (Usually 0–0.01.) SB3: `ent_coef`."""
    value_coef: Weight = 0.5
    """Weight of the value loss. (Usually 0.5–1.) SB3: `vf_coef`."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.5
    """The gradient's norm is clipped to this. (Usually 0.5.)"""
    target_kl: Annotated[float, Field(gt=0)] | None = None
    """Stop an update's epochs when the policy moved 1.5 × this (KL divergence); null switches it off.
    (Usually 0.01–0.05.)"""

    def optimizer_steps(self, updates: float, num_envs: int) -> int | None:
        """See :meth:`rlx.config.AlgorithmConfig.optimizer_steps`: each pass over a rollout is a step for each minibatch."""
        return round(updates * self.unit(num_envs) / self.batch_size)

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`rlx.config.AlgorithmConfig.inconsistencies`."""
        yield from self._indivisible(num_envs, self.batch_size)
        yield from super().inconsistencies(num_envs)


class RecurrentPPOConfig(StateDependentNoise, ClippedConfig):
    """PPO with a network that remembers (LSTM), as sb3-contrib implements it."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_arguments: ClassVar[Mapping[str, type]] = LSTM
    policy_defaults: ClassVar[Mapping[str, Any]] = {"type": "lstm"}
    networks: ClassVar[tuple[str, ...]] = ("lstm", "mlp", "cnn", "multi_input")
    policy_names: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "MlpLstmPolicy": {"type": "lstm"},
        "MultiInputLstmPolicy": {"type": "lstm"},
        "CnnLstmPolicy": {"type": "cnn"},
        "MlpPolicy": {"type": "lstm"},  # as rl-zoo's `default` entry has it
    }
    name: Literal["recurrent_ppo"] = "recurrent_ppo"
    """The algorithm."""
    rollout_steps: Positive = 128
    """Steps that each environment copy takes between two updates. (Usually 128–2048.) SB3: `n_steps`."""
    batch_size: Annotated[Count, Field(ge=2)] = 128
    """Minibatch size; divides `rollout_steps × num_envs`. (Usually 32–4096.)"""


class MaskablePPOConfig(ClippedConfig):
    """PPO that never takes an action which its environment masks (Huang and Ontañón 2022), as sb3-contrib implements it."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_names: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PerIteration.policy_names,
        "MaskableMlpPolicy": {"type": "mlp"},
        "MaskableMultiInputPolicy": {"type": "mlp"},
        "MaskableCnnPolicy": {"type": "cnn"},
    }
    name: Literal["maskable_ppo"] = "maskable_ppo"
    """The algorithm."""


class ARSConfig(PerIteration):
    """Augmented random search (Mania et al. 2018), as sb3-contrib implements it: no gradients, whole episodes."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_defaults: ClassVar[Mapping[str, Any]] = {"hidden_sizes": [], "activation": "relu"}
    has_critic: ClassVar[bool] = False
    networks: ClassVar[tuple[str, ...]] = ("mlp",)
    policy_names: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "LinearPolicy": {"type": "mlp", "hidden_sizes": []},
        "MlpPolicy": {"type": "mlp", "hidden_sizes": [64, 64]},
    }
    name: Literal["ars"] = "ars"
    """The algorithm."""
    n_delta: Positive = 8
    """Directions tried in each generation, each both ways. (Usually 4–64.)"""
    n_top: Positive | None = None
    """How many of them, the best, make up the step; null: all."""
    learning_rate: NumberOrSchedule = 0.02
    """Step size: a number or a schedule. (Usually 0.01–0.05.)"""
    delta_std: NumberOrSchedule = 0.05
    """Size of the noise on the weights: a number or a schedule. (Usually 0.01–0.1.)"""
    zero_policy: bool = True
    """Begin with weights of 0, as in the paper; false: the network's usual ones."""
    alive_bonus_offset: float = 0.0
    """Added to each step's reward while weights are compared: minus the bonus that a task pays for being alive."""
    n_eval_episodes: Positive = 1
    """Episodes behind each candidate's score. (Usually 1–5.)"""

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`rlx.config.AlgorithmConfig.inconsistencies`."""
        if self.n_top is not None and self.n_top > self.n_delta:
            yield ("algo", "n_top"), f"{self.n_top} is more than n_delta = {self.n_delta}; lower it, or leave it out"
