"""The runs: healthy ones, and ones with one known fault each. Data only."""

from __future__ import annotations

from benchmarks.diagnosis.case import Case, Settings

OWN = "envs.wrappers"

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
MOUNTAIN_CAR: Settings = {
    "env.id": "MountainCar-v0", "env.num_envs": 16, "env.normalize_observation": True, "env.normalize_reward": True,
    "algo.total_timesteps": 300_000, "algo.rollout_steps": 16, "algo.batch_size": 64, "algo.update_epochs": 4,
    "algo.gamma": 0.99, "algo.gae_lambda": 0.98,
}  # fmt: skip
"""rl-baselines3-zoo's settings for MountainCar-v0, with 0.3 instead of 1 million steps."""
DEFAULTS: Settings = {"env.num_envs": 8, "algo.total_timesteps": 100_000, "algo.rollout_steps": 256}
"""Stable-Baselines3's PPO defaults, with its 2048 steps per update from 8 copies."""

SMALL: Settings = {
    "env.num_envs": 8, "algo.total_timesteps": 40_000, "algo.rollout_steps": 64, "algo.batch_size": 64,
    "algo.update_epochs": 4, "algo.learning_rate": 0.001, "algo.entropy_coef": 0.01,
}  # fmt: skip
"""For the benchmark's own small tasks."""


HEALTHY = (
    Case("cartpole", CARTPOLE),
    Case("acrobot", ACROBOT),
    Case("pendulum", PENDULUM),
    Case("cartpole-defaults", {**DEFAULTS, "env.id": "CartPole-v1"}),
    Case("acrobot-defaults", {**DEFAULTS, "env.id": "Acrobot-v1", "algo.total_timesteps": 300_000}),
    Case("tiny budget", {**CARTPOLE, "algo.total_timesteps": 12_000}),
    Case("late and steep: mountain car", MOUNTAIN_CAR),
    Case("late and steep: corridor", {**SMALL, "env.id": "Corridor-v0"}),
    Case("stepwise", {**SMALL, "env.id": "Stairs-v0", "algo.entropy_coef": 0.02}),
    Case("sparse, cuts itself: room", {**SMALL, "env.id": "Room-v0"}),
    Case("sparse, slippery: room", {**SMALL, "env.id": "Room-v0", "env.kwargs": {"slips": 0.2}}),
    Case("noisy rewards", {**SMALL, "env.id": "Guess-v0", "env.kwargs": {"noise": 2.0}}),
    Case("negative rewards", {**SMALL, "env.id": "Reach-v0", "algo.entropy_coef": 0.0}),
    Case(
        "long episodes",
        {**SMALL, "env.id": "Reach-v0", "env.kwargs": {"limit": 500}, "algo.entropy_coef": 0.0, "eval.episodes": 2},
    ),
    Case(
        "images",
        {
            **SMALL,
            "env.id": "Images-v0",
            "policy.type": "cnn",
            "algo.total_timesteps": 4_096,
            "algo.rollout_steps": 16,
            "algo.learning_rate": 0.0005,
        },
    ),
    Case(
        "named observations", {**SMALL, "env.id": "Reach-v0", "env.kwargs": {"named": True}, "algo.entropy_coef": 0.0}
    ),
    Case("several choices at once", {**SMALL, "env.id": "Switches-v0"}),
    Case("episodes of one step", {**SMALL, "env.id": "Guess-v0", "env.kwargs": {"limit": 1}}),
    Case("episodes of any length", {**SMALL, "env.id": "Guess-v0", "env.kwargs": {"limit": 200, "ends": 0.05}}),
    Case("small rewards", {**CARTPOLE, "env.wrappers": [{f"{OWN}.ScaledReward": {"factor": 0.01}}]}),
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
        {**CARTPOLE, "algo.total_timesteps": 30_000, "env.wrappers": [{f"{OWN}.Leaking": {"seconds_per_step": 5e-8}}]},
        ("throughput-decays",),
        improvable=False,
    ),
    Case(
        "log_std_init 3",
        {**SMALL, "env.id": "Reach-v0", "algo.entropy_coef": 0.0, "policy.log_std_init": 3.0},
        ("log-std-init-unusual",),
        tried=False,
    ),
    Case(
        "gae_lambda 0",
        {**ACROBOT, "algo.total_timesteps": 100_000, "algo.gae_lambda": 0.0},
        ("gae-lambda-unusual",),
        tried=False,
    ),
    Case(
        "entropy bonus 1",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.entropy_coef": 1.0},
        ("entropy-coef-unusual",),
        tried=False,
    ),
    Case(
        "clip range 0.0001",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.clip_range": 1e-4},
        ("clip-range-unusual", "policy-does-not-move"),
        tried=False,
    ),
    Case(
        "gradients clipped at 1e-8",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.max_grad_norm": 1e-8},
        ("max-grad-norm-unusual", "policy-does-not-move"),
        tried=False,
    ),
    Case(
        "target_kl 1e-7",
        {**CARTPOLE, "algo.total_timesteps": 50_000, "algo.target_kl": 1e-7},
        ("target-kl-unusual", "policy-does-not-move"),
        tried=False,
    ),
    Case(
        "actions from -500 to 500",
        {**SMALL, "env.id": "Reach-v0", "env.kwargs": {"low": -500.0, "high": 500.0}, "algo.entropy_coef": 0.0},
        ("action-range-unusual",),
        tried=False,
    ),
    Case(
        "actions from 20 to 22",
        {**SMALL, "env.id": "Reach-v0", "env.kwargs": {"low": 20.0, "high": 22.0}, "algo.entropy_coef": 0.0},
        ("action-range-unusual",),
        tried=False,
    ),
    Case(
        "doing nothing is the optimum nearby",
        {**SMALL, "env.id": "Push-v0", "algo.total_timesteps": 80_000, "algo.entropy_coef": 0.0},
        ("doing-nothing-pays",),
        tried=False,
    ),
    Case(
        "MountainCarContinuous, defaults",
        {**DEFAULTS, "env.id": "MountainCarContinuous-v0"},
        ("doing-nothing-pays",),
        tried=False,
    ),
    Case(
        "environment without a seed", {**SMALL, "env.id": "Unseeded-v0"}, ("environment-not-seeded",), improvable=False
    ),
    Case(
        "episodes without an end",
        {**SMALL, "env.id": "Endless-v0", "eval.episodes": 2, "eval.step_limit": 100},
        ("episodes-never-end",),
        improvable=False,
    ),
    Case("nothing to learn", {**SMALL, "env.id": "Lottery-v0"}, ("never-left-the-floor",), improvable=False),
    Case("rewards turn into NaN", {**SMALL, "env.id": "Broken-v0"}, ("non-finite",), improvable=False),
    Case("some seeds crash", {**SMALL, "env.id": "Crashing-v0"}, ("seed-failed",), improvable=False),
    Case(
        "five updates",
        {**CARTPOLE, "algo.total_timesteps": 1_280 * 8, "algo.rollout_steps": 256},
        ("few-updates",),
        tried=False,
    ),
    Case(
        "what was right turns wrong", {**SMALL, "env.id": "Turning-v0"}, ("collapse-after-success",), improvable=False
    ),
    Case(
        "a goal too far to be met",
        {**SMALL, "env.id": "Corridor-v0", "env.kwargs": {"length": 40, "limit": 80}},
        ("never-left-the-floor",),
        improvable=False,
    ),
)
BLIND = Case("blind", {**CARTPOLE, "env.wrappers": [f"{OWN}.Blind"]})
