"""How long a person waits for a command: python -m benchmarks.wait, ratios from one interleaved run.

Each round runs one plain one-thread Stable-Baselines3 training of CartPole, and the whole ``rlx train`` of five seeds of the
same configuration (`SETTINGS`): plan, clone, training, held-out evaluation, film, analysis and keeping included. Printed
are wall-clock and CPU seconds of both, and the median of the ratios; a quiet machine with two cores is assumed.

``--repro OTHER`` runs `dvc repro` of the default study from nothing instead, with the code of this checkout and with that of
the checkout at OTHER, in turn. Wall-clock time
alone: what is forked beside DVC is not counted as its own. ``--daily`` times the commands of every day on a finished run and on many.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

HERE = Path(__file__).parents[1]
STEPS = 204_800
ALGO = {"rollout_steps": 128, "batch_size": 256, "update_epochs": 4, "learning_rate": 3e-4, "gamma": 0.99,
        "gae_lambda": 0.95, "clip_range": 0.2, "entropy_coef": 0.0}  # fmt: skip
SETTINGS = {
    "num_seeds": 5,
    "device": "cpu",
    "env": {"id": "CartPole-v1", "num_envs": 8},
    "algo": {**ALGO, "total_timesteps": STEPS},
    "policy": {"hidden_sizes": [64, 64]},
    "checkpoint": {"save_every": STEPS},
    "eval": {"every": STEPS, "episodes": 5},
}
PLAIN = f"""
import sys, torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
torch.set_num_threads(1)
venv = make_vec_env("CartPole-v1", 8, seed=int(sys.argv[1]))
PPO("MlpPolicy", venv, n_steps=128, batch_size=256, n_epochs=4, learning_rate=3e-4, gamma=0.99, gae_lambda=0.95,
    clip_range=0.2, ent_coef=0.0, policy_kwargs={{"net_arch": [64, 64]}}, seed=int(sys.argv[1]), device="cpu").learn({STEPS})
"""


def spent(command: list[str], folder: Path, code: Path = HERE) -> tuple[float, float]:
    """Run a whole command with the code of a checkout; returns its wall-clock and CPU seconds."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(code / "src")}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stdout[-1500:]}{done.stderr[-3000:]}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rlx(*words: str) -> list[str]:
    """Return a command of rlx, run by this interpreter."""
    return [sys.executable, "-c", "import sys; from rlx.cli import main; sys.argv[0] = 'rlx'; main()", *words]


@contextmanager
def project(code: Path = HERE) -> Iterator[Path]:
    """Make a fresh project, with a config `wait` of :data:`SETTINGS`, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="rlx-wait-") as place:
        folder = Path(place) / "project"
        spent(rlx("init", str(folder)), Path(place), code)
        (folder / "configs" / "wait.yaml").write_text(yaml.safe_dump(SETTINGS))
        for words in (["add", "-A"], ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "wait"]):
            spent(["git", *words], folder)
        yield folder


def training(rounds: int) -> None:
    """Print the price of `rlx train` in units of one plain run."""
    with project() as folder:
        spent([sys.executable, "-c", "from rlx.algorithms import prepare_kernels; prepare_kernels(print)"], folder)
        ratios = []
        for number in range(rounds):
            plain, plain_cpu = spent([sys.executable, "-c", PLAIN, str(number)], folder)
            ours, ours_cpu = spent(rlx("train", "wait", "-S", f"seed={1000 + 50 * number}"), folder)
            ratios.append(ours / plain)
            print(
                f"Stable-Baselines3 {plain:.1f} s ({plain_cpu:.1f} CPU)   rlx, 5 seeds {ours:.1f} s ({ours_cpu:.1f} CPU)   "
                f"ratio {ratios[-1]:.2f}   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        print(f"median ratio {statistics.median(ratios):.2f}")


def repro(rounds: int, other: Path) -> None:
    """Print how long `dvc repro` of the default study takes beside the code of another checkout."""
    ratios = []
    for number in range(rounds + 1):  # the first compiles kernels
        took = []
        for code in (other, HERE):
            with project(code) as folder:
                took.append(spent([sys.executable, "-m", "dvc", "repro"], folder, code)[0])
        if number:
            theirs, ours = took
            ratios.append(ours / theirs)
            print(f"there {theirs:.1f} s   here {ours:.1f} s   ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


def daily(rounds: int) -> None:
    """Print what the commands of every day take: on a finished run, and `ls` on a thousand."""
    with project() as folder:
        spent(rlx("train", "wait", "--name", "one"), folder)
        spent(rlx("train", "wait", "--name", "two", "-S", "seed=1000"), folder)

        def median_of(command: list[str], what: Callable[[tuple[float, float]], float]) -> float:
            return statistics.median(what(spent(command, folder)) for _ in range(rounds))

        print(f"rlx train of what is trained  {median_of(rlx('train', 'wait'), lambda took: took[0]):.2f} s")
        for words in (("info", "one"), ("compare", "one", "two"), ("diagnose", "one")):
            print(f"rlx {words[0]:<26}{median_of(rlx(*words), lambda took: took[1]):.2f} s CPU")
        for number in range(1000):
            shutil.copytree(folder / "runs" / "one", folder / "runs" / f"copy{number}", symlinks=True)
        spent(rlx("ls"), folder)
        print(f"rlx ls, 1,000 runs, warm      {median_of(rlx('ls'), lambda took: took[0]):.2f} s")


def main() -> None:
    """Measure what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repro", type=Path, metavar="OTHER", help="`dvc repro`, beside the code of another checkout")
    parser.add_argument("--daily", action="store_true", help="the commands of every day")
    asked = parser.parse_args()
    if asked.repro:
        repro(asked.rounds, asked.repro.resolve())
    elif asked.daily:
        daily(asked.rounds)
    else:
        training(asked.rounds)


if __name__ == "__main__":
    main()
