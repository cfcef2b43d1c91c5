"""The settings of Stable-Baselines3's and sb3-contrib's algorithms that learn from a replay buffer.

Names, ranges and defaults are the libraries' own (a test holds them against their signatures); where rlx has another
name for a setting, theirs is understood, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlx.algorithms.sb3.settings import (
    EntropyCoefficient,
    Noise,
    PerIteration,
    ReplayConfig,
    StateDependentNoise,
    TargetEntropy,
    TrainFreq,
)
from rlx.config import Count, NumberOrSchedule, Positive

if TYPE_CHECKING:
    from rlx.config import Inconsistency

Share = Annotated[float, Field(ge=0, le=1)]
RELU: dict[str, Any] = {"activation": "relu"}
MOST_RETURN_STEPS = 64
"""More is no n-step return any more, but the length of a rollout that was pasted under its other name, `n_steps`."""


class OffPolicy(PerIteration):
    """What algorithms that learn from a replay buffer share."""

    other_names: ClassVar[dict[str, str]] = {**PerIteration.other_names, "n_steps": "return_steps"}
    iteration_steps: Positive = 1000
    """Environment steps of an iteration, rounded up to whole updates: each gives one row of metrics, which are averages over it."""
    learning_rate: NumberOrSchedule = 3e-4
    """The optimisers' step size: a number or a schedule. (Usually 1e-4–1e-3.)"""
    buffer_size: Positive = 1_000_000
    """Transitions that the replay buffer holds, all copies together. (Usually 50,000–1,000,000.)"""
    learning_starts: Annotated[Count, Field(ge=0)] = 100
    """Steps of random actions, all copies together, before the first update. (Usually 100–10,000.)"""
    batch_size: Positive = 256
    """Transitions of each gradient step. (Usually 32–512.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    train_freq: TrainFreq = 1
    """Steps of each copy between two updates, or `[1, episode]` (with one copy only). (Usually 1–64.)"""
    gradient_steps: Annotated[Count, Field(ge=-1)] = 1
    """Gradient steps of each update; -1: as many as steps were taken, all copies together. (Usually 1 or -1.)"""
    return_steps: Positive = 1
    """Rewards that a target adds up before it trusts the value function (n-step returns). (Usually 1–5.) SB3: `n_steps`."""
    replay: ReplayConfig = ReplayConfig()
    """How transitions are replayed: `{type: uniform}` or `{type: her}`."""

    def unit(self, num_envs: int) -> int:
        """Return the steps between two updates; of episodes, whose length is unknown, one step."""
        return (self.train_freq if isinstance(self.train_freq, int) else 1) * num_envs

    def optimizer_steps(self, updates: float, num_envs: int) -> int | None:
        """See :meth:`rlx.config.AlgorithmConfig.optimizer_steps`: of the critics; a delayed actor makes fewer."""
        return round(updates)

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`rlx.config.AlgorithmConfig.inconsistencies`."""
        if self.learning_starts >= self.total_timesteps:
            yield (
                ("algo", "learning_starts"),
                f"learning starts after {self.learning_starts} steps, and there are {self.total_timesteps}: nothing would ever be "
                f"learned; try {min(self.learning_starts, max(1, self.total_timesteps // 20))}",
            )
        if self.gradient_steps == 0:
            yield (
                ("algo", "gradient_steps"),
                "0 gradient steps: nothing would ever be learned; try 1, or -1: as many as steps were taken",
            )
        if self.return_steps > MOST_RETURN_STEPS:
            yield (
                ("algo", "return_steps"),
                f"returns over {self.return_steps} steps are no n-step returns (usually 1–5, at most {MOST_RETURN_STEPS}); `n_steps` of "
                f"algorithms that learn from rollouts is `rollout_steps`, which {self.name} has not: it does not carry over; remove it",
            )
        if not isinstance(self.train_freq, int) and num_envs > 1:
            yield (
                ("algo", "train_freq"),
                f"episodes are counted with one copy only, and env.num_envs is {num_envs}; write steps, such as `train_freq: 64`, or "
                "set env.num_envs to 1",
            )
        if self.replay.type == "her" and self.return_steps > 1:
            yield (
                ("algo", "return_steps"),
                "hindsight replay (algo.replay) has no n-step returns; set return_steps to 1",
            )
        if self.buffer_size < num_envs:
            yield (
                ("algo", "buffer_size"),
                f"{self.buffer_size} is less than one step of env.num_envs = {num_envs}; raise it",
            )


