"""The runs: healthy ones, and ones with one known fault each. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OWN = "benchmarks.diagnosis.environments"
Settings = dict[str, Any]

CARTPOLE: Settings = {
    "env.id": "CartPole-v1", "env.num_envs": 8, "algo.total_timesteps": 100_000, "algo.rollout_steps": 32,
    "algo.batch_size": 256, "algo.update_epochs": 20, "algo.learning_rate": "lin_0.001", "algo.clip_range": "lin_0.2",
    "algo.gamma": 0.98, "algo.gae_lambda": 0.8,
}  # fmt: skip
"""rl-baselines3-zoo's settings for CartPole-v1."""
ACROBOT: Settings = {
    "env.id": "Acrobot-v1", "env.num_envs": 16, "env.normalize_observation": True, "env.normalize_reward": True,
    "algo.total_timesteps": 300_000, "algo.rollout_steps": 256, "algo.batch_size": 64, "algo.update_epochs": 4,
    "algo.gamma": 0.99, "algo.gae_lambda": 0.94,
}  # fmt: skip
"""rl-baselines3-zoo's settings for Acrobot-v1, with 0.3 instead of 1 million steps."""
PENDULUM: Settings = {
    "env.id": "Pendulum-v1", "env.num_envs": 4, "algo.total_timesteps": 100_000, "algo.rollout_steps": 1024,
    "algo.batch_size": 64, "algo.update_epochs": 10, "algo.learning_rate": 0.001, "algo.gamma": 0.9,
}  # fmt: skip
"""rl-baselines3-zoo's settings for Pendulum-v1, without state-dependent exploration."""
DEFAULTS: Settings = {"env.num_envs": 8, "algo.total_timesteps": 100_000, "algo.rollout_steps": 256}
"""Stable-Baselines3's PPO defaults, with its 2048 steps per update from 8 copies."""


@dataclass(frozen=True)
class Case:
    """One kind of run.

    Attributes:
        name: What it is called.
        settings: Its configuration, as ``section.key: value``.
        expected: Ids of findings that name its fault; the first finding must be one of them. Empty: healthy.
        blind_seed: Whether every fifth seed is taken from a training that sees nothing (`one failing seed of five`).
        improvable: Whether some configuration of rlx could mend it.
    """

    name: str
    settings: Settings
    expected: tuple[str, ...] = ()
    blind_seed: bool = False
    improvable: bool = True


HEALTHY = (
    Case("cartpole", CARTPOLE),
    Case("acrobot", ACROBOT),
    Case("pendulum", PENDULUM),
    Case("cartpole-defaults", {**DEFAULTS, "env.id": "CartPole-v1"}),
    Case("acrobot-defaults", {**DEFAULTS, "env.id": "Acrobot-v1", "algo.total_timesteps": 300_000}),
)
FAULTS = (
    Case(
        "learning rate x 100",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.learning_rate": 0.1},
        ("policy-changes-too-fast",),
    ),
    Case(
        "learning rate / 1000",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.learning_rate": 1e-6},
        ("policy-does-not-move",),
    ),
    Case(
        "gamma 0.5, no entropy bonus",
        {**DEFAULTS, "env.id": "Acrobot-v1", "algo.gamma": 0.5, "algo.total_timesteps": 200_000},
        ("short-horizon",),
    ),
    Case(
        "reward x 10000",
        {**DEFAULTS, "env.id": "CartPole-v1", "env.wrappers": [{f"{OWN}.ScaledReward": {"factor": 1e4}}]},
        ("targets-out-of-scale",),
    ),
    Case(
        "rollout of 16 steps",
        {**DEFAULTS, "env.id": "Acrobot-v1", "env.num_envs": 1, "algo.rollout_steps": 16, "algo.batch_size": 16},
        ("rollout-too-small",),
    ),
    Case(
        "MountainCar, defaults",
        {**DEFAULTS, "env.id": "MountainCar-v0"},
        ("never-left-the-floor",),
    ),
    Case("one blind seed of five", CARTPOLE, ("seeds-disagree",), blind_seed=True, improvable=False),
    Case(
        "evaluation without its normaliser",
        {
            **DEFAULTS,
            "env.id": "MountainCar-v0",
            "algo.total_timesteps": 150_000,
            "env.wrappers": [f"{OWN}.OwnNormalizer"],
        },
        ("evaluation-below-training",),
    ),
    Case("value coefficient 0", {**DEFAULTS, "env.id": "CartPole-v1", "algo.value_coef": 0.0}, ("value-not-trained",)),
    Case(
        "environment that slows down",
        {**CARTPOLE, "algo.total_timesteps": 30_000, "env.wrappers": [{f"{OWN}.Leaking": {"seconds_per_step": 4e-8}}]},
        ("throughput-decays",),
        improvable=False,
    ),
)
BLIND = Case("blind", {**CARTPOLE, "env.wrappers": [f"{OWN}.Blind"]})
