"""What rlx works with: a package that adds one of everything, installed as packages are, and driven by commands alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Project
from tests.house.test_plugins import TOY
from tests.records.test_sinks import TOY as TOY_SINK

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

ENTRIES = """\
[rlx.algorithms]
toy_reinforce = rlx_toy.learner
[rlx.sinks]
toy = rlx_toy.sink:Toy
[rlx.executors]
commands = rlx_toy:EXECUTOR
[rlx.samplers]
every = rlx_toy:SAMPLER
[rlx.rules]
counted = rlx_toy:RULE
[rlx.commands]
greet = rlx_toy:greet
"""


def wheel(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a wheel of the package `rlx-toy`."""
    info = "rlx_toy-1.2.dist-info"
    content = {
        **files,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: rlx-toy\nVersion: 1.2\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": ENTRIES,
    }
    path = folder / "rlx_toy-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        lines = []
        for name, text in content.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(text.encode())}\n")
        archive.writestr(f"{info}/RECORD", "".join(lines) + f"{info}/RECORD,,\n")
    return path


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The variables of an environment in which the package is installed."""
    learner = (REPOSITORY / "algorithms/reinforce.py").read_text().replace('"reinforce"', '"toy_reinforce"')
    files = {"rlx_toy/__init__.py": TOY, "rlx_toy/learner.py": learner, "rlx_toy/sink.py": TOY_SINK}
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel(tmp_path, files))], check=True, capture_output=True)
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def test_a_package_adds_one_of_everything(installed: dict[str, str], study: Project) -> None:
    """An experiment of its algorithm, trained by its executor, followed by its sink and diagnosed by its rule: real
    processes throughout, which start in two seconds each."""

    def rlx(*arguments: str) -> str:
        done = subprocess.run(
            ["rlx", *arguments], cwd=study.root, env=installed, text=True, capture_output=True, check=False, timeout=300
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "greet" in rlx("--help")
    assert rlx("greet", "you") == "hello you\n"
    with (study.root / "params.yaml").open("a") as file:
        file.write("log: {sinks: [toy]}\n")
    study.write("configs/toy.yaml", "algo: {name: toy_reinforce, total_timesteps: 4096}\neval: {every: 2048}\n")
    study.commit("a run of the package's algorithm")
    said = rlx("train", "toy", "--seeds", "1", "--executor", "commands")
    assert "training seed 1, by commands" in said
    folder = study.root / "runs/toy_001"
    metadata = json.loads((folder / "metadata.json").read_text())
    assert (metadata["status"], metadata["algorithm"]) == ("finished", "toy_reinforce")
    told = [json.loads(line) for path in folder.rglob("told.jsonl") for line in path.read_text().splitlines()]
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [each["step"] for each in told if "step" in each] == steps
    assert told[-1] == {"close": "finished"}
    assert "Seeds were counted" in rlx("diagnose", "toy_001")
    study.write("sweeps/points.yaml", "config: cartpole\nsampler: every\ngrid: {algo.gamma: [0.9, 0.95, 0.99]}\n")
    said = rlx("sweep", "points", "--dry-run")
    assert set(re.findall(r"\b0\.9\d?\b", said)) == {"0.99", "0.9"}
