"""Whether what rlx trains scores as what the libraries' own programs train: python -m benchmarks.returns [NAME …].

Each reference run of `baselines/` that has a counterpart here is trained by the library itself, as its documentation says:
no code of rlx is imported there, and the settings are written in the library's own words, by hand. Then rlx's statistics say
whether the two differ by more than the margin of the reference runs (`benchmarks/regression/references.yaml`), or are shown not to,
each and on average over all. A score is the mean return of a seed's final policy in the same held-out episodes (by their reset seeds).
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pages import between

RESULTS = Path(__file__).with_suffix(".json")
FIRST_SEED = 1001
"""Seeds of the libraries begin here: none is one of a baseline's."""


@dataclass(frozen=True)
class Own:
    """How a library trains a reference run.

    Attributes:
        library: The module that has the algorithm.
        algorithm: Its class.
        env: The environment's id.
        num_envs: How many of them.
        settings: In the library's words; ``linear`` marks a value that falls to 0.
        hidden: Sizes of hidden layers; None: the library's own.
        noise: Standard deviation of normal action noise.
        policy: More of the policy's settings.
    """

    library: str
    algorithm: str
    env: str
    num_envs: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    hidden: tuple[int, ...] | None = (64, 64)
    noise: float | None = None
    policy: dict[str, Any] = field(default_factory=dict)


SB3, CONTRIB, JAX = "stable_baselines3", "sb3_contrib", "sbx"
CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
DQN = {
    "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000, "gamma": 0.99,
    "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128, "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}  # fmt: skip
TD3 = {"learning_rate": 1e-3, "gamma": 0.98, "buffer_size": 200_000, "learning_starts": 500}
OWN = {
    "ppo-CartPole": Own(SB3, "PPO", CARTPOLE, 8, {
        "n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20, "ent_coef": 0.0,
        "learning_rate": ("linear", 1e-3), "clip_range": ("linear", 0.2),
    }, None),
    "a2c-CartPole": Own(SB3, "A2C", CARTPOLE, 8, {"ent_coef": 0.0}, None),
    "trpo-CartPole": Own(CONTRIB, "TRPO", CARTPOLE, 2, {
        "n_steps": 512, "batch_size": 512, "cg_damping": 1e-3, "gae_lambda": 0.98, "gamma": 0.99, "learning_rate": 1e-3,
        "n_critic_updates": 20,
    }, None),
    "dqn-CartPole": Own(SB3, "DQN", CARTPOLE, 1, DQN, (256, 256)),
    "qrdqn-CartPole": Own(CONTRIB, "QRDQN", CARTPOLE, 1, DQN, policy={"n_quantiles": 10}),
    "sac-Pendulum": Own(SB3, "SAC", PENDULUM, 1, {"learning_rate": 1e-3}),
    "td3-Pendulum": Own(SB3, "TD3", PENDULUM, 1, TD3, noise=0.1),
    "ddpg-Pendulum": Own(SB3, "DDPG", PENDULUM, 1, TD3, noise=0.1),
    "sbx_ppo-CartPole": Own(JAX, "PPO", CARTPOLE, 8, {
        "n_steps": 128, "batch_size": 256, "n_epochs": 8, "gamma": 0.98, "gae_lambda": 0.8, "learning_rate": 1e-3,
    }),
    "sbx_dqn-CartPole": Own(JAX, "DQN", CARTPOLE, 1, DQN),
    "sbx_sac-Pendulum": Own(JAX, "SAC", PENDULUM, 1, {"learning_rate": 1e-3}),
}  # fmt: skip
"""By reference run, by hand: whether rlx's settings mean the same is what is measured."""
START, END = "<!-- returns: python -m benchmarks.returns -->", "<!-- end of returns -->"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "engine.md"


