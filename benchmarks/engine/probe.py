"""Measures one program on one task in this process, and prints a line of JSON. Started by ``benchmarks/engine``.

    python benchmarks/engine/probe.py PROGRAM TASK SEED

PROGRAM is ``fast``, ``fast-gymnasium`` (without compiled environments), ``stock`` (rlx on Stable-Baselines3's code),
``sb3``, ``sbx``, or ``bound``. Printed is ``rate``: environment steps per CPU second, learning included, after one
warm-up rollout. ``bound`` prints what would be possible if nothing but the environment and matrix products took time.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from settings import SETTINGS, rlx_config, sb3_arguments

CPU_SECONDS = 3.0


def rate(iterate: Any, steps_of: Any) -> float:
    """Call ``iterate`` for a few CPU seconds after a first time; returns steps per CPU second."""
    iterate()
    before, started = steps_of(), time.process_time()
    while (spent := time.process_time() - started) < CPU_SECONDS:
        iterate()
    return (steps_of() - before) / spent


def with_rlx(task: str, seed: int, engine: str, *, compiled: bool) -> float:
    from rlx.algorithms.ppo.learner import PPOLearner
    from rlx.config.schema import RunConfig
    from rlx.envs import Environments, make_env
    from rlx.envs.vector_envs import native
    from rlx.launch.threads import one_thread

    if not compiled:
        native.is_plain = lambda _: False
    config = RunConfig.model_validate(rlx_config(task, engine))
    with one_thread():
        env = Environments(Path(), config, make_env(config.env))
        model = PPOLearner(config, env, seed, "cpu").model
        model.begin_segment(seed)
        return rate(lambda: model.iterate(10**9), lambda: model.num_timesteps)


def with_sb3(task: str, seed: int) -> float:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    env, policy, arguments = SETTINGS[task]["env"], SETTINGS[task]["policy"], sb3_arguments(task)
    venv: Any = make_vec_env(env["id"], env["num_envs"], seed=seed)
    if env.get("normalize_observation"):
        venv = VecNormalize(venv, gamma=arguments.get("gamma", 0.99))
    sizes = policy["hidden_sizes"]
    kwargs = {
        "net_arch": {"pi": sizes, "vf": sizes},
        "activation_fn": torch.nn.ReLU if "activation" in policy else torch.nn.Tanh,
    }
    kwargs |= {key: policy[key] for key in ("log_std_init", "ortho_init") if key in policy}
    model = PPO("MlpPolicy", venv, policy_kwargs=kwargs, seed=seed, device="cpu", **arguments)
    rollout = model.n_steps * model.n_envs
    return rate(lambda: model.learn(rollout, reset_num_timesteps=False), lambda: model.num_timesteps)


def with_sbx(task: str, seed: int) -> float:
    import flax.linen
    from sbx import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    env, policy, arguments = SETTINGS[task]["env"], SETTINGS[task]["policy"], sb3_arguments(task)
    venv: Any = make_vec_env(env["id"], env["num_envs"], seed=seed)
    if env.get("normalize_observation"):
        venv = VecNormalize(venv, gamma=arguments.get("gamma", 0.99))
    kwargs = {
        "net_arch": policy["hidden_sizes"],
        "activation_fn": flax.linen.relu if "activation" in policy else flax.linen.tanh,
    }
    model = PPO("MlpPolicy", venv, policy_kwargs=kwargs, seed=seed, **arguments)
    rollout = model.n_steps * model.n_envs
    return rate(lambda: model.learn(rollout, reset_num_timesteps=False), lambda: model.num_timesteps)


def bound(task: str, seed: int) -> dict[str, float]:
    """Time bare environment steps, and the matrix products of acting and learning, per environment step."""
    import gymnasium as gym
    import torch
    from gymnasium import spaces

    from rlx.envs.vector_envs import native

    torch.set_num_threads(1)
    settings = SETTINGS[task]
    env_id, copies, algo = settings["env"]["id"], settings["env"]["num_envs"], settings["algo"]
    env = gym.make(env_id).unwrapped
    env.action_space.seed(seed)
    actions = [env.action_space.sample() for _ in range(3000)]
    env.reset(seed=seed)
    started = time.process_time()
    for action in actions:
        if env.step(action)[2]:
            env.reset()
    stepping = (time.process_time() - started) / len(actions)
    found = {"gymnasium_step_us": stepping * 1e6}
    if env_id in native.ENVIRONMENTS:
        source = native.NativeSource(env_id, copies, 256)
        arrays, batch = native.step_arrays(copies, source.observation_space), np.zeros((copies, 1), np.float32)
        source.reset(arrays, [seed] * copies)
        source.step(arrays, batch)
        started = time.process_time()
        for _ in range(20_000):
            native.advance(source.state, arrays, batch)
            source.state.used_N[:] = 0
        found["native_step_us"] = (time.process_time() - started) / 20_000 / copies * 1e6
    inputs = spaces.flatdim(env.observation_space)
    outputs = (
        int(env.action_space.n) if isinstance(env.action_space, spaces.Discrete) else spaces.flatdim(env.action_space)
    )
    hidden = settings["policy"]["hidden_sizes"]
    acting = sum(products([inputs, *hidden, last], copies, backward=False) for last in (outputs, 1)) / copies
    rows = algo["batch_size"]
    learning = sum(products([inputs, *hidden, last], rows, backward=True) for last in (outputs, 1)) / rows
    per_step = acting + learning * algo["update_epochs"]
    found["products_us"] = per_step * 1e6
    found["bound_gymnasium"] = 1 / (stepping + per_step)
    if "native_step_us" in found:
        found["bound_native"] = 1 / (found["native_step_us"] / 1e6 + per_step)
    return found


def products(widths: list[int], rows: int, *, backward: bool) -> float:
    """Time the matrix products of one pass through a network on ``rows`` rows, as torch's BLAS does them; seconds."""
    import torch

    total = 0.0
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        x, w, d = torch.rand(rows, inputs), torch.rand(outputs, inputs), torch.rand(rows, outputs)
        pairs = [(x, w.t())]
        if backward:
            pairs += [(d.t(), x)] + [(d, w)] * (layer > 0)
        for a, b in pairs:
            out, best = torch.mm(a, b), 1.0
            for _ in range(7):
                started = time.perf_counter()
                for _ in range(100):
                    torch.mm(a, b, out=out)
                best = min(best, (time.perf_counter() - started) / 100)
            total += best
    return total


def main() -> None:
    program, task, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.simplefilter("ignore")
    if program == "bound":
        print(json.dumps(bound(task, seed)))
        return
    if program == "sb3":
        found = with_sb3(task, seed)
    elif program == "sbx":
        found = with_sbx(task, seed)
    else:
        engine = "stable-baselines3" if program == "stock" else "fast"
        found = with_rlx(task, seed, engine, compiled=program == "fast")
    print(json.dumps({"rate": found}))


if __name__ == "__main__":
    main()
