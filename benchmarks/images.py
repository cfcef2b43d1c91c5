"""Images: PPO and DQN on stacks of four 84 × 84 frames, through rlx's learners and by stock Stable-Baselines3, interleaved.

``python -m benchmarks.images [--rounds 3] [--steps 3000]`` prints steps per CPU second of each, their ratio (median of the rounds),
and the memory of the replay buffer in units of its frames. Both with one thread and flushed denormals; the environment draws
noise, and does nothing else.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import numpy as np
from gymnasium import spaces

SIDE, FRAMES, COPIES = 84, 4, 8
DQN = {"buffer_size": 20_000, "learning_starts": 500, "train_freq": 4, "target_update_interval": 1000, "batch_size": 32}
PPO = {"n_steps": 128, "batch_size": 256, "n_epochs": 4}


class Noise(gym.Env[Any, Any]):
    """Frames of noise, of which a few are drawn beforehand; episodes of 200 steps."""

    observation_space = spaces.Box(0, 255, (SIDE, SIDE, 1), np.uint8)
    action_space = spaces.Discrete(6)
    _frames = np.random.default_rng(0).integers(0, 256, (64, SIDE, SIDE, 1), np.uint8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Start an episode."""
        super().reset(seed=seed)
        return self._frames[0], {}

    def step(self, action: Any) -> Any:
        """Show another frame."""
        shown = int(self.np_random.integers(64))
        return self._frames[shown], float(shown % 6 == action), False, False, {}


gym.register("NoiseImages-v0", Noise, max_episode_steps=200)


def ours(name: str, steps: int) -> tuple[float, float]:
    """Return steps per CPU second of rlx's learner, and its replay's bytes over those of its frames."""
    from rlx.algorithms import trained_config
    from rlx.config import RunConfig, own_settings
    from rlx.envs import Environments, make_env

    own_settings(name)
    copies = COPIES if name == "ppo" else 1
    renamed = {"n_steps": "rollout_steps", "n_epochs": "update_epochs"}
    given = {renamed.get(key, key): value for key, value in (PPO if name == "ppo" else DQN).items()}
    data = {
        "env": {"id": "NoiseImages-v0", "num_envs": copies, "frame_stack": FRAMES},
        "algo": {"name": name, "total_timesteps": steps, **given},
        "policy": {"type": "cnn", "hidden_sizes": [], "activation": "relu" if name == "dqn" else "tanh"},
        "eval": {"every": steps},
        "device": "cpu",
    }
    row, config = trained_config(Path(), RunConfig.model_validate(data))
    env = Environments(Path(), config, make_env(config.env))
    learner: Any = row.make(config, env, 0, "cpu")
    learner.boundary(0)
    begun = time.process_time()
    while env.steps < steps:
        learner.advance()
    rate = env.steps / (time.process_time() - begun)
    buffer = getattr(learner.model, "replay_buffer", None)
    return rate, buffer.nbytes / (buffer.added * SIDE * SIDE) if buffer is not None else 0.0


def stock(name: str, steps: int) -> tuple[float, float]:
    """Return the same of stock Stable-Baselines3."""
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecFrameStack

    copies = COPIES if name == "ppo" else 1
    venv = VecFrameStack(make_vec_env("NoiseImages-v0", n_envs=copies, seed=0), FRAMES)
    make: Any = stable_baselines3.PPO if name == "ppo" else stable_baselines3.DQN
    model = make("CnnPolicy", venv, seed=0, device="cpu", **(PPO if name == "ppo" else DQN))
    begun = time.process_time()
    model.learn(steps)
    rate = model.num_timesteps / (time.process_time() - begun)
    return rate, 2.0 * FRAMES if name == "dqn" else 0.0


def main() -> None:
    """Measure and print."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    warnings.simplefilter("ignore")
    for name in ("dqn", "ppo"):
        both: dict[Callable[[str, int], tuple[float, float]], list[tuple[float, float]]] = {stock: [], ours: []}
        for _ in range(chosen.rounds):
            for measure, found in both.items():
                found.append(measure(name, chosen.steps))
        ratios = [mine[0] / theirs[0] for mine, theirs in zip(both[ours], both[stock], strict=True)]
        rates = {measure.__name__: statistics.median(rate for rate, _ in found) for measure, found in both.items()}
        memory = f", replay {both[ours][-1][1]:.2f} × its frames (stock {2 * FRAMES})" if name == "dqn" else ""
        sys.stdout.write(
            f"{name}: stock {rates['stock']:.0f}, rlx {rates['ours']:.0f} steps per CPU second, ratio "
            f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]{memory}\n"
        )


if __name__ == "__main__":
    main()
