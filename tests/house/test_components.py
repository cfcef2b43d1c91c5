"""What rlx works with: packages that add one of everything, installed as packages are, and driven by commands alone.

The template `examples/rlx-plugin` adds an algorithm, a sink, a rule and a command; a package of this test's own an executor and a sampler.
"""

from __future__ import annotations

import base64
import csv
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

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

TEMPLATE = REPOSITORY / "examples" / "rlx-plugin"
ENTRIES = """\
[rlx.executors]
commands = rlx_toy:EXECUTOR
[rlx.samplers]
every = rlx_toy:SAMPLER
[rlx.rules]
spoiled = rlx_toy.spoiled
"""
NARROW = """\
run_name: narrow
num_seeds: 2
algo: {name: noisy_cem, population: 8, elite: 0.1, noise: 0, total_timesteps: 4096}
eval: {every: 2048}
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
    """The variables of an environment in which both packages are installed."""
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        str(site),
    ]
    own = wheel(tmp_path, {"rlx_toy/__init__.py": TOY, "rlx_toy/spoiled.py": "raise SystemExit('spoiled')\n"})
    subprocess.run([*pip, str(own), str(TEMPLATE)], check=True, capture_output=True)
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def told(folder: Path, environment: dict[str, str], *command: str, status: int = 0) -> str:
    """Run a command where the packages are installed, and return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, check=False, timeout=300
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_packages_add_one_of_everything(installed: dict[str, str], study: Project) -> None:
    """An experiment of the template's algorithm, trained by an executor, followed by its sink and diagnosed by its rule: real
    processes throughout, which start in two seconds each."""

    def rlx(*arguments: str, status: int = 0) -> str:
        return told(study.root, installed, "rlx", *arguments, status=status)

    assert "scores  Of rlx-plugin 1.0.0." in rlx("--help")
    with (study.root / "params.yaml").open("a") as file:
        file.write("log: [table]\n")
    study.write("configs/narrow.yaml", NARROW)
    study.commit("a run of the template's algorithm")
    assert "training seeds 1, 2, by commands" in rlx("train", "narrow", "--executor", "commands")
    folder = study.root / "runs/narrow_001"
    metadata = json.loads((folder / "metadata.json").read_text())
    assert (metadata["status"], metadata["algorithm"]) == ("finished", "noisy_cem")
    assert metadata["versions"]["rlx-plugin"] == "1.0.0"
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for seed in (1, 2):
        with (folder / f"logs/seed_{seed}/table.csv").open() as file:
            lines = list(csv.DictReader(file))
        mine = [row for row in rows if row["seed"] == seed]
        assert [int(line["step"]) for line in lines] == [row["step"] for row in mine]
        assert [float(line["rollout/return_mean"]) for line in lines] == [row["rollout/return_mean"] for row in mine]
    diagnosed = rlx("diagnose", "narrow_001", status=1)
    assert "The search narrowed too soon" in diagnosed
    assert "Passed over: the plugin 'spoiled' (rlx.rules) of the package rlx-toy 1.2 cannot be used" in diagnosed
    summary = json.loads((folder / "eval/summary.json").read_text())["checkpoints"]["latest"]["seeds"]
    assert json.loads(rlx("scores", "narrow_001", "--json"))["scores"].keys() == {"1", "2"}, summary
    assert "error: there is no run 'narow'; did you mean" in rlx("scores", "narow", status=4)
    study.write("sweeps/points.yaml", "config: cartpole\nsampler: every\ngrid: {algo.gamma: [0.9, 0.95, 0.99]}\n")
    said = rlx("sweep", "points", "--dry-run")
    assert set(re.findall(r"\b0\.9\d?\b", said)) == {"0.99", "0.9"}
    packages = {each["package"]: each for each in json.loads(rlx("doctor", "--json", status=1))["plugins"]}
    assert packages["rlx-plugin"] == {
        "package": "rlx-plugin",
        "version": "1.0.0",
        "adds": {
            "algorithms": ["noisy_cem"],
            "sinks": ["table"],
            "rules": ["spread-collapsed"],
            "commands": ["scores"],
        },
        "problems": [],
    }
    assert packages["rlx-toy"]["adds"] == {"executors": ["commands"], "samplers": ["every"]}


def test_the_template_keeps_what_it_promises(installed: dict[str, str], project: Project) -> None:
    """Its own tests, and half a minute of trainings that are killed and compared."""
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(TEMPLATE / "tests")]
    assert re.search(r"\d+ passed", told(project.root, installed, *tests))
    assert "it resumes to the same bytes" in told(project.root, installed, "rlx", "check-algorithm", "noisy_cem")
