"""DQN, SAC and TD3: environment steps per CPU second with learning, the fast engines beside plain Stable-Baselines3.

    OMP_NUM_THREADS=1 python -m benchmarks.off_policy [CASE …] [--rounds 3]

Each round measures both, one after the other, in this process with one thread: Stable-Baselines3 as it is (denormal numbers are not
flushed), rlx as it trains. ``bound`` is what OpenBLAS's matrix products of the updates alone would allow, measured in between.
The environment of ``fast`` is the compiled one where there is one; ``gymnasium`` is the same on Gymnasium's.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
import warnings
from typing import Any, NamedTuple

import numpy as np

OFTEN = 7
"""Times that a product is measured; the best counts."""


class Case(NamedTuple):
    """What is trained, and between which steps it is measured (stock's part of them is shorter)."""

    algorithm: str
    env: str
    settings: dict[str, Any]
    hidden: list[int]
    begin: int
    steps: int
    stock_steps: int


ZOO = {
    "learning_rate": 2.3e-3, "batch_size": 64, "learning_starts": 1000, "target_update_interval": 10, "train_freq": 256,
    "gradient_steps": 128, "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
}  # fmt: skip
CASES = {
    "dqn_zoo": Case("DQN", "CartPole-v1", ZOO, [256, 256], 4096, 8192, 3072),
    "dqn_default": Case("DQN", "CartPole-v1", {}, [64, 64], 2000, 100_000, 6000),
    "sac_pendulum": Case("SAC", "Pendulum-v1", {}, [256, 256], 300, 800, 400),
    "sac_hopper": Case("SAC", "Hopper-v5", {}, [256, 256], 300, 800, 400),
    "td3_pendulum": Case("TD3", "Pendulum-v1", {}, [256, 256], 300, 800, 400),
    "td3_default": Case("TD3", "Pendulum-v1", {}, [400, 300], 300, 800, 400),
}
TOTAL = 50_000


def settings(case: Case, shape: Any) -> dict[str, Any]:
    from stable_baselines3.common.noise import NormalActionNoise

    noise = {"action_noise": NormalActionNoise(np.zeros(shape), np.full(shape, 0.1))} if case.algorithm == "TD3" else {}
    common = {"buffer_size": 100_000, "device": "cpu", "policy_kwargs": {"net_arch": list(case.hidden)}}
    return {**common, **noise, **case.settings}


def begin(model: Any, seed: int) -> None:
    from stable_baselines3.common.logger import Logger

    model.set_logger(Logger(folder=None, output_formats=[]))
    model.set_random_seed(seed)
    model.env.seed(seed)
    model._setup_learn(0, None, reset_num_timesteps=False)
    model._total_timesteps = TOTAL


def timed(model: Any, advance: Any, first: int, steps: int) -> float:
    advance(model, first)
    before, begun = model.num_timesteps, time.process_time()
    advance(model, steps)
    return (model.num_timesteps - before) / (time.process_time() - begun)


def stock(case: Case, seed: int) -> float:
    import gymnasium as gym
    import stable_baselines3
    import torch
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)
    torch.set_flush_denormal(False)
    venv = DummyVecEnv([lambda: Monitor(gym.make(case.env))])
    model = getattr(stable_baselines3, case.algorithm)(
        "MlpPolicy", venv, seed=seed, **settings(case, venv.action_space.shape)
    )
    begin(model, seed)
    callback = model._init_callback(None)

    def advance(model: Any, steps: int) -> None:
        end = model.num_timesteps + steps
        while model.num_timesteps < end:
            model.collect_rollouts(
                model.env, callback, model.train_freq, model.replay_buffer, model.action_noise, model.learning_starts
            )
            if model.num_timesteps > model.learning_starts:
                model.train(batch_size=model.batch_size, gradient_steps=model.gradient_steps)

    return timed(model, advance, case.begin, case.stock_steps)


