"""PPO settings that are known to work, by environment: rl-zoo's tuned hyperparameters (its ``ppo.yml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOURCE = "rl-zoo's hyperparameters (ppo.yml)"
Settings = dict[str, Any]
Entry = tuple[Settings, Settings, Settings]
"""What is said of `env`, `algo` and `policy`; what an entry leaves out has Stable-Baselines3's defaults."""

NORMALIZED: Settings = {"normalize_observation": True, "normalize_reward": True}
MUJOCO_NETWORK: Settings = {"hidden_sizes": [256, 256], "activation": "relu", "ortho_init": False, "log_std_init": -2.0}


def _line(start: float) -> Settings:
    """Return a schedule from a value to 0, as rl-zoo's ``lin_``."""
    return {"start": start, "end": 0.0}


def _mujoco(total: int, batch: int, steps: int, epochs: int, **rest: float) -> Entry:
    """Return an entry of the table that rl-zoo tuned for MuJoCo, in the order of its columns; one copy each."""
    algo = {"total_timesteps": total, "batch_size": batch, "rollout_steps": steps, "update_epochs": epochs, **rest}
    return {"num_envs": 1, **NORMALIZED}, algo, dict(MUJOCO_NETWORK)


KNOWN: dict[str, Entry] = {
    "CartPole": (
        {"num_envs": 8},
        {
            "total_timesteps": 100_000, "rollout_steps": 32, "batch_size": 256, "update_epochs": 20, "gamma": 0.98,
            "gae_lambda": 0.8, "learning_rate": _line(0.001), "clip_range": _line(0.2),
        },
        {},
    ),
    "LunarLander": (
        {"num_envs": 16},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 1024, "batch_size": 64, "update_epochs": 4, "gamma": 0.999,
            "gae_lambda": 0.98, "entropy_coef": 0.01,
        },
        {},
    ),
    "Acrobot": (
        {"num_envs": 16, **NORMALIZED},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 256, "batch_size": 64, "update_epochs": 4, "gamma": 0.99,
            "gae_lambda": 0.94,
        },
        {},
    ),
    "MountainCar": (
        {"num_envs": 16, **NORMALIZED},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 16, "batch_size": 64, "update_epochs": 4, "gamma": 0.99,
            "gae_lambda": 0.98,
        },
        {},
    ),
    "MountainCarContinuous": (
        {"num_envs": 1, **NORMALIZED},
        {
            "total_timesteps": 20_000, "rollout_steps": 8, "batch_size": 8, "update_epochs": 10, "gamma": 0.9999,
            "gae_lambda": 0.9, "learning_rate": 7.77e-05, "clip_range": 0.1, "entropy_coef": 0.00429,
            "value_coef": 0.19, "max_grad_norm": 5.0, "use_sde": True,
        },
        {"ortho_init": False, "log_std_init": -3.29},
    ),
    "Pendulum": (
        {"num_envs": 4},
        {
            "total_timesteps": 100_000, "rollout_steps": 1024, "batch_size": 64, "update_epochs": 10, "gamma": 0.9,
            "gae_lambda": 0.95, "learning_rate": 0.001, "use_sde": True, "sde_sample_freq": 4,
        },
        {},
    ),
    "BipedalWalker": (
        {"num_envs": 32, **NORMALIZED},
        {
            "total_timesteps": 5_000_000, "rollout_steps": 2048, "batch_size": 64, "update_epochs": 10, "gamma": 0.999,
            "clip_range": 0.18,
        },
        {},
    ),
    "BipedalWalkerHardcore": (
        {"num_envs": 16, **NORMALIZED},
        {
            "total_timesteps": 100_000_000, "rollout_steps": 2048, "batch_size": 64, "update_epochs": 10,
            "learning_rate": _line(2.5e-4), "clip_range": _line(0.2), "entropy_coef": 0.001,
        },
        {},
    ),
    "MiniGrid-DoorKey-5x5": (
        {"num_envs": 8},
        {
            "total_timesteps": 100_000, "rollout_steps": 128, "batch_size": 64, "update_epochs": 10,
            "learning_rate": 2.5e-4,
        },
        {},
    ),
    "HalfCheetah": _mujoco(
        1_000_000, 64, 512, 20, gamma=0.98, learning_rate=2.0633e-05, entropy_coef=0.000401762, clip_range=0.1,
        gae_lambda=0.92, max_grad_norm=0.8, value_coef=0.58096,
    ),
    "Hopper": _mujoco(
        1_000_000, 32, 512, 5, gamma=0.999, learning_rate=9.80828e-05, entropy_coef=0.00229519, clip_range=0.2,
        gae_lambda=0.99, max_grad_norm=0.7, value_coef=0.835671,
    ),
    "HumanoidStandup": _mujoco(
        10_000_000, 32, 512, 20, gamma=0.99, learning_rate=2.55673e-05, entropy_coef=3.62109e-06, clip_range=0.3,
        gae_lambda=0.9, max_grad_norm=0.7, value_coef=0.430793,
    ),
    "Humanoid": _mujoco(
        10_000_000, 256, 512, 5, gamma=0.95, learning_rate=3.56987e-05, entropy_coef=0.00238306, clip_range=0.3,
        gae_lambda=0.9, max_grad_norm=2.0, value_coef=0.431892,
    ),
    "InvertedDoublePendulum": (
        {"num_envs": 1, **NORMALIZED},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 128, "batch_size": 128, "update_epochs": 10, "gamma": 0.98,
            "gae_lambda": 0.8, "learning_rate": 0.000155454, "clip_range": 0.4, "entropy_coef": 1.05057e-06,
            "value_coef": 0.695929, "max_grad_norm": 0.5,
        },
        {},
    ),
    "InvertedPendulum": (
        {"num_envs": 1, **NORMALIZED},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 32, "batch_size": 32, "update_epochs": 5, "gamma": 0.999,
            "gae_lambda": 0.9, "learning_rate": 0.000222425, "clip_range": 0.4, "entropy_coef": 1.37976e-07,
            "value_coef": 0.19816, "max_grad_norm": 0.3,
        },
        {},
    ),
    "Reacher": (
        {"num_envs": 1, **NORMALIZED},
        {
            "total_timesteps": 1_000_000, "rollout_steps": 512, "batch_size": 32, "update_epochs": 5, "gamma": 0.9,
            "gae_lambda": 1.0, "learning_rate": 0.000104019, "clip_range": 0.3, "entropy_coef": 7.52585e-08,
            "value_coef": 0.950368, "max_grad_norm": 0.9,
        },
        {},
    ),
    "Walker2d": _mujoco(
        1_000_000, 32, 512, 20, gamma=0.99, learning_rate=5.05041e-05, entropy_coef=0.000585045, clip_range=0.1,
        gae_lambda=0.95, max_grad_norm=1.0, value_coef=0.871923,
    ),
    "Swimmer": ({"num_envs": 1, **NORMALIZED}, {"total_timesteps": 1_000_000, "gamma": 0.9999}, {}),
    "Ant": ({"num_envs": 1, **NORMALIZED}, {"total_timesteps": 1_000_000}, {}),
}  # fmt: skip
"""By the id without its version. Where rl-zoo's batch is larger than its rollout, Stable-Baselines3 takes the rollout."""

