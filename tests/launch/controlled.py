"""A small project whose training takes its time, and a controller of it in a process of its own, to be killed or interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from rlx.config import RunConfig, Snapshot
from rlx.records import entry_for
from tests.conftest import REPOSITORY, interruptible

ENVIRONMENT = '''
import time

import gymnasium as gym
import numpy as np


class Slow(gym.Env):
    """Walks at random on a line, and takes its time."""

    observation_space = gym.spaces.Box(-10.0, 10.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, pause=0.0, fault=""):
        self.pause, self.fault = pause, fault

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.steps = 0.0, 0
        return np.array([self.at], np.float32), {}

    def step(self, action):
        time.sleep(self.pause)
        if self.fault == "raise":
            raise ValueError("no such step")
        self.steps += 1
        self.at = float(np.clip(self.at + (1 if action else -1) * self.np_random.uniform(), -9, 9))
        return np.array([self.at], np.float32), -abs(self.at), self.steps >= 20, False, {}


gym.register("Slow-v0", Slow)
'''
CONTROL = """
import json, sys
from pathlib import Path
from rlx.config import recorded_snapshot
from rlx.launch import guarded, leave
from rlx.training.seeds import train_run
root = Path(sys.argv[1])
snapshot = recorded_snapshot((root / "runs/a/config_snapshot.yaml").read_text(), "snapshot", "")
def control():
    outcomes = train_run(root, "a", snapshot, lambda _: None)
    (root / "outcomes.json").write_text(json.dumps([vars(each) for each in outcomes]))
leave(guarded(control))
"""


def slow_project(root: Path, launch: Mapping[str, Any], *, seeds: int = 1, steps: int = 512, **env: Any) -> Snapshot:
    """Write a project with one run on an environment that takes its time, and return its snapshot.

    Args:
        root: Where.
        launch: The section of that name in ``params.yaml``.
        seeds: How many seeds it has.
        steps: How many steps each trains, 64 to a checkpoint.
        env: What the environment is given: ``pause``, the seconds that a step takes, and ``fault``.
    """
    for folder in ("configs", "runs/a", "envs"):
        (root / folder).mkdir(parents=True)
    (root / "envs/__init__.py").write_text(ENVIRONMENT)
    data: dict[str, Any] = {
        "num_seeds": seeds,
        "env": {"id": "Slow-v0", "num_envs": 2, "kwargs": env},
        "algo": {"total_timesteps": steps, "rollout_steps": 16, "batch_size": 16, "update_epochs": 1},
        "policy": {"hidden_sizes": [4]},
        "checkpoint": {"save_every": 64},
        "eval": {"every": 256, "episodes": 1},
    }
    said = [f"{key}: {json.dumps(value)}" for key, value in {"study": {"runs": ["a"]}, **data}.items()]
    lines = [f"  {key}: {json.dumps(value)}" for key, value in launch.items()]
    (root / "params.yaml").write_text("\n".join([*said, *(["launch:", *lines] if lines else [])]) + "\n")
    (root / "configs/a.yaml").write_text("{}\n")
    snapshot = Snapshot(RunConfig.model_validate(data))
    (root / "runs/a/config_snapshot.yaml").write_text(snapshot.to_yaml())
    return snapshot


class Controller:
    """``train_run`` of the project in a process of its own."""

    def __init__(self, root: Path, variables: Mapping[str, str]):
        self.root, self._log = root, root / "controller.txt"
        paths = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CONTROL, str(root)],
                env={**os.environ, "PYTHONPATH": paths, **variables},
                stdout=log,
                stderr=log,
                preexec_fn=interruptible,  # noqa: PLW1509 — this process starts no threads
                start_new_session=True,
                cwd=root,
            )

    @property
    def said(self) -> str:
        """What it has printed, with all that were started before it."""
        return self._log.read_text()

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """Interrupt it, as Ctrl-C does; returns its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def ended(self, seconds: float = 500) -> list[dict[str, Any]]:
        """Wait for its end; returns the outcomes of the seeds."""
        assert self.process.wait(seconds) == 0, self.said
        found: list[dict[str, Any]] = json.loads((self.root / "outcomes.json").read_text())
        return found


def task_folder(root: Path, snapshot: Snapshot, seed: int | None = None) -> Path:
    """Return the folder of a seed's task, by default of the first."""
    return entry_for(root, snapshot, snapshot.seeds[0] if seed is None else seed).folder


def wait_for(what: Callable[[], Any], controller: Controller | None = None, seconds: float = 300) -> Any:
    """Wait until something is true, and return it; fails with what the controller said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(controller.said if controller else "it did not come to pass")


def places(folder: Path) -> int:
    """Return a number that changes whenever the training in a folder comes to a checkpoint."""
    path = folder / "safe_place"
    return path.stat().st_mtime_ns if path.exists() else 0


def processes_with(text: str) -> list[psutil.Process]:
    """Return the living processes of whose command a text is part."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if text in " ".join(each.cmdline()):
                found.append(each)
    return found


def results(root: Path) -> dict[str, bytes]:
    """Return the bytes of what a run has, by path: checkpoints, metrics."""
    folder = root / "runs/a"
    found = [*folder.rglob("*.zip"), *folder.rglob("metrics.jsonl")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
