"""Reference runs trained in a fresh project, by the stages that `dvc repro` runs."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import rlx
from rlx.config import read_snapshot
from rlx.launch import worker_count
from rlx.records import read_metadata, results

RUN = "reference"
STAGES = ("resolve", "train", "eval")
ENVIRONMENTS = Path(__file__).with_name("envs")
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trained:
    """What training a reference run gave.

    Attributes:
        config: Its complete effective configuration, and how it was evaluated.
        config_sha256: Hash of the part that determines what a seed gives.
        scores: Mean held-out return of each seed's final policy.
        policies: SHA-256 of that policy's weights.
        random: Mean return of random actions.
        engine: What computed it, and whether its bits are the same on every processor (``portable``).
        versions: rlx, the versions of its stages, Python and libraries.
        host: Processor, cores, system.
        cost: Steps per seed, seconds of CPU and by the clock, of training and evaluation.
    """

    config: dict[str, Any]
    config_sha256: str
    scores: dict[int, float]
    policies: dict[int, str]
    random: float
    engine: dict[str, Any]
    versions: dict[str, Any]
    host: dict[str, Any]
    cost: dict[str, Any]


@contextmanager
def fresh_project() -> Iterator[Path]:
    """Give a new project, with the environments of reference runs, that is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="rlx-regression-") as folder:
        _run(Path(folder), "-c", "from rlx.cli import main; main()", "init", "project", "--no-hooks", "--quiet")
        project = Path(folder) / "project"
        shutil.copytree(ENVIRONMENTS, project / "envs", dirs_exist_ok=True)
        yield project


def train(config: dict[str, Any], first: int, seeds: int) -> Trained:
    """Train seeds of a configuration in a fresh project, and play their held-out episodes.

    Args:
        config: As in `configs/<run>.yaml`.
        first: The first training seed.
        seeds: How many, each one more than the one before.

    Raises:
        RuntimeError: A stage failed; the message has what it said.
    """
    with fresh_project() as project:
        text = yaml.safe_dump({**config, "seed": first, "num_seeds": seeds}, sort_keys=False)
        (project / "configs" / f"{RUN}.yaml").write_text(text, encoding="utf-8")
        began, spent = time.perf_counter(), _cpu_seconds()
        for stage in STAGES:
            _run(project, "-m", f"stages.{stage}", RUN)
        seconds = {"cpu_seconds": _cpu_seconds() - spent, "wall_seconds": time.perf_counter() - began}
        return _read(project / "runs" / RUN, config, {name: round(value, 1) for name, value in seconds.items()})


def _read(folder: Path, config: dict[str, Any], seconds: dict[str, float]) -> Trained:
    snapshot, metadata = read_snapshot(folder / "config_snapshot.yaml"), read_metadata(folder)
    training, summary = snapshot.training_part(), results.read_summary(folder / "eval")
    latest = summary.scores["latest"]
    complete = {key: value for key, value in training.items() if key not in ("format", "code")}
    host = {key: metadata["host"][key] for key in ("processor", "vector_instructions", "machine", "cores")}
    return Trained(
        config={**complete, "final_eval": config["final_eval"]},
        config_sha256=hashlib.sha256(json.dumps(training, sort_keys=True).encode()).hexdigest(),
        scores=dict(latest.seeds),
        policies=dict(latest.policies),
        random=summary.random_return,
        engine=metadata["engine"],
        versions={"stages": dict(rlx.STAGE_VERSIONS), **metadata["versions"]},
        host=host,
        cost={
            "steps_per_seed": snapshot.config.algo.total_timesteps,
            **seconds,
            "workers": worker_count(len(latest.seeds)),
        },
    )


def _run(folder: Path, *words: str) -> None:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    paths = [str(REPOSITORY / "src"), environment.get("PYTHONPATH", "")]  # what is measured is this checkout
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[-3:])} failed:\n{done.stdout[-1500:]}{done.stderr[-2000:]}")


def _cpu_seconds() -> float:
    """Return what processes that ended have used of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