class DQNConfig(OffPolicy):
    """Deep Q-network (Mnih et al. 2015), as Stable-Baselines3 implements it."""

    policy_defaults: ClassVar[Mapping[str, Any]] = RELU
    image_sizes: ClassVar[list[int] | None] = []
    has_critic: ClassVar[bool] = False
    name: Literal["dqn"] = "dqn"
    """The algorithm."""
    engine: Literal["auto", "fast", "stable-baselines3"] = "auto"
    """What computes it: `fast` is compiled code for multilayer perceptrons on the CPU, `stable-baselines3` its own code
    for everything; `auto` takes the fast one where it can. The mathematics is the same."""
    learning_rate: NumberOrSchedule = 1e-4
    """Adam's step size: a number or a schedule. (Usually 1e-4–2e-3.)"""
    batch_size: Positive = 32
    """Transitions of each gradient step. (Usually 32–128.)"""
    tau: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the network that moves into its target at each target update; 1 copies it. (Usually 1.)"""
    train_freq: TrainFreq = 4
    """Steps of each copy between two updates, or `[1, episode]` (with one copy only). (Usually 4–256.)"""
    target_update_interval: Positive = 10_000
    """Steps between two updates of the target network, all copies together. (Usually 10–10,000, and at least 20 in a training.)"""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the training over which ε falls. (Usually 0.05–0.5.)"""
    exploration_initial_eps: Share = 1.0
    """Probability of a random action (ε) at the beginning."""
    exploration_final_eps: Share = 0.05
    """The same at the end. (Usually 0.01–0.1.)"""
    max_grad_norm: Annotated[float, Field(gt=0)] = 10.0
    """The gradient's norm is clipped to this. (Usually 10.)"""


class QRDQNConfig(OffPolicy):
    """Quantile regression DQN (Dabney et al. 2018), as sb3-contrib implements it."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_defaults: ClassVar[Mapping[str, Any]] = RELU
    image_sizes: ClassVar[list[int] | None] = []
    has_critic: ClassVar[bool] = False
    policy_arguments: ClassVar[Mapping[str, type]] = {"n_quantiles": int}
    name: Literal["qrdqn"] = "qrdqn"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 5e-5
    """Adam's step size: a number or a schedule. (Usually 5e-5–2e-3.)"""
    batch_size: Positive = 32
    """Transitions of each gradient step. (Usually 32–128.)"""
    tau: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the network that moves into its target at each target update; 1 copies it. (Usually 1.)"""
    train_freq: TrainFreq = 4
    """Steps of each copy between two updates, or `[1, episode]` (with one copy only). (Usually 4–256.)"""
    target_update_interval: Positive = 10_000
    """Steps between two updates of the target network, all copies together. (Usually 10–10,000, and at least 20 in a training.)"""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.005
    """Share of the training over which ε falls. (Usually 0.005–0.5.)"""
    exploration_initial_eps: Share = 1.0
    """Probability of a random action (ε) at the beginning."""
    exploration_final_eps: Share = 0.01
    """The same at the end. (Usually 0.01–0.1.)"""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """The gradient's norm is clipped to this; null switches it off."""


class ContinuousOffPolicy(OffPolicy):
    """What off-policy algorithms for continuous actions share."""

    policy_defaults: ClassVar[Mapping[str, Any]] = {**RELU, "hidden_sizes": [256, 256]}
    policy_arguments: ClassVar[Mapping[str, type]] = {"n_critics": int, "share_features_extractor": bool}
    other_names: ClassVar[dict[str, str]] = {**OffPolicy.other_names, "ent_coef": "entropy_coef"}
    action_noise: Noise | None = None
    """Noise on the actions: `{type: normal, std: 0.1}`; null: none."""


class Averaging(ContinuousOffPolicy):
    """Those whose target networks move a little at each update."""

    tau: Annotated[float, Field(gt=0, le=1)] = 0.005
    """Share of the networks that moves into their targets at each update. (Usually 0.005–0.02.)"""


class Entropic(StateDependentNoise):
    """Maximum-entropy reinforcement learning: the temperature."""

    entropy_coef: EntropyCoefficient = "auto"
    """Weight of the entropy (temperature): a number, `auto` (learned), or `auto_0.1` (learned, from 0.1). SB3: `ent_coef`."""
    target_entropy: TargetEntropy = "auto"
    """What the entropy is steered to where its weight is learned: a number, or `auto`: minus the number of action elements."""
    use_sde_at_warmup: bool = False
    """Explore by gSDE, not at random, before learning starts."""


