"""The settings of SBX's algorithms: those of Stable-Baselines3's, where SBX has them, and its own.

Names, ranges and defaults are the library's (a test holds them against its signatures).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlx.algorithms.sb3.off_policy_settings import Averaging, ContinuousOffPolicy, Entropic, OffPolicy, Share
from rlx.algorithms.sb3.on_policy_settings import ClippedConfig
from rlx.algorithms.sb3.settings import StateDependentNoise, TrainFreq
from rlx.config import Count, NumberOrSchedule, Positive

RELU: dict[str, Any] = {"activation": "relu"}
JAX = ("sbx-rl", "jax", "jaxlib", "flax", "optax")
CRITICS: dict[str, type] = {"n_critics": int, "layer_norm": bool, "dropout_rate": float}


class JaxCritics(ContinuousOffPolicy):
    """What SBX's algorithms for continuous actions have beside."""

    policy_arguments: ClassVar[Mapping[str, type]] = CRITICS
    networks: ClassVar[tuple[str, ...]] = ("mlp", "multi_input")
    qf_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """The critics' step size; null: as `learning_rate`. (Usually 1e-3.)"""


class SBXPPOConfig(StateDependentNoise, ClippedConfig):
    """Proximal policy optimisation (Schulman et al. 2017), as SBX implements it in JAX."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    networks: ClassVar[tuple[str, ...]] = ("mlp", "cnn")
    name: Literal["sbx_ppo"] = "sbx_ppo"
    """The algorithm."""


class SBXSACConfig(Entropic, Averaging, JaxCritics):
    """Soft actor-critic (Haarnoja et al. 2018), as SBX implements it in JAX."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    name: Literal["sbx_sac"] = "sbx_sac"
    """The algorithm."""
    policy_delay: Positive = 1
    """Gradient steps of the critics for each of the actor. (Usually 1.)"""
    param_resets: list[Positive] | None = None
    """Steps after which all networks begin anew (Nikishin et al. 2022), for many gradient steps per step."""


class SBXTQCConfig(Entropic, Averaging, JaxCritics):
    """Truncated quantile critics (Kuznetsov et al. 2020), as SBX implements it in JAX."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    policy_arguments: ClassVar[Mapping[str, type]] = {**CRITICS, "n_quantiles": int}
    name: Literal["sbx_tqc"] = "sbx_tqc"
    """The algorithm."""
    policy_delay: Positive = 1
    """Gradient steps of the critics for each of the actor. (Usually 1.)"""
    top_quantiles_to_drop_per_net: Annotated[Count, Field(ge=0)] = 2
    """Of each critic's quantiles so many, the largest, are left out: against overestimation. (Usually 0–5.)"""
    param_resets: list[Positive] | None = None
    """Steps after which all networks begin anew (Nikishin et al. 2022), for many gradient steps per step."""


class SBXCrossQConfig(Entropic, JaxCritics):
    """CrossQ (Bhatt et al. 2024), as SBX implements it in JAX: batch renormalisation, no target networks."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    policy_defaults: ClassVar[Mapping[str, Any]] = {
        **RELU,
        "hidden_sizes": {"actor": [256, 256], "critic": [1024, 1024]},
    }
    name: Literal["sbx_crossq"] = "sbx_crossq"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 1e-3
    """The optimisers' step size: a number or a schedule. (Usually 1e-3.)"""
    policy_delay: Positive = 3
    """Gradient steps of the critics for each of the actor. (Usually 3.)"""
    param_resets: list[Positive] | None = None
    """Steps after which all networks begin anew (Nikishin et al. 2022), for many gradient steps per step."""


class SBXTD3Config(Averaging, JaxCritics):
    """Twin delayed DDPG (Fujimoto et al. 2018), as SBX implements it in JAX."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    name: Literal["sbx_td3"] = "sbx_td3"
    """The algorithm."""
    policy_delay: Positive = 2
    """Gradient steps of the critics for each of the actor. (Usually 2.)"""
    target_policy_noise: Annotated[float, Field(ge=0)] = 0.2
    """Standard deviation of the noise on the target's actions (target policy smoothing). (Usually 0.2.)"""
    target_noise_clip: Annotated[float, Field(ge=0)] = 0.5
    """That noise is clipped to this. (Usually 0.5.)"""
    param_resets: list[Positive] | None = None
    """Steps after which all networks begin anew (Nikishin et al. 2022), for many gradient steps per step."""


class SBXDQNConfig(OffPolicy):
    """Deep Q-network (Mnih et al. 2015), as SBX implements it in JAX: two hidden layers of one width, no clipped gradient."""

    libraries: ClassVar[tuple[str, ...]] = JAX
    policy_defaults: ClassVar[Mapping[str, Any]] = {**RELU, "hidden_sizes": [64, 64]}
    image_sizes: ClassVar[list[int] | None] = [256, 256]
    has_critic: ClassVar[bool] = False
    networks: ClassVar[tuple[str, ...]] = ("mlp", "cnn")
    name: Literal["sbx_dqn"] = "sbx_dqn"
    """The algorithm."""
    learning_rate: NumberOrSchedule = 1e-4
    """Adam's step size: a number or a schedule. (Usually 1e-4–2e-3.)"""
    batch_size: Positive = 32
    """Transitions of each gradient step. (Usually 32–128.)"""
    tau: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the network that moves into its target at each target update; 1 copies it. (Usually 1.)"""
    train_freq: TrainFreq = 4
    """Steps of each copy between two updates, or `[1, episode]` (with one copy only). (Usually 4–256.)"""
    target_update_interval: Positive = 1000
    """Steps between two updates of the target network, all copies together. (Usually 10–10,000, and at least 20 in a training.)"""
    exploration_fraction: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the training over which ε falls. (Usually 0.05–0.5.)"""
    exploration_initial_eps: Share = 1.0
    """Probability of a random action (ε) at the beginning."""
    exploration_final_eps: Share = 0.05
    """The same at the end. (Usually 0.01–0.1.)"""
