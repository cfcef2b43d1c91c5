"""The price of N seeds, in units of one plain single-thread Stable-Baselines3 run with the same settings.

Both are whole processes, start-up included, run in turn; the ratio is taken pair by pair and its median reported.
rlx does more in its time: validation, checkpoints, metrics, TensorBoard events.

    python benchmarks/seeds.py --seeds 5 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """
import sys
import torch
torch.set_num_threads(1)
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
model = PPO("MlpPolicy", make_vec_env("CartPole-v1", 8), n_steps=32, batch_size=256, n_epochs=4, gamma=0.98,
            gae_lambda=0.8, learning_rate=1e-3, seed=int(sys.argv[1]), device="cpu")
model.learn(int(sys.argv[2]))
"""


def seconds(command: list[str], folder: Path) -> float:
    """Run a whole process and return its wall-clock time."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        subprocess.run(["rlx", "init", str(project)], check=True, stdout=subprocess.DEVNULL)
        parameters = project / "params.yaml"
        text = parameters.read_text()
        text = text.replace("num_seeds: 5", f"num_seeds: {asked.seeds}").replace(
            "total_timesteps: 50000", f"total_timesteps: {asked.steps}"
        )
        parameters.write_text(text)
        seconds([sys.executable, "-m", "dvc", "repro", "-q", "resolve@cartpole"], project)
        for repeat in range(asked.repeats):
            shutil.rmtree(project / ".dvc" / "tmp" / "rlx", ignore_errors=True)
            ours = seconds([sys.executable, "-m", "stages.train", "cartpole"], project)
            plain = seconds([sys.executable, "-c", PLAIN, str(repeat), str(asked.steps)], project)
            pairs.append((ours, plain))
            print(
                f"{asked.seeds} seeds with rlx {ours:.1f} s, one plain SB3 run {plain:.1f} s: {ours / plain:.2f}",
                file=sys.stderr,
            )
    ratios = [ours / plain for ours, plain in pairs]
    facts = {
        "seeds": asked.seeds,
        "steps": asked.steps,
        "cores": os.cpu_count(),
        "price_median": statistics.median(ratios),
    }
    print(json.dumps({**facts, "prices": ratios, "seconds": pairs}, indent=2))


if __name__ == "__main__":
    main()