STOCHASTIC: dict[str, type] = {"use_expln": bool, "clip_mean": float}


class SACConfig(Entropic, Averaging):
    """Soft actor-critic (Haarnoja et al. 2018), as Stable-Baselines3 implements it."""

    policy_arguments: ClassVar[Mapping[str, type]] = {**ContinuousOffPolicy.policy_arguments, **STOCHASTIC}
    policy_defaults: ClassVar[Mapping[str, Any]] = {**ContinuousOffPolicy.policy_defaults, "log_std_init": -3.0}
    name: Literal["sac"] = "sac"
    """The algorithm."""
    engine: Literal["auto", "fast", "stable-baselines3"] = "auto"
    """What computes it: `fast` is compiled code for multilayer perceptrons on the CPU, `stable-baselines3` its own code
    for everything; `auto` takes the fast one where it can. The mathematics is the same."""
    target_update_interval: Positive = 1
    """Gradient steps between two updates of the target networks. (Usually 1.)"""


class TQCConfig(Entropic, Averaging):
    """Truncated quantile critics (Kuznetsov et al. 2020), as sb3-contrib implements it."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_arguments: ClassVar[Mapping[str, type]] = {**SACConfig.policy_arguments, "n_quantiles": int}
    policy_defaults: ClassVar[Mapping[str, Any]] = SACConfig.policy_defaults
    name: Literal["tqc"] = "tqc"
    """The algorithm."""
    target_update_interval: Positive = 1
    """Gradient steps between two updates of the target networks. (Usually 1.)"""
    top_quantiles_to_drop_per_net: Annotated[Count, Field(ge=0)] = 2
    """Of each critic's quantiles so many, the largest, are left out: against overestimation. (Usually 0–5.)"""


class CrossQConfig(Entropic, ContinuousOffPolicy):
    """CrossQ (Bhatt et al. 2024), as sb3-contrib implements it: batch renormalisation, no target networks."""

    libraries: ClassVar[tuple[str, ...]] = ("sb3-contrib",)
    policy_arguments: ClassVar[Mapping[str, type]] = SACConfig.policy_arguments
    policy_defaults: ClassVar[Mapping[str, Any]] = {
        **SACConfig.policy_defaults,
        "hidden_sizes": {"actor": [256, 256], "critic": [1024, 1024]},
    }
    name: Literal["crossq"] = "crossq"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 1e-3
    """The optimisers' step size: a number or a schedule. (Usually 1e-3.)"""
    policy_delay: Positive = 3
    """Gradient steps of the critics for each of the actor. (Usually 3.)"""


class DDPGConfig(Averaging):
    """Deep deterministic policy gradient (Lillicrap et al. 2015), as Stable-Baselines3 implements it."""

    policy_defaults: ClassVar[Mapping[str, Any]] = {**RELU, "hidden_sizes": [400, 300]}
    image_sizes: ClassVar[list[int] | None] = [256, 256]
    name: Literal["ddpg"] = "ddpg"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 1e-3
    """The optimisers' step size: a number or a schedule. (Usually 1e-4–1e-3.)"""


class TD3Config(Averaging):
    """Twin delayed DDPG (Fujimoto et al. 2018), as Stable-Baselines3 implements it."""

    policy_defaults: ClassVar[Mapping[str, Any]] = DDPGConfig.policy_defaults
    image_sizes: ClassVar[list[int] | None] = DDPGConfig.image_sizes
    name: Literal["td3"] = "td3"
    """The algorithm."""
    engine: Literal["auto", "fast", "stable-baselines3"] = "auto"
    """What computes it: `fast` is compiled code for multilayer perceptrons on the CPU, `stable-baselines3` its own code
    for everything; `auto` takes the fast one where it can. The mathematics is the same."""
    learning_rate: NumberOrSchedule = 1e-3
    """The optimisers' step size: a number or a schedule. (Usually 3e-4–1e-3.)"""
    policy_delay: Positive = 2
    """Gradient steps of the critics for each of the actor. (Usually 2.)"""
    target_policy_noise: Annotated[float, Field(ge=0)] = 0.2
    """Standard deviation of the noise on the target's actions (target policy smoothing). (Usually 0.2.)"""
    target_noise_clip: Annotated[float, Field(ge=0)] = 0.5
    """That noise is clipped to this. (Usually 0.5.)"""
