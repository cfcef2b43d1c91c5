"""PPO settings that are known to work, by environment: rl-zoo's tuned hyperparameters (its ``ppo.yml``)."""

from __future__ import annotations

from typing import Any

SOURCE = "rl-zoo's tuned hyperparameters"
Settings = dict[str, Any]

KNOWN: dict[str, tuple[Settings, Settings]] = {
    "CartPole": (
        {"num_envs": 8},
        {
            "total_timesteps": 100_000, "rollout_steps": 32, "batch_size": 256, "update_epochs": 20, "gamma": 0.98,
            "gae_lambda": 0.8, "learning_rate": {"start": 0.001, "end": 0.0}, "clip_range": {"start": 0.2, "end": 0.0},
            "entropy_coef": 0.0,
        },
    ),
    "LunarLander": (
        {"num_envs": 16},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 1024, "batch_size": 64, "update_epochs": 4, "gamma": 0.999,
            "gae_lambda": 0.98, "learning_rate": 0.0003, "clip_range": 0.2, "entropy_coef": 0.01,
        },
    ),
    "Acrobot": (
        {"num_envs": 16, "normalize_observation": True, "normalize_reward": True},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 256, "batch_size": 64, "update_epochs": 4, "gamma": 0.99,
            "gae_lambda": 0.94, "learning_rate": 0.0003, "clip_range": 0.2, "entropy_coef": 0.0,
        },
    ),
    "MountainCar": (
        {"num_envs": 16, "normalize_observation": True, "normalize_reward": True},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 16, "batch_size": 64, "update_epochs": 4, "gamma": 0.99,
            "gae_lambda": 0.98, "learning_rate": 0.0003, "clip_range": 0.2, "entropy_coef": 0.0,
        },
    ),
    "Pendulum": (
        {"num_envs": 4},
        {
            "total_timesteps": 100_000, "rollout_steps": 1024, "batch_size": 64, "update_epochs": 10, "gamma": 0.9,
            "gae_lambda": 0.95, "learning_rate": 0.001, "clip_range": 0.2, "entropy_coef": 0.0, "use_sde": True,
            "sde_sample_freq": 4,
        },
    ),
}  # fmt: skip

DEFAULT: tuple[Settings, Settings] = (
    {"num_envs": 8},
    {
        "total_timesteps": 500_000, "rollout_steps": 256, "batch_size": 64, "update_epochs": 10, "gamma": 0.99,
        "gae_lambda": 0.95, "learning_rate": 0.0003, "clip_range": 0.2, "entropy_coef": 0.0,
    },
)  # fmt: skip


def settings_for(env_id: str) -> tuple[Settings, str]:
    """Return a config for an environment, and a sentence about where its values come from."""
    name = env_id.rpartition("-v")[0] or env_id
    env, algo = KNOWN.get(name, DEFAULT)
    total = algo["total_timesteps"]
    config = {
        "env": {"id": env_id, **env},
        "algo": algo,
        "checkpoint": {"save_every": total // 4},
        "eval": {"every": total // 10},
    }
    known = (
        f"{SOURCE} for {name}."
        if name in KNOWN
        else f"No tuned settings are known for {env_id}: these are Stable-Baselines3's defaults, over 8 environments."
    )
    return config, known
