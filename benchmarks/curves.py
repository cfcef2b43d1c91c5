"""Whether the two engines learn alike: many seeds on each, and a test of every tenth of their learning curves.

    python benchmarks/curves.py --seeds 20 --json curves.json

The null hypothesis is that a seed's learning curve comes from the same distribution on both engines. Seeds of the two
engines are disjoint, so that neither shares initial weights with the other. Each tenth of training is one comparison of
mean training returns, the area under the whole curve another, and the returns of the final policies in held-out episodes the
last; p-values are of a two-sided permutation test on the difference of means (10,000 permutations), shown plain and
after Holm's correction. Differences beyond chance would show as small corrected values.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import permutation_test

from rlx.launch.workers import run_parallel
from rlx.stats import holm

TENTHS = 10
TASKS: dict[str, dict[str, Any]] = {
    "cartpole": {
        "env": {"id": "CartPole-v1", "num_envs": 8},
        "algo": {"total_timesteps": 50_000, "rollout_steps": 32, "batch_size": 256, "update_epochs": 10,
                 "learning_rate": 0.001, "gamma": 0.98, "gae_lambda": 0.8},
    },
    "cartpole_epochs4": {
        "env": {"id": "CartPole-v1", "num_envs": 8},
        "algo": {"total_timesteps": 50_000, "rollout_steps": 32, "batch_size": 256, "update_epochs": 4,
                 "learning_rate": 0.001, "gamma": 0.98, "gae_lambda": 0.8},
    },
    "acrobot": {
        "env": {"id": "Acrobot-v1", "num_envs": 8, "normalize_observation": True},
        "algo": {"total_timesteps": 60_000, "rollout_steps": 128, "batch_size": 128, "update_epochs": 4,
                 "gae_lambda": 0.94},
    },
    "pendulum": {
        "env": {"id": "Pendulum-v1", "num_envs": 4, "normalize_observation": True, "normalize_reward": True},
        "algo": {"total_timesteps": 60_000, "rollout_steps": 256, "batch_size": 64, "update_epochs": 10,
                 "learning_rate": 0.001, "gamma": 0.9},
    },
}  # fmt: skip


def curve(task: str, engine: str, seed: int, folder: Path, _: Callable[[Any], None]) -> list[float]:
    """Train one seed; returns the mean training return of each tenth, their mean, and the final held-out return."""
    from rlx.config.schema import FinalEvalConfig, RunConfig
    from rlx.config.snapshot import Snapshot
    from rlx.envs.making import make_env
    from rlx.records import checkpoints
    from rlx.records.metrics import read_rows
    from rlx.training.actors import load_player
    from rlx.training.held_out_play import play_held_out
    from rlx.training.one_seed import train_seed

    settings = TASKS[task]
    steps = settings["algo"]["total_timesteps"]
    data = {**settings, "algo": {**settings["algo"], "engine": engine}, "eval": {"every": steps, "episodes": 2}}
    snapshot = Snapshot(RunConfig.model_validate(data))
    own = folder / f"{task}_{engine}_{seed}"
    train_seed(folder, snapshot, seed, own, lambda _: None)
    rows = [row for row in read_rows(own / "metrics.jsonl") if "rollout/return_mean" in row]
    tenths = [
        float(
            np.mean(
                [
                    row["rollout/return_mean"]
                    for row in rows
                    if tenth * steps < row["step"] * TENTHS <= (tenth + 1) * steps
                ]
            )
        )
        for tenth in range(TENTHS)
    ]
    checkpoint = checkpoints.load(own / "checkpoints" / "latest.zip")
    actor = load_player(folder, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    episodes = play_held_out(folder, snapshot, FinalEvalConfig(episodes=50), actor)
    return [*tenths, float(np.mean(tenths)), float(np.mean([episode.episode_return for episode in episodes]))]


def main() -> None:
    """Train, test, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--first-seed", type=int, default=0, help="seeds of the fast engine; the other's follow 10,000 later"
    )
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    engines, content = ("fast", "stable-baselines3"), {}
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    for task in asked.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            jobs = {
                10_000 * place + seed: (task, engine, 10_000 * place + seed, Path(folder))
                for place, engine in enumerate(engines)
                for seed in seeds
            }
            found = run_parallel(curve, jobs)
        failures = [outcome for outcome in found.values() if not isinstance(outcome, list)]
        if failures:
            sys.exit(f"{failures[0].message}\n{failures[0].details}")
        ours, theirs = (np.array([found[10_000 * place + seed] for seed in seeds]) for place in range(2))
        tests = [
            permutation_test(
                (ours[:, i], theirs[:, i]), lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True,
                n_resamples=10_000, rng=np.random.default_rng(0),
            ).pvalue
            for i in range(ours.shape[1])
        ]  # fmt: skip
        names = [f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(TENTHS)] + ["whole curve", "final, held out"]
        print(
            f"\n{task}, {asked.seeds} seeds each\n| part | fast | stable-baselines3 | p | p (Holm) |\n| --- | ---: | ---: | ---: | ---: |"
        )
        for i, (name, p, corrected) in enumerate(zip(names, tests, holm(tests), strict=True)):
            shown = [f"{scores[:, i].mean():.1f} ± {scores[:, i].std(ddof=1):.1f}" for scores in (ours, theirs)]
            print(f"| {name} | {shown[0]} | {shown[1]} | {p:.3f} | {corrected:.3f} |", flush=True)
        content[task] = {
            "parts": names,
            "fast": ours.tolist(),
            "stable-baselines3": theirs.tolist(),
            "p": tests,
            "holm": holm(tests),
        }
    if asked.json:
        asked.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
