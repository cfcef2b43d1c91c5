"""A seed's result depends neither on interruptions, nor on its neighbours, nor on how many workers there are."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from rlx.config.snapshot import Snapshot
from rlx.launch import workers
from rlx.records.metrics import read_rows
from rlx.training.one_seed import Progress, train_seed
from rlx.training.seeds import train_run
from tests.training.test_training import cartpole, hashes


def train_in_child(snapshot: Snapshot, folder: Path) -> Any:
    """Start training in a process of its own (forked, so that it is at work at once)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forking beside threads
        child = multiprocessing.get_context("fork").Process(
            target=train_seed, args=(folder, snapshot, 3, folder, lambda _: None)
        )
        child.start()
    return child


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize(
    ("engine", "kills"),
    [
        ("fast", 5),
        pytest.param("fast", 20, marks=pytest.mark.slow),
        pytest.param("stable-baselines3", 20, marks=pytest.mark.slow),
    ],
)
def test_killed_at_random_moments_a_training_ends_as_if_undisturbed(
    tmp_path: Path, engine: str, kills: int, env_id: str
) -> None:
    """Each kill needs a process that has imported torch and trains."""
    steps = 60_000 if engine == "fast" else 15_000
    env = {"id": env_id, "kwargs": {}, "num_envs": 2}
    snapshot = cartpole(env=env, algo={"engine": engine, "total_timesteps": steps})
    train_seed(tmp_path, snapshot, 3, tmp_path / "warm", lambda _: None)
    started = os.times().elapsed
    train_seed(tmp_path, snapshot, 3, tmp_path / "calm", lambda _: None)
    seconds = os.times().elapsed - started
    moments, killed, resumed = random.Random(0), 0, False
    while killed < kills:
        child = train_in_child(snapshot, tmp_path / "killed")
        child.join(moments.uniform(0.01, seconds / 2))
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
        child.join()
        if child.exitcode == 0:  # it came through: that must be the same, too; begin again
            assert hashes(tmp_path / "killed") == hashes(tmp_path / "calm")
            resumed = True
            shutil.rmtree(tmp_path / "killed")
    if not resumed:  # on a busy machine none of them may have come to a checkpoint: kill one that has
        child = train_in_child(snapshot, tmp_path / "killed")
        while child.is_alive() and not list((tmp_path / "killed" / "checkpoints").glob("step_*.zip")):
            child.join(0.01)
        child.kill()
        child.join()
    signs: list[Progress] = []
    train_seed(tmp_path, snapshot, 3, tmp_path / "killed", signs.append)
    assert signs[0].resumed_from or signs[0].step >= steps or resumed
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "calm")
    updates = [row["iteration"] for row in read_rows(tmp_path / "killed" / "metrics.jsonl")]
    assert updates == list(range(1, len(updates) + 1))  # no row is missing, none is there twice


def test_results_are_the_same_for_any_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers start from nothing here, as outside of tests: two seconds of imports each."""
    start, fork = multiprocessing.get_context, multiprocessing.get_context("fork")
    monkeypatch.setattr(workers, "usable_cores", lambda: 4)
    snapshot = cartpole(num_seeds=4, seed=3)
    found = {}
    for count in (1, 2, 4):
        monkeypatch.setattr("multiprocessing.get_context", start if count == 2 else lambda _=None: fork)
        root = tmp_path / str(count)
        monkeypatch.setenv("RLX_WORKERS", str(count))
        train_run(root, "run", snapshot, lambda _: None)
        run = root / "runs" / "run"
        found[count] = [hashes_of_seed(run, seed) for seed in snapshot.seeds] + [(run / "metrics.jsonl").read_bytes()]
    assert found[1] == found[2] == found[4]
    monkeypatch.setattr("multiprocessing.get_context", lambda _=None: fork)
    alone = cartpole(num_seeds=1, seed=5)
    train_run(tmp_path / "alone", "run", alone, lambda _: None)
    assert hashes_of_seed(tmp_path / "alone" / "runs" / "run", 5) == found[1][2]


def hashes_of_seed(run: Path, seed: int) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "checkpoints" / f"seed_{seed}").iterdir()}


MEMORY = """
import resource, sys, tempfile
from pathlib import Path
from rlx.training.one_seed import train_seed
from tests.training.test_training import cartpole
for steps in (20_000, 200_000):
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1]))
    train_seed(folder, cartpole(algo={"engine": "fast", "total_timesteps": steps}), 0, folder, lambda _: None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_training(tmp_path: Path) -> None:
    """Two processes, one of which trains long enough for a leak to show."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    short, long = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    assert (long - short) * unit < 8 * 2**20
