"""What sinks cost a training: python -m benchmarks.sinks, ratios to the same training without any, from one interleaved run.

Each round trains the same seeds once with every choice in turn, in a fresh process and project (wall clock of `train_run`, workers
included). Choices: TensorBoard, each tracker that is installed, and fakes: a sink that hangs in its first row, one that takes
half a second for each, one that fails, and MLflow with a server that is not there. ``--steps`` and ``--seeds`` make the training longer;
a quiet machine is assumed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
FAKES = """
import time


class Fake:
    def open(self, place, run, seed, key, config):
        return -1

    def write(self, step, row):
        pass

    def flush(self):
        pass

    def close(self, state):
        pass


class Hangs(Fake):
    def write(self, step, row):
        time.sleep(10_000)


class Slow(Fake):
    def write(self, step, row):
        time.sleep(0.5)


class Fails(Fake):
    def write(self, step, row):
        raise OSError("no route to host")
"""
ENTRIES = "[rlx.sinks]\nhangs = rlx_fakes:Hangs\nslow = rlx_fakes:Slow\nfails = rlx_fakes:Fails\n"
NONE = "none"
CHOICES = {
    NONE: "[]",
    "tensorboard": "[tensorboard]",
    "wandb": "[wandb]",
    "mlflow": "[mlflow]",
    "trackio": "[trackio]",
    "all four": "[tensorboard, wandb, mlflow, trackio]",
    "hangs": "[hangs]",
    "slow": "[slow]",
    "fails": "[fails]",
    "mlflow, no server": "[{mlflow: {uri: 'http://127.0.0.1:9'}}]",
}
TRAIN = """
import sys, time
from pathlib import Path
from rlx.config import RunConfig, Snapshot
from rlx.training.seeds import train_run
if __name__ == "__main__":
    root, steps, seeds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    config = RunConfig.model_validate({"seed": 1, "num_seeds": seeds, "device": "cpu", "env": {"id": "CartPole-v1"},
        "algo": {"name": "ppo", "total_timesteps": steps, "rollout_steps": 32, "batch_size": 256, "engine": "fast"},
        "eval": {"every": steps, "episodes": 5}, "checkpoint": {"save_every": steps}})
    started = time.perf_counter()
    train_run(root, "a", Snapshot(config), lambda _: None)
    took = time.perf_counter() - started
    (root / "took").write_text(str(took))
    from rlx.launch.guarding import leave
    leave(0)
"""


def trained(choice: str, steps: int, seeds: int) -> float:
    """Return the seconds that a training takes with a choice of sinks."""
    with tempfile.TemporaryDirectory(prefix="rlx-sinks-") as folder:
        root, site = Path(folder) / "project", Path(folder) / "site"
        info = site / "rlx_fakes-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "rlx_fakes.py").write_text(FAKES)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rlx-fakes\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(ENTRIES)
        root.mkdir()
        (root / "params.yaml").write_text(f"study: {{runs: [a]}}\nlog: {CHOICES[choice]}\n")
        (root / "train.py").write_text(TRAIN)
        path = os.pathsep.join([str(site), str(HERE / "src"), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, str(root / "train.py"), str(root), str(steps), str(seeds)]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{choice}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
        return float((root / "took").read_text())


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="choices, by commas")
    asked = parser.parse_args()
    missing = {name for name in ("wandb", "mlflow", "trackio") if importlib.util.find_spec(name) is None}
    choices = [name for name in CHOICES if not any(each in CHOICES[name] for each in missing)]
    if asked.only:
        choices = [NONE, *(name.strip() for name in asked.only.split(","))]
    took: dict[str, list[float]] = {name: [] for name in choices}
    for number in range(asked.rounds):
        for name in choices if number % 2 == 0 else choices[::-1]:
            took[name].append(trained(name, asked.steps, asked.seeds))
            print(f"round {number + 1}: {name}: {took[name][-1]:.1f} s", flush=True)
    print(f"\n{'sinks':20} {'seconds':>8} {'ratio':>7}")
    for name in choices:
        ratios = [each / base for each, base in zip(took[name], took[NONE], strict=True)]
        print(f"{name:20} {statistics.median(took[name]):8.1f} {statistics.median(ratios):7.3f}")


if __name__ == "__main__":
    main()