def fast(case: Case, seed: int, *, compiled: bool) -> float:
    import gymnasium as gym

    from rlx.algorithms.off_policy.trial import FAST
    from rlx.envs import GymnasiumSource, NativeSource, Surroundings, TrainingEnv
    from rlx.launch import one_thread

    with one_thread():
        source: Any = NativeSource(case.env, 1, 1000) if compiled else GymnasiumSource([lambda: gym.make(case.env)])
        venv = TrainingEnv(
            source, case.env, Surroundings(0, python=False), norm_obs=False, norm_reward=False, gamma=0.99
        )
        model = FAST[case.algorithm]("MlpPolicy", venv, seed=seed, **settings(case, venv.action_space.shape))
        begin(model, seed)
        steps = case.steps if compiled else min(case.steps, 20_000)
        return timed(model, lambda model, steps: model.advance_steps(steps), case.begin, steps)


def bound(case: Case) -> float:
    """Return the steps per second that the products of updates alone would allow."""
    import gymnasium as gym
    from gymnasium import spaces

    env = gym.make(case.env)
    inputs, space = spaces.flatdim(env.observation_space), env.action_space
    outputs = int(space.n) if isinstance(space, spaces.Discrete) else spaces.flatdim(space)
    env.close()
    algorithm = case.algorithm
    updates = case.settings.get("gradient_steps", 1) / case.settings.get("train_freq", 4 if algorithm == "DQN" else 1)
    rows = case.settings.get("batch_size", 32 if algorithm == "DQN" else 256)
    if algorithm == "DQN":
        widths = [inputs, *case.hidden, outputs]
        seconds = passes(widths, rows, forward=2, backward=1, onward=0)
    else:
        actor, critic = (
            [inputs, *case.hidden, outputs * (2 if algorithm == "SAC" else 1)],
            [inputs + outputs, *case.hidden, 1],
        )
        if algorithm == "SAC":
            seconds = passes(actor, rows, 2, 1, 0) + passes(critic, rows, 6, 2, 1)
        else:  # the actor learns at every second update
            seconds = passes(actor, rows, 1.5, 0.5, 0) + passes(critic, rows, 4.5, 2, 0.5)
    return 1 / (seconds * updates)


def passes(widths: list[int], rows: int, forward: float, backward: float, onward: float) -> float:
    """Return the seconds of passes through a network: forward, backward, and back to its inputs without weights' gradients."""
    total = 0.0
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        x, w, d = (
            np.random.default_rng(0).random(shape, np.float32)
            for shape in ((rows, inputs), (outputs, inputs), (rows, outputs))
        )
        total += forward * product(x, w.T) + backward * product(d.T, x)
        total += (backward * (layer > 0) + onward) * product(d, w)
    return total


def product(a: Any, b: Any) -> float:
    out, best = np.empty((a.shape[0], b.shape[1]), np.float32), 1.0
    for _ in range(OFTEN):
        begun = time.process_time()
        for _ in range(20):
            np.dot(a, b, out)
        best = min(best, (time.process_time() - begun) / 20)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    from gymnasium.error import DependencyNotInstalled
    from threadpoolctl import threadpool_limits

    from rlx.envs.vector_envs.native import ENVIRONMENTS

    threadpool_limits(1)
    print(
        f"{'case':14}{'stock':>9}{'fast':>10}{'gymnasium':>11}{'bound':>9}{'ratio':>8}{'share':>7}   ratios of the rounds"
    )
    for name in arguments.cases or CASES:
        case = CASES[name]
        compiled = case.env in ENVIRONMENTS
        try:
            fast(case._replace(steps=500), 99, compiled=compiled)  # loads, or compiles
        except DependencyNotInstalled as error:
            print(f"{name:14}{error}")
            continue
        rounds = []
        for seed in range(arguments.rounds):
            plain, best = stock(case, seed), fast(case, seed, compiled=compiled)
            other = fast(case, seed, compiled=False) if compiled and case.algorithm == "DQN" else best
            rounds.append((plain, best, other, bound(case)))
        plain, best, other, most = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratios = [row[1] / row[0] for row in rounds]
        told = " ".join(f"{ratio:.1f}" for ratio in ratios)
        print(
            f"{name:14}{plain:9.0f}{best:10.0f}{other:11.0f}{most:9.0f}{statistics.median(ratios):7.1f}x{best / most:7.0%}   {told}",
            flush=True,
        )


if __name__ == "__main__":
    main()
