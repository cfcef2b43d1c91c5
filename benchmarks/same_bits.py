"""Does a run have the same bits on other processors? Trains and evaluates tiny ones under emulations of them, and compares files.

``python -m benchmarks.same_bits [--steps 4096] [--only NAME …] [--emulate NAME …] [--jobs 2]``

Each emulation is a set of environment variables for a fresh process, by which libraries take the code paths that they have for
another processor, with a cache of machine code of its own. What differs from the first (this machine as it is) is printed, by run and
file, with status 1. ``--emulate`` takes a library's name alone (``mkl``, ``openblas``, …), to find who is responsible. Processors
without AVX2 and FMA are not among them: they have bits of their own.

An emulation is not the processor: what a library asks the processor itself, this cannot deceive. Of MKL there is what its variables
offer, of glibc what its tunables do.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

NO_AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"
GLIBC = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"
AVX2 = {
    "NPY_DISABLE_CPU_FEATURES": NO_AVX512,
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "GLIBC_TUNABLES": GLIBC,
}
HERE = "this machine"
EMULATIONS: dict[str, dict[str, str]] = {
    HERE: {},
    "Intel Haswell": {**AVX2, "OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
    "AMD Zen 2": {**AVX2, "OPENBLAS_CORETYPE": "Zen", "NUMBA_CPU_NAME": "znver2", "NUMBA_CPU_FEATURES": ""},
    "Intel Alder Lake": {
        **AVX2, "OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "alderlake", "NUMBA_CPU_FEATURES": "",
        "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI",
    },
    "Intel Skylake-X": {
        "OPENBLAS_CORETYPE": "SkylakeX", "NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": "",
        "NPY_DISABLE_CPU_FEATURES": "AVX512_CNL AVX512_ICL AVX512_SPR", "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    },
    "AMD Zen 4": {
        "OPENBLAS_CORETYPE": "Cooperlake", "NUMBA_CPU_NAME": "znver4", "NUMBA_CPU_FEATURES": "-avx512bf16",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "MKL_CBWR": "AUTO",
    },
    "another maker's": {**AVX2, "MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Zen", "NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""},
}  # fmt: skip
SINGLE = {
    "numpy": {"NPY_DISABLE_CPU_FEATURES": NO_AVX512},
    "openblas": {"OPENBLAS_CORETYPE": "Haswell"},
    "mkl": {"MKL_CBWR": "COMPATIBLE"},
    "aten": {"ATEN_CPU_CAPABILITY": "avx2"},
    "onednn": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "numba": {"NUMBA_CPU_NAME": "znver2", "NUMBA_CPU_FEATURES": ""},
    "glibc": {"GLIBC_TUNABLES": GLIBC},
}
IMAGES = '''
import gymnasium as gym
import numpy as np


class Dots(gym.Env):
    """A dot moves left or right in a small image; in the middle is the reward."""

    observation_space = gym.spaces.Box(0, 255, (36, 36, 1), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._place = int(self.np_random.integers(36))
        return self._seen(), {}

    def step(self, action):
        self._place = (self._place + (1 if action else -1)) % 36
        return self._seen(), float(self._place == 18), False, False, {}

    def _seen(self):
        image = np.zeros((36, 36, 1), np.uint8)
        image[:, self._place] = 255
        return image


gym.register("envs/Dots-v0", Dots, max_episode_steps=20)
'''
RUNS: dict[str, dict[str, Any]] = {
    "cartpole": {"env": {"id": "CartPole-v1"}},
    "relu": {"env": {"id": "CartPole-v1"}, "policy": {"activation": "relu"}},
    "pendulum": {"env": {"id": "Pendulum-v1", "normalize_observation": True, "normalize_reward": True}},
    "acrobot": {"env": {"id": "Acrobot-v1"}},
    "lunarlander": {"env": {"id": "LunarLander-v3"}},
    "hopper": {"env": {"id": "Hopper-v5", "normalize_observation": True}, "policy": {"activation": "relu"}},
    "wide": {"env": {"id": "CartPole-v1"}, "policy": {"hidden_sizes": [256, 256]}, "portable": True},
    "stock": {"env": {"id": "CartPole-v1"}, "algo": {"engine": "stable-baselines3"}, "portable": True},
    "images": {"env": {"id": "envs/Dots-v0"}, "policy": {"type": "cnn"}, "portable": True},
}
NEEDS = {"lunarlander": "Box2D", "hopper": "mujoco"}
FEW = {"stock": 2, "images": 8}
"""Parts of the budget for runs that are slow."""


def runs_here() -> list[str]:
    """Return the runs whose environments are installed here."""
    return [name for name in RUNS if name not in NEEDS or importlib.util.find_spec(NEEDS[name])]


def make_project(folder: Path, steps: int) -> Path:
    """Make a project with the tiny configs."""
    script = "import sys; from rlx.cli import main; sys.argv = ['rlx', 'init', sys.argv[1]]; main()"
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True)
    (folder / "envs" / "dots.py").write_text(IMAGES)
    door = folder / "envs" / "__init__.py"
    door.write_text(door.read_text() + "\nfrom envs import dots\n")
    for name, run in RUNS.items():
        some = steps // FEW.get(name, 1)
        config = {
            "seed": 7,
            "num_seeds": 1,
            "device": "cpu",
            **run,
            "env": {"num_envs": 8, **run["env"]},
            "algo": {
                "total_timesteps": some,
                "rollout_steps": 32,
                "batch_size": 128,
                "entropy_coef": 0.01,
                **run.get("algo", {}),
            },
            "checkpoint": {"save_every": some},
            "eval": {"every": some // 2, "episodes": 5},
        }
        (folder / "configs" / f"bits_{name}.yaml").write_text(json.dumps(config))
    return folder


def child(project: Path, names: list[str]) -> None:
    """Train and evaluate as the stages do, and print a digest of everything that should be the same."""
    os.chdir(project)
    sys.path.insert(0, str(project))
    from benchmarks.same_bits import work as importable
    from rlx.launch import Failure, run_alone

    found: dict[str, str] = {}
    for name in names:
        digests = run_alone(importable, (project, name), portable=RUNS[name].get("portable", False))
        if isinstance(digests, Failure):
            sys.exit(f"{name}: {digests.details}")
        found |= digests
    print(json.dumps(found))


def work(project: Path, name: str, _: object) -> dict[str, str]:
    """Train and evaluate a run in a worker; returns a digest of each column, member and evaluation."""
    from dataclasses import asdict

    from rlx.config import read_parameters
    from rlx.envs import make_env
    from rlx.experiments.resolving import resolve_run
    from rlx.records import checkpoints
    from rlx.training.actors import load_player
    from rlx.training.held_out_play import play_held_out
    from rlx.training.one_seed import train_seed

    protocol = read_parameters(project).final_eval
    snapshot = resolve_run(project, f"bits_{name}").snapshot
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        train_seed(project, snapshot, 7, folder, lambda _: None)
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for key in sorted({key for row in rows for key in row}):
            found[f"{name}/metrics.jsonl: {key}"] = _digest([row.get(key) for row in rows])
        for path in sorted((folder / "checkpoints").glob("*.zip")):
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    if member != "rlx/manifest.json":
                        found[f"{name}/{path.name}: {member}"] = hashlib.sha256(archive.read(member)).hexdigest()
        probe = make_env(snapshot.config.env)
        for which in ("latest", "best"):
            checkpoint = checkpoints.load(folder / "checkpoints" / f"{which}.zip")
            player = load_player(project, snapshot.config, checkpoint, probe, deterministic=True)
            played = play_held_out(project, snapshot, protocol.model_copy(update={"episodes": 20}), player)
            found[f"{name}/evaluation of {which}"] = _digest([asdict(episode) for episode in played])
    return found


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def emulate(name: str, variables: dict[str, str], project: Path, cache: Path, runs: list[str]) -> dict[str, str] | str:
    """Run a child under an emulation; returns its digests, or why there are none."""
    place = cache / "".join(each if each.isalnum() else "_" for each in name)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(place),
        **variables,
    }
    command = [sys.executable, "-m", "benchmarks.same_bits", "--child", str(project), *runs]
    here = Path(__file__).parents[1]
    environment["PYTHONPATH"] = os.pathsep.join([str(here), *filter(None, [environment.get("PYTHONPATH")])])
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip()[-1500:] or f"status {done.returncode}"
    digests: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return digests


def differences(
    steps: int, emulations: dict[str, dict[str, str]], runs: list[str], jobs: int
) -> dict[str, list[str] | str]:
    """Return, by emulation, what differs from this machine as it is, or why it could not be run.

    Raises:
        SystemExit: Nothing could be run at all.
    """
    with tempfile.TemporaryDirectory() as place:
        project, caches = make_project(Path(place).resolve() / "project", steps), Path(place) / "caches"
        base = emulate(HERE, {}, project, caches, runs)
        if not isinstance(base, dict):
            raise SystemExit(base)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            made = {
                name: pool.submit(emulate, name, variables, project, caches, runs)
                for name, variables in emulations.items()
            }
        found = {name: future.result() for name, future in made.items()}
    return {
        name: digests if isinstance(digests, str) else [key for key in base if digests.get(key) != base[key]]
        for name, digests in found.items()
    }


def main() -> int:
    """Compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = {name: variables for name, variables in EMULATIONS.items() if name != HERE} | SINGLE
    parser.add_argument("--steps", type=int, default=4096)
    parser.add_argument("--only", nargs="*", choices=list(RUNS))
    parser.add_argument("--emulate", nargs="*", choices=list(others))
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    runs = arguments.only or runs_here()
    chosen = {name: others[name] for name in arguments.emulate or [name for name in EMULATIONS if name != HERE]}
    worst = 0
    for name, found in differences(arguments.steps, chosen, runs, arguments.jobs).items():
        if isinstance(found, str):
            print(f"{name}: cannot run here: {found}")
            worst = 1
            continue
        print(f"{name}: {'the same' if not found else f'{len(found)} differ'}")
        for run in runs:
            mine = [key.removeprefix(f"{run}/") for key in found if key.startswith(f"{run}/")]
            if mine:
                print(f"    {run}: " + ", ".join(mine))
        worst |= bool(found)
    return worst


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), sys.argv[3:])
        sys.exit(0)
    sys.exit(main())
