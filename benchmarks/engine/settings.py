"""What is measured: five tasks with published settings, as rlx configures them and as Stable-Baselines3 takes them."""

from __future__ import annotations

from typing import Any

_CARTPOLE = {"rollout_steps": 128, "batch_size": 256, "update_epochs": 4, "learning_rate": 3e-4}
_MUJOCO_ENV = {"num_envs": 1, "normalize_observation": True, "normalize_reward": True}
_MUJOCO_NET = {"hidden_sizes": [256, 256], "activation": "relu", "log_std_init": -2.0, "ortho_init": False}

SETTINGS: dict[str, dict[str, Any]] = {
    "cartpole64": {
        "title": "CartPole-v1, 64²",
        "steps": 204_800,
        "env": {"id": "CartPole-v1", "num_envs": 8},
        "algo": _CARTPOLE,
        "policy": {"hidden_sizes": [64, 64]},
    },
    "cartpole256": {
        "title": "CartPole-v1, 256²",
        "steps": 204_800,
        "env": {"id": "CartPole-v1", "num_envs": 8},
        "algo": _CARTPOLE,
        "policy": {"hidden_sizes": [256, 256]},
    },
    # rl-baselines3-zoo's hyperparameters for PPO: LunarLander, Hopper-v4, HalfCheetah-v4
    "lunarlander": {
        "title": "LunarLander-v3",
        "steps": 200_000,
        "env": {"id": "LunarLander-v3", "num_envs": 16},
        "algo": {
            "rollout_steps": 1024, "batch_size": 64, "update_epochs": 4, "gae_lambda": 0.98, "gamma": 0.999,
            "entropy_coef": 0.01,
        },
        "policy": {"hidden_sizes": [64, 64]},
    },
    "hopper": {
        "title": "Hopper-v5",
        "steps": 50_000,
        "env": {"id": "Hopper-v5", **_MUJOCO_ENV},
        "algo": {
            "rollout_steps": 512, "batch_size": 32, "update_epochs": 5, "gae_lambda": 0.99, "gamma": 0.999,
            "entropy_coef": 0.00229519, "learning_rate": 9.80828e-05, "max_grad_norm": 0.7, "value_coef": 0.835671,
        },
        "policy": _MUJOCO_NET,
    },
    "halfcheetah": {
        "title": "HalfCheetah-v5",
        "steps": 30_000,
        "env": {"id": "HalfCheetah-v5", **_MUJOCO_ENV},
        "algo": {
            "rollout_steps": 512, "batch_size": 64, "update_epochs": 20, "gae_lambda": 0.92, "gamma": 0.98,
            "entropy_coef": 0.000401762, "learning_rate": 2.0633e-05, "max_grad_norm": 0.8, "value_coef": 0.58096,
            "clip_range": 0.1,
        },
        "policy": _MUJOCO_NET,
    },
}  # fmt: skip

SB3_NAMES = {
    "rollout_steps": "n_steps",
    "update_epochs": "n_epochs",
    "entropy_coef": "ent_coef",
    "value_coef": "vf_coef",
}


def rlx_config(name: str, engine: str = "auto", num_seeds: int = 1) -> dict[str, Any]:
    """Return a task as a configuration of rlx: one validation of five episodes in the end, one checkpoint."""
    task = SETTINGS[name]
    return {
        "num_seeds": num_seeds,
        "env": task["env"],
        "algo": {**task["algo"], "total_timesteps": task["steps"], "engine": engine},
        "policy": task["policy"],
        "eval": {"every": task["steps"], "episodes": 5},
        "checkpoint": {"save_every": task["steps"]},
    }


def sb3_arguments(name: str) -> dict[str, Any]:
    """Return a task as keyword arguments of ``stable_baselines3.PPO`` (what is in ``policy_kwargs`` aside)."""
    return {SB3_NAMES.get(key, key): value for key, value in SETTINGS[name]["algo"].items()}


def zoo_config(name: str) -> dict[str, Any]:
    """Return a task as rl-baselines3-zoo's YAML has it."""
    task = SETTINGS[name]
    policy, env = task["policy"], task["env"]
    sizes, activation = policy["hidden_sizes"], "ReLU" if policy.get("activation") == "relu" else "Tanh"
    extra = f", log_std_init={policy['log_std_init']}, ortho_init=False" if "log_std_init" in policy else ""
    return {
        env["id"]: {
            "n_envs": env["num_envs"],
            "n_timesteps": float(task["steps"]),
            "policy": "MlpPolicy",
            "normalize": bool(env.get("normalize_observation")),
            "policy_kwargs": f"dict(net_arch=dict(pi={sizes}, vf={sizes}), activation_fn=nn.{activation}{extra})",
            **sb3_arguments(name),
        }
    }