def score(own: Own, steps: int, episodes: Sequence[int], seed: int) -> float:
    """Train one seed with the library alone; returns the mean return of its final policy in episodes with these reset seeds."""
    os.environ |= dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
    )  # read at NumPy's import
    import gymnasium
    import numpy as np
    import torch
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.noise import NormalActionNoise

    torch.set_num_threads(1)
    venv = make_vec_env(own.env, own.num_envs, seed=seed)
    settings = {key: _value(value) for key, value in own.settings.items()}
    if own.noise is not None:
        shape = venv.action_space.shape
        settings["action_noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, own.noise))
    policy = {**own.policy, **({"net_arch": list(own.hidden)} if own.hidden else {})}
    algorithm = getattr(importlib.import_module(own.library), own.algorithm)
    device = {} if own.library == JAX else {"device": "cpu"}
    model = algorithm("MlpPolicy", venv, seed=seed, policy_kwargs=policy or None, **device, **settings)
    model.learn(steps)
    env = gymnasium.make(own.env)
    return float(np.mean([_played(model, env, episode) for episode in episodes]))


def _played(model: Any, env: Any, seed: int) -> float:
    """Return what a policy's likeliest actions get in an episode."""
    observation, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        observation, reward, terminated, truncated, _ = env.step(model.predict(observation, deterministic=True)[0])
        total, ended = total + float(reward), terminated or truncated
    return total


def _value(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    start = value[1]
    return lambda remaining: remaining * start


def main() -> None:
    """Train what is asked for, keep its scores, and write the table of all that have some into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(OWN)} [default: all]")
    parser.add_argument("--seeds", type=int, default=10, help="of each, by the library [default: 10]")
    parser.add_argument("--table", action="store_true", help="train nothing; make the table of what is kept anew")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(OWN):
        parser.error(f"there is no {min(unknown)}; there are {', '.join(OWN)}")
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if not asked.table:
        for name in asked.names or OWN:
            kept[name] = measured(name, asked.seeds)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            sys.stderr.write(f"{name}: {[round(each, 1) for each in kept[name]['scores'].values()]}\n")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")
    print(table(kept))


def with_table(page: str, kept: dict[str, Any]) -> str:
    """Return a page with the table between its two marks made anew."""
    return between(page, START, END, table(kept))


def measured(name: str, seeds: int) -> dict[str, Any]:
    """Return the scores that the library's own program gives, trained as long and in the same episodes as the stored ones of rlx."""
    from benchmarks.regression.baselines import read_baselines
    from rlx.envs import held_out_seeds
    from rlx.launch import worker_count

    own, config = OWN[name], read_baselines()[name].trained.config
    steps, final = config["algo"]["total_timesteps"], config["final_eval"]
    episodes = held_out_seeds(final["episodes"], final["seed"])
    numbers = range(FIRST_SEED, FIRST_SEED + seeds)
    with ProcessPoolExecutor(worker_count(seeds), multiprocessing.get_context("spawn")) as pool:
        scores = list(pool.map(score, *zip(*((own, steps, episodes, seed) for seed in numbers), strict=True)))
    return {"own": _plain(own), "steps": steps, "scores": dict(zip(map(str, numbers), scores, strict=True))}


def _plain(own: Own) -> dict[str, Any]:
    """Return how a library trains as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(own)))
    return found


def table(kept: dict[str, Any]) -> str:
    """Return the verdicts as a table in Markdown, and what holds on average over all rows, in margins."""
    import numpy as np

    from benchmarks.regression.baselines import read_baselines
    from benchmarks.regression.judging import Scores, judge
    from benchmarks.regression.references import margins
    from rlx.stats import difference_across_tasks, markdown_table, number

    baselines = read_baselines()
    both = {
        name: ([*baselines[name].trained.scores.values()], [*kept[name]["scores"].values()])
        for name in OWN
        if name in kept and kept[name]["own"] == _plain(OWN[name])  # else the settings have changed: to be measured
    }
    margin = {name: margins()[OWN[name].env] for name in both}
    less = judge({name: Scores(library, ours, margin[name]) for name, (ours, library) in both.items()})
    more = judge({name: Scores(ours, library, margin[name]) for name, (ours, library) in both.items()})
    rows = []
    for name, (ours, library) in both.items():
        words = {less[name].verdict, more[name].verdict}
        verdict = "different" if "regressed" in words else "equivalent" if words == {"not worse"} else "unclear"
        found = less[name]
        rows.append([
            name, f"{OWN[name].library} {OWN[name].algorithm}", f"{number(found.fresh_mean)} ({len(ours)})",
            f"{number(found.stored_mean)} ({len(library)})", f"[{number(found.low)}, {number(found.high)}]", number(margin[name]), verdict,
        ])  # fmt: skip
    head = ["reference run", "library", "rlx (seeds)", "library (seeds)", "difference", "margin", "verdict"]
    scaled = [[np.array(side) / margin[name] for side in sides] for name, sides in both.items()]
    mean = difference_across_tasks([ours for ours, _ in scaled], [library for _, library in scaled])
    assert mean.interval is not None
    inside = max(abs(mean.interval.low), abs(mean.interval.high)) < 1
    words = (
        f"On average over the {len(both)} rows rlx is {mean.mean:+.2f} margins from the library, 95 % interval [{mean.interval.low:.2f}, "
        f"{mean.interval.high:.2f}]: {'equivalent' if inside else 'not shown to be equivalent'}."
    )
    return f"{markdown_table(head, rows, left=2)}\n\n{words}"


if __name__ == "__main__":
    main()