IMAGES: Entry = (
    {"num_envs": 8, "frame_stack": 4},
    {
        "total_timesteps": 10_000_000, "rollout_steps": 128, "batch_size": 256, "update_epochs": 4,
        "learning_rate": _line(2.5e-4), "clip_range": _line(0.1), "entropy_coef": 0.01,
    },
    {"type": "cnn", "hidden_sizes": []},
)  # fmt: skip
"""rl-zoo's entry for all Atari games, which images of 36 × 36 and more are started with."""
CONTINUOUS: Entry = (
    {"num_envs": 8, **NORMALIZED},
    {"total_timesteps": 1_000_000, "rollout_steps": 256, "batch_size": 64, "update_epochs": 10},
    {},
)
"""Continuous actions on vectors of numbers: Stable-Baselines3's defaults, with normalisation, as all of MuJoCo wants."""
DEFAULT: Entry = ({"num_envs": 8}, {"total_timesteps": 500_000, "rollout_steps": 256, "batch_size": 64}, {})
SMALL_IMAGE = 36
"""Images with a side below this are too small for the cnn."""


def settings_for(env_id: str, observation: Any = None, action: Any = None) -> tuple[Settings, str]:
    """Return a config for an environment, and a sentence about where its values come from.

    Args:
        env_id: Its id, with or without `module:`.
        observation: The observation space as data (:class:`rlx.records.environment_facts.SpaceFacts`), where it is known.
        action: The action space likewise.
    """
    bare = env_id.rpartition(":")[2]
    name = bare.rpartition("-v")[0] or bare
    seen, acts = observation or {}, action or {}
    if name in KNOWN:
        entry, source = KNOWN[name], f"{SOURCE} for {name}"
    elif is_image_data(seen) and sorted(seen["shape"])[1] >= SMALL_IMAGE:
        entry, source = IMAGES, f"Nothing tuned is known for {bare}: these are {SOURCE} for Atari"
    elif acts.get("kind") == "Box" and seen.get("kind") == "Box":
        entry = CONTINUOUS
        source = f"Nothing tuned is known for {bare}: these are Stable-Baselines3's defaults, with normalisation"
    else:
        entry = DEFAULT
        source = f"Nothing tuned is known for {bare}: these are Stable-Baselines3's defaults, over 8 environments"
    env, algo, policy = entry
    return {"env": {"id": env_id, **env}, "algo": dict(algo), "policy": dict(policy)}, f"{source}."


def is_image_data(space: Mapping[str, Any]) -> bool:
    """Tell whether a space as data is of images in bytes."""
    return space.get("kind") == "Box" and len(space["shape"]) == 3 and space["dtype"] == "uint8"
